//! In which order followers are shown: what needs a person first, in `status` and on the pages alike.

use crate::domain::cause::Cause;
use crate::domain::decision::DecisionKind;
use crate::domain::time::Timestamp;
use crate::http::dto::FollowerItem;

/// How much a follower needs somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// A person is asked or told: nothing goes on without one.
    Person,
    /// It is not well, and refollow waits or acts.
    Watched,
    /// Nothing.
    Nothing,
}

/// How much this one needs somebody.
pub fn need(follower: &FollowerItem) -> Need {
    match follower.decision {
        DecisionKind::Alert | DecisionKind::Ask => Need::Person,
        _ if follower.cause != Cause::None => Need::Watched,
        _ => Need::Nothing,
    }
}

/// What needs a person first, and of those the shortest runway: a follower paused with two hours
/// left is louder than one fatal with ten.
pub fn loudest_first(followers: &[FollowerItem]) -> Vec<&FollowerItem> {
    let mut sorted: Vec<&FollowerItem> = followers.iter().collect();
    sorted.sort_by_key(|follower| {
        (
            need(follower),
            follower.runway_expires_at.unwrap_or(Timestamp::MAX),
            &follower.cluster,
            &follower.index,
        )
    });
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follower(index: &str, decision: &str, cause: &str, runway: Option<i64>) -> FollowerItem {
        let runway = runway.map(|second| Timestamp::from_second(second).unwrap().to_string());
        serde_json::from_value(serde_json::json!({
            "cluster": "eu", "index": index, "state": "paused", "cause": cause, "decision": decision,
            "lag_operations": null, "runway_expires_at": runway, "incident": null,
        }))
        .unwrap()
    }

    #[test]
    fn what_needs_a_person_with_the_shortest_runway_is_loudest() {
        let hour = 3_600;
        let listed = [
            follower("a-well", "leave", "none", None),
            follower("b-waits", "wait", "leader_closed", Some(hour)),
            follower("c-fatal", "ask", "history_lost", Some(10 * hour)),
            follower("d-no-runway", "alert", "leader_deleted", None),
            follower("e-paused", "alert", "paused", Some(2 * hour)),
            follower("f-ended", "alert", "paused", Some(-hour)),
        ];
        let order: Vec<&str> = loudest_first(&listed)
            .iter()
            .map(|one| one.index.as_str())
            .collect();
        assert_eq!(
            order,
            [
                "f-ended",
                "e-paused",
                "c-fatal",
                "d-no-runway",
                "b-waits",
                "a-well"
            ]
        );
    }
}
