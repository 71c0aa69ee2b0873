//! Slack, an incoming webhook with Block Kit: what it is, the plan and the command to type. The
//! webhook cannot be answered, so there is no button that decides, only one that opens the page.

use serde_json::{Value, json};

use crate::domain::notice::Notice;
use crate::domain::words;
use crate::notify::cut;

/// The longest text of a section.
const SECTION: usize = 3000;
/// The longest header.
const HEADER: usize = 150;

/// The message.
pub fn message(notice: &Notice, public_url: Option<&str>) -> Value {
    let mark = if notice.over_at.is_some() { "Over: " } else { "" };
    let title = format!("{mark}{}", notice.title);
    let mut blocks = vec![
        json!({"type": "header", "text": {"type": "plain_text", "text": cut(&title, HEADER)}}),
        section(&notice.text),
    ];
    if let Some(ask) = &notice.ask {
        blocks.push(section(&format!(
            "Plan {}, until {}. A yes loses: {}.",
            ask.hash,
            words::instant(ask.expires_at),
            ask.loses
        )));
        blocks.push(section(&ask.approve));
        blocks.push(section(&ask.reject));
    }
    if let Some(link) = notice.link(public_url) {
        blocks.push(json!({"type": "actions", "elements": [
            {"type": "button", "text": {"type": "plain_text", "text": "Open the page"}, "url": link},
        ]}));
    }
    json!({"text": escaped(&cut(&title, SECTION)), "blocks": blocks})
}

/// Plain text on purpose: in `mrkdwn` a name from a cluster could forge a link or call everybody.
fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "plain_text", "text": cut(text, SECTION), "emoji": false}})
}

/// The fallback text is always read as `mrkdwn`: these three characters are its control characters.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::notify::tests::asking;

    fn texts(message: &Value) -> Vec<(String, String)> {
        let blocks = message["blocks"].as_array().unwrap();
        assert!(blocks.len() <= 50);
        let text = |block: &Value| {
            Some((
                block["type"].as_str()?.to_owned(),
                block["text"]["text"].as_str()?.to_owned(),
            ))
        };
        blocks.iter().filter_map(text).collect()
    }

    #[test]
    fn a_message_keeps_to_the_limits_of_block_kit_and_carries_the_whole_command() {
        let message = message(&asking(500), Some("https://r.example.org"));
        let command = format!("refollow approve {}", "ab".repeat(32));
        let texts = texts(&message);
        assert!(texts.iter().any(|(_, text)| *text == command));
        for (kind, text) in texts {
            let longest = if kind == "header" { 150 } else { 3000 };
            assert!((1..=longest).contains(&text.chars().count()), "{kind}");
        }
        let button = &message["blocks"][5]["elements"][0];
        assert_eq!(button["url"], "https://r.example.org/plans/x");
    }

    #[test]
    fn names_cannot_forge_a_link_and_what_is_over_asks_nothing() {
        let message = message(&asking(1).over(Timestamp::UNIX_EPOCH), None);
        let fallback = message["text"].as_str().unwrap();
        assert!(
            fallback.starts_with("Over: ") && fallback.contains("&lt;now&gt; &amp;"),
            "{fallback}"
        );
        assert_eq!(texts(&message).len(), 2);
    }
}
