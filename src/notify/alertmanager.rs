//! Alertmanager, `POST /api/v2/alerts`: labels tell which alert it is, so they hold nothing that
//! changes while it lasts. It counts as over at `endsAt`, so it is sent again before that.

use serde_json::{Value, json};

use crate::domain::notice::Notice;
use crate::domain::time::{Span, Timestamp, after};

/// The path behind the address of an Alertmanager.
pub const PATH: &str = "/api/v2/alerts";

/// The body. `good_for` is how long an alert holds without being sent again.
pub fn alerts<'a>(
    notices: impl IntoIterator<Item = &'a Notice>,
    now: Timestamp,
    good_for: Span,
    public_url: Option<&str>,
) -> Value {
    notices
        .into_iter()
        .map(|notice| alert(notice, now, good_for, public_url))
        .collect()
}

fn alert(notice: &Notice, now: Timestamp, good_for: Span, public_url: Option<&str>) -> Value {
    let mut labels = json!({
        "alertname": "RefollowNotice",
        "topic": notice.topic.as_str(),
        "subject": notice.subject,
        "severity": notice.severity.as_str(),
    });
    // Alertmanager takes an empty label for one that is not there.
    if let Some(cluster) = &notice.cluster {
        labels["es_cluster"] = json!(cluster);
    }
    if let Some(cause) = notice.cause {
        labels["cause"] = json!(cause.as_str());
    }
    let mut annotations = json!({"summary": notice.title, "description": notice.text});
    if let Some(ask) = &notice.ask {
        annotations["approve"] = json!(ask.approve);
        annotations["reject"] = json!(ask.reject);
        annotations["loses"] = json!(ask.loses);
        annotations["expires_at"] = json!(ask.expires_at.to_string());
    }
    if !notice.followers.is_empty() {
        let names: Vec<String> = notice.followers.iter().map(ToString::to_string).collect();
        annotations["followers"] = json!(names.join(", "));
        annotations["follower_count"] = json!(notice.count.to_string());
    }
    let ends = notice.over_at.unwrap_or_else(|| after(now, good_for));
    let mut alert = json!({
        "labels": labels,
        "annotations": annotations,
        "startsAt": notice.since,
        "endsAt": ends,
    });
    if let Some(link) = notice.link(public_url) {
        alert["generatorURL"] = json!(link);
    }
    alert
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::tests::asking;

    #[test]
    fn the_labels_of_a_firing_and_an_ended_alert_are_the_same() {
        let (now, notice) = (Timestamp::UNIX_EPOCH, asking(1));
        let good_for = Span::from_secs(300);
        let firing = alerts([&notice], now, good_for, None);
        assert_eq!(firing[0]["endsAt"], "1970-01-01T00:05:00Z");
        assert!(firing[0].get("generatorURL").is_none());
        let ended = alerts([&notice.over(now)], now, good_for, Some("https://r.example.org"));
        assert_eq!(ended[0]["labels"], firing[0]["labels"]);
        assert_eq!(ended[0]["endsAt"], "1970-01-01T00:00:00Z");
        for part in ["labels", "annotations"] {
            let texts = firing[0][part].as_object().unwrap();
            assert!(
                texts.values().all(Value::is_string),
                "{part}: only texts are taken"
            );
        }
    }
}
