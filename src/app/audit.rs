//! The audit log as people and programs read it: through the daemon, or from its state without it.

use crate::http::dto::{AuditItem, AuditStory, AuditVerdict, AuditWanted};
use crate::store::trail::{self, Wanted};
use crate::store::{AuditCheck, AuditRecord, Store, StoreError, open_read_only};

/// The story from the state itself; a daemon may run beside.
///
/// # Errors
/// When the state cannot be opened or read.
pub async fn show_state(url: &str, wanted: AuditWanted) -> Result<AuditStory, StoreError> {
    shown(open_read_only(url).await?.as_ref(), wanted).await
}

/// The chain of the state itself; a daemon may run beside.
///
/// # Errors
/// When the state cannot be opened or read.
pub async fn verify_state(url: &str) -> Result<AuditVerdict, StoreError> {
    verdict(open_read_only(url).await?.as_ref()).await
}

pub(super) async fn shown(store: &dyn Store, wanted: AuditWanted) -> Result<AuditStory, StoreError> {
    let wanted = Wanted {
        run: wanted.run,
        follower: wanted.follower,
        since: wanted.since,
        limit: wanted.limit,
    };
    let records = trail::tell(store, &wanted).await?;
    Ok(AuditStory {
        records: records.into_iter().map(item).collect(),
    })
}

pub(super) async fn verdict(store: &dyn Store) -> Result<AuditVerdict, StoreError> {
    Ok(match store.verify_audit().await? {
        AuditCheck::Whole(records) => AuditVerdict {
            whole: true,
            records,
            broken_at: None,
            problem: None,
        },
        AuditCheck::Broken { seq, problem } => AuditVerdict {
            whole: false,
            records: seq.saturating_sub(1),
            broken_at: Some(seq),
            problem: Some(problem),
        },
    })
}

fn item(mut record: AuditRecord) -> AuditItem {
    let text = |name: &str| record.event[name].as_str().unwrap_or_default().to_owned();
    let (kind, who, subject) = (text("kind"), text("who"), text("subject"));
    AuditItem {
        seq: record.seq,
        at: record.at,
        kind,
        who,
        subject,
        detail: record.event["detail"].take(),
        hash: record.hash,
    }
}
