//! `PagerDuty` Events API v2, `POST /v2/enqueue`: one alert for each subject, by its `dedup_key`,
//! so that a repeat updates it and sending twice does no harm.

use serde_json::{Value, json};

use crate::domain::notice::{Notice, Severity};
use crate::notify::cut;

/// Where events go, but for accounts in the EU (`https://events.eu.pagerduty.com`).
pub const ADDRESS: &str = "https://events.pagerduty.com";
/// The path behind it.
pub const PATH: &str = "/v2/enqueue";

/// The longest `payload.summary`.
const SUMMARY: usize = 1024;
/// The longest text beside it; an event of more than 512 KB is refused as a whole.
const TEXT: usize = 8 * 1024;

/// The event. The routing key is a secret and stands in the body: never log what this returns.
pub fn event(notice: &Notice, routing_key: &str, public_url: Option<&str>) -> Value {
    let key = notice.fingerprint();
    if notice.over_at.is_some() {
        return json!({"routing_key": routing_key, "event_action": "resolve", "dedup_key": key});
    }
    let mut details = json!({
        "text": cut(&notice.text, TEXT), "subject": notice.subject,
        "followers": notice.followers, "follower_count": notice.count,
    });
    if let Some(ask) = &notice.ask {
        details["plan"] = json!(ask.hash);
        details["loses"] = json!(ask.loses);
        details["expires_at"] = json!(ask.expires_at);
        details["approve"] = json!(ask.approve);
        details["reject"] = json!(ask.reject);
    }
    let mut event = json!({
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": key,
        "client": "refollow",
        "payload": {
            "summary": cut(&notice.title, SUMMARY),
            "source": notice.cluster.as_ref().map_or("refollow", |cluster| cluster.as_str()),
            "severity": severity(notice.severity),
            "timestamp": notice.since,
            "class": notice.cause.map_or(notice.topic.as_str(), |cause| cause.as_str()),
            "custom_details": details,
        },
    });
    if let Some(link) = notice.link(public_url) {
        event["client_url"] = json!(link);
        event["links"] = json!([{"href": link, "text": "The page of refollow"}]);
    }
    event
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::notify::tests::asking;

    #[test]
    fn an_event_keeps_to_the_published_limits_and_carries_the_command() {
        let event = event(&asking(200), "key", Some("https://r.example.org"));
        let summary = event["payload"]["summary"].as_str().unwrap();
        assert_eq!(summary.chars().count(), 1024);
        assert!(event["dedup_key"].as_str().unwrap().len() <= 255);
        let known = ["critical", "error", "warning", "info"];
        assert!(known.contains(&event["payload"]["severity"].as_str().unwrap()));
        let approve = event["payload"]["custom_details"]["approve"].as_str().unwrap();
        assert_eq!(approve, format!("refollow approve {}", "ab".repeat(32)));
        assert_eq!(event["links"][0]["href"], "https://r.example.org/plans/x");
    }

    #[test]
    fn what_is_over_resolves_the_alert_that_was_triggered() {
        let notice = asking(1);
        let triggered = event(&notice, "key", None);
        let resolved = event(&notice.over(Timestamp::UNIX_EPOCH), "key", None);
        assert_eq!(resolved["event_action"], "resolve");
        assert_eq!(resolved["dedup_key"], triggered["dedup_key"]);
        assert!(triggered.get("client_url").is_none());
    }
}
