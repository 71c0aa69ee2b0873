//! The audit log as a story: what concerns one run or one follower, newest part of it.
//!
//! Owns which records belong to a question; how they read for people is the command line's business.

use crate::domain::ids::{FollowerKey, RunId};
use crate::domain::time::Timestamp;
use crate::store::{AuditRecord, Store, StoreError};

/// Records read at once.
const PAGE: u32 = 500;

/// Which records are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Only what belongs to this run: its plan with people's words on it, its opening, its
    /// requests, its end.
    pub run: Option<RunId>,
    /// Only what is about this follower.
    pub follower: Option<FollowerKey>,
    /// Only records written at or after this.
    pub since: Option<Timestamp>,
    /// At most so many, the newest.
    pub limit: u32,
}

/// The wanted records, oldest first.
///
/// Read from the end backwards, page by page, so that a long log costs only as much as is asked of it.
///
/// # Errors
/// When the log cannot be read.
pub async fn tell(store: &dyn Store, wanted: &Wanted) -> Result<Vec<AuditRecord>, StoreError> {
    let most = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
    let mut reader = Reader::new(wanted);
    let mut found = Vec::new();
    let mut end = store.audit_len().await?;
    while end > 0 && found.len() < most && !reader.complete {
        let from = end.saturating_sub(u64::from(PAGE)) + 1;
        let page = store.audit_log(from, PAGE).await?;
        for record in page.into_iter().rev().filter(|record| record.seq <= end) {
            if found.len() >= most || reader.complete {
                break;
            }
            if reader.takes(&record) {
                found.push(record);
            }
        }
        end = from - 1;
    }
    found.reverse();
    Ok(found)
}

/// Reads backwards and learns on the way which plan a run belongs to: every record of a run that
/// names both comes later than the plan's own.
#[derive(Debug)]
struct Reader<'a> {
    wanted: &'a Wanted,
    /// The plan of the wanted run.
    plan: Option<String>,
    /// The beginning of what is wanted was read.
    complete: bool,
}

impl<'a> Reader<'a> {
    fn new(wanted: &'a Wanted) -> Self {
        Self {
            wanted,
            plan: None,
            complete: false,
        }
    }

    fn takes(&mut self, record: &AuditRecord) -> bool {
        let in_time = self.wanted.since.is_none_or(|since| record.at >= since);
        let of_follower = self
            .wanted
            .follower
            .as_ref()
            .is_none_or(|key| is_about(record, &key.to_string()));
        in_time && of_follower && self.of_run(record)
    }

    fn of_run(&mut self, record: &AuditRecord) -> bool {
        let Some(run) = &self.wanted.run else { return true };
        let event = &record.event;
        let subject = event["subject"].as_str();
        let detail = &event["detail"];
        let names_run = [&detail["run"], &detail["state"]["run"]]
            .iter()
            .any(|value| value.as_str() == Some(run.as_str()));
        if names_run || subject == Some(run.as_str()) {
            let plan = match event["kind"].as_str() {
                Some(kind) if kind.starts_with("plan_") => subject,
                _ => detail["plan"].as_str(),
            };
            if let Some(plan) = plan {
                self.plan = Some(plan.to_owned());
            }
            return true;
        }
        let of_plan = self.plan.is_some() && subject == self.plan.as_deref();
        // A plan of the same facts may have been made before: that is another story.
        self.complete |= of_plan && event["kind"] == "plan_made";
        of_plan
    }
}

/// Whether a record is about this follower: by its subject or by its detail.
fn is_about(record: &AuditRecord, follower: &str) -> bool {
    let event = &record.event;
    event["subject"].as_str() == Some(follower) || event["detail"]["follower"].as_str() == Some(follower)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::time::after;
    use crate::store::AuditEvent;
    use crate::store::memory::MemoryStore;

    async fn log(records: &[(&str, &str, Value)]) -> MemoryStore {
        let store = MemoryStore::new();
        for (number, (kind, subject, detail)) in records.iter().enumerate() {
            let at = after(
                Timestamp::UNIX_EPOCH,
                std::time::Duration::from_secs(number as u64 * 60),
            );
            let event = AuditEvent {
                at,
                kind: (*kind).to_owned(),
                who: "ann".to_owned(),
                subject: (*subject).to_owned(),
                detail: detail.clone(),
            };
            store.audit(&event).await.unwrap();
        }
        store
    }

    fn all() -> Wanted {
        Wanted {
            run: None,
            follower: None,
            since: None,
            limit: 1_000,
        }
    }

    async fn seqs(store: &MemoryStore, wanted: &Wanted) -> Vec<u64> {
        let records = tell(store, wanted).await.unwrap();
        records.iter().map(|record| record.seq).collect()
    }

    #[tokio::test]
    async fn the_story_of_a_run_begins_with_its_plan_and_holds_nothing_of_others() {
        let store = log(&[
            ("plan_made", "h1", json!({"follower": "eu/a"})),
            (
                "plan_done",
                "h1",
                json!({"follower": "eu/a", "state": {"state": "done", "run": "r0"}}),
            ),
            ("plan_made", "h1", json!({"follower": "eu/a"})),
            ("approved", "h1", json!({"follower": "eu/a"})),
            ("brake_engaged", "all", json!({})),
            (
                "plan_running",
                "h1",
                json!({"follower": "eu/a", "state": {"state": "running", "run": "r1"}}),
            ),
            ("request_sent", "eu/a", json!({"run": "r1"})),
            ("request_sent", "eu/b", json!({"run": "r2"})),
            ("abort", "r1", json!({})),
            ("run_ended", "eu/a", json!({"run": "r1", "plan": "h1"})),
        ])
        .await;
        let of_run = Wanted {
            run: Some(RunId::parse("r1").unwrap()),
            ..all()
        };
        assert_eq!(seqs(&store, &of_run).await, [3, 4, 6, 7, 9, 10]);
        let of_follower = Wanted {
            follower: Some(FollowerKey::parse("eu/b").unwrap()),
            ..all()
        };
        assert_eq!(seqs(&store, &of_follower).await, [8]);
    }

    #[tokio::test]
    async fn the_newest_are_told_oldest_first_over_the_borders_of_pages() {
        let many: Vec<_> = (0..1_203).map(|_| ("x", "all", json!({}))).collect();
        let store = log(&many).await;
        let newest = Wanted { limit: 3, ..all() };
        assert_eq!(seqs(&store, &newest).await, [1_201, 1_202, 1_203]);
        let everything = Wanted {
            limit: u32::MAX,
            ..all()
        };
        assert_eq!(seqs(&store, &everything).await, (1..=1_203).collect::<Vec<_>>());
        let late = Wanted {
            since: Some(after(
                Timestamp::UNIX_EPOCH,
                std::time::Duration::from_secs(1_201 * 60),
            )),
            ..all()
        };
        assert_eq!(seqs(&store, &late).await, [1_202, 1_203]);
    }

    #[tokio::test]
    async fn an_empty_log_tells_nothing() {
        assert_eq!(seqs(&MemoryStore::new(), &all()).await, Vec::<u64>::new());
    }
}
