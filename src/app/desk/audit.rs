//! The audit log as people and programs read it, through the daemon.

use crate::app::audit::{shown, verdict};
use crate::app::desk::{Desk, stored};
use crate::http::dto::{AuditStory, AuditVerdict, AuditWanted, Problem};

impl Desk {
    pub(super) async fn audit_story(&self, wanted: AuditWanted) -> Result<AuditStory, Problem> {
        shown(self.0.store.as_ref(), wanted)
            .await
            .map_err(|error| stored(&error))
    }

    pub(super) async fn audit_verdict(&self) -> Result<AuditVerdict, Problem> {
        verdict(self.0.store.as_ref())
            .await
            .map_err(|error| stored(&error))
    }
}
