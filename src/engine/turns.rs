//! Whose turn it is where not all can be asked at once: half of the room goes to the shortest
//! runway, so that what is about to be lost stays known, and half to whoever waited longest, so
//! that everybody is known in the end. Pure.

use crate::domain::time::Timestamp;

/// One that wants to be asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting<T> {
    /// Who.
    pub who: T,
    /// When the leader may discard what it needs.
    pub runway: Option<Timestamp>,
    /// When it was last asked.
    pub asked_at: Option<Timestamp>,
    /// How many calls it takes.
    pub calls: usize,
}

/// Those whose turn it is, the most urgent first, with no more calls than `room` together. Who
/// alone takes more than the room is asked alone, rather than never.
pub(crate) fn in_turn<T: Ord + Copy>(mut waiting: Vec<Waiting<T>>, room: usize) -> Vec<T> {
    let mut chosen: Vec<T> = Vec::new();
    let mut used = 0_usize;
    let mut take = |list: &[Waiting<T>], room: usize, chosen: &mut Vec<T>| {
        for one in list {
            if chosen.contains(&one.who) {
                continue;
            }
            if used + one.calls > room && !chosen.is_empty() {
                return;
            }
            used += one.calls;
            chosen.push(one.who);
        }
    };
    waiting.sort_by_key(|one| (one.runway.unwrap_or(Timestamp::MAX), one.who));
    take(&waiting, room / 2, &mut chosen);
    // Stable: of those that waited equally long the shortest runway stays first.
    waiting.sort_by_key(|one| one.asked_at);
    take(&waiting, room, &mut chosen);
    chosen
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(second)
    }

    fn crowd(asked: &BTreeMap<u32, Timestamp>) -> Vec<Waiting<u32>> {
        // The higher the number, the shorter the runway.
        (0..400)
            .map(|who| Waiting {
                who,
                runway: (who > 0).then(|| at(10_000 - i64::from(who))),
                asked_at: asked.get(&who).copied(),
                calls: 8,
            })
            .collect()
    }

    #[test]
    fn no_look_asks_more_than_its_room_and_the_shortest_runway_is_always_in_it() {
        let mut asked = BTreeMap::new();
        for look in 0..20 {
            let turn = in_turn(crowd(&asked), 64);
            assert_eq!(turn.len(), 8);
            assert_eq!(turn[0], 399);
            asked.extend(turn.into_iter().map(|who| (who, at(look))));
        }
    }

    #[test]
    fn everybody_is_asked_in_the_end_also_without_a_known_runway() {
        let mut asked = BTreeMap::new();
        let mut looks = 0;
        while asked.len() < 400 {
            let turn = in_turn(crowd(&asked), 64);
            asked.extend(turn.into_iter().map(|who| (who, at(looks))));
            looks += 1;
            assert!(looks <= 100, "{} of 400 after {looks} looks", asked.len());
        }
    }

    #[test]
    fn who_alone_takes_more_than_the_room_is_asked_alone() {
        let mut waiting = crowd(&BTreeMap::new());
        for one in &mut waiting {
            one.calls = 100;
        }
        assert_eq!(in_turn(waiting, 64), [399]);
    }

    #[test]
    fn all_are_asked_where_there_is_room() {
        let waiting = crowd(&BTreeMap::new()).into_iter().take(5).collect();
        assert_eq!(in_turn(waiting, 64).len(), 5);
    }
}
