//! The generic webhook: one JSON document per message, described in `docs/NOTIFICATIONS.md`, and
//! signed where a key is configured, so that the far end can tell ours from anybody's.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::domain::access::hex;
use crate::domain::notice::Notice;
use crate::domain::time::Timestamp;

/// The name and version of the format; what is added keeps it, what is changed raises it.
pub const FORMAT: &str = "refollow-notice/1";
/// The header with the time of sending, whole seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "x-refollow-timestamp";
/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "x-refollow-signature";

/// The document. `number` counts the messages about this notice to this receiver, from 1; a message
/// that is sent again because nobody knows whether it arrived has the same.
pub fn document(notice: &Notice, number: u32, now: Timestamp, public_url: Option<&str>) -> Value {
    json!({
        "format": FORMAT,
        "id": notice.fingerprint(),
        "number": number,
        "status": if notice.over_at.is_some() { "resolved" } else { "firing" },
        "sent_at": now,
        "topic": notice.topic,
        "subject": notice.subject,
        "severity": notice.severity,
        "cluster": notice.cluster,
        "cause": notice.cause,
        "title": notice.title,
        "text": notice.text,
        "since": notice.since,
        "ended_at": notice.over_at,
        "followers": notice.followers,
        "follower_count": notice.count,
        "plans_waiting": notice.plans,
        "ask": notice.ask,
        "link": notice.link(public_url),
    })
}

/// `sha256=` and HMAC-SHA256 in hexadecimal, by that key, of `<timestamp>.<body>`. The time is
/// signed too, so that an old message cannot be played again later.
pub fn signature(key: &[u8], timestamp: i64, body: &[u8]) -> Option<String> {
    // HMAC takes keys of any length; the type cannot know.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(format!("sha256={}", hex(&mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::tests::asking;

    #[test]
    fn a_signature_is_what_any_hmac_gives() {
        // printf '0.{}' | openssl dgst -sha256 -hmac key
        assert_eq!(
            signature(b"key", 0, b"{}").as_deref(),
            Some("sha256=7314351dd949aa7ec06f50fc2c96e618291447672c9b7f10b49d1ce46dad00b3")
        );
        assert_ne!(signature(b"key", 1, b"{}"), signature(b"key", 0, b"{}"));
    }

    #[test]
    fn a_document_says_what_it_is_about_and_when_it_ended() {
        let at = Timestamp::UNIX_EPOCH;
        let firing = document(&asking(1), 1, at, Some("https://r.example.org"));
        assert_eq!(
            (&firing["status"], &firing["number"], &firing["format"]),
            (&json!("firing"), &json!(1), &json!("refollow-notice/1"))
        );
        assert_eq!(firing["link"], "https://r.example.org/plans/x");
        assert_eq!(firing["ask"]["hash"], "ab".repeat(32));
        let over = document(&asking(1).over(at), 2, at, None);
        assert_eq!(
            (&over["status"], &over["ask"]),
            (&json!("resolved"), &Value::Null)
        );
        assert_eq!((&over["id"], &over["link"]), (&firing["id"], &Value::Null));
    }
}
