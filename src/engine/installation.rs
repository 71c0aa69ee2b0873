//! Marks a cluster as acted on by this installation, just before its first run there.
//!
//! Owns the installation's name in the store and the one request that writes the marker. What the
//! marker forbids is the guard `no_other_installation`'s, asked again before every step: where two
//! daemons mark a cluster at the same moment the later word stands, and the other backs out.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::domain::facts::Facts;
use crate::domain::ids::{ClusterName, RunId};
use crate::domain::installation::{self, MARKER, Marked};
use crate::domain::journal::Trigger;
use crate::domain::plan::Plan;
use crate::domain::seen::Seen;
use crate::elastic::client::Client;
use crate::elastic::read::Look;
use crate::elastic::transport::Credential;
use crate::elastic::wire;
use crate::elastic::write::{Change, Pin, Sent};
use crate::engine::Engine;
use crate::engine::steps;
use crate::policy::settings::Mode;
use crate::store::StoreError;

/// Key of the installation's name in the store.
pub(crate) const INSTALLATION_KEY: &str = "installation";

/// The name that the store kept; `None`: this installation has marked nothing yet.
pub(crate) fn kept(value: Option<Value>) -> Option<String> {
    value?.as_str().map(str::to_owned)
}

impl Engine {
    /// Marks the follower cluster of a plan whose run is about to begin. Nothing depends on its
    /// success: a credential that may not change cluster settings (`manage`) leaves the cluster
    /// unmarked, which is told, and the run goes on.
    pub(crate) async fn mark_cluster(
        self: &Arc<Self>,
        client: &Client,
        plan: &Plan,
        run: &RunId,
        trigger: &Trigger,
    ) {
        let own = {
            let book = self.lock();
            // A reload may have taken the leave; and a drill sends nothing that names anything but its own two indices.
            if book.settings.policy.mode == Mode::Observe || book.drills.made(&plan.basis.key()) {
                return;
            }
            book.installation.clone()
        };
        let mut facts = Facts::nothing(plan.basis.key(), self.now());
        ask(client, &Look::ClusterSettings, &mut facts).await;
        // Another's is left alone, and an unknown one not overwritten: the guards say the rest.
        let settings = facts.follower.cluster_settings.now();
        let found = installation::seen(settings.map(|settings| &**settings), own.as_deref(), self.now());
        let cluster = &plan.basis.cluster;
        match found {
            Seen::Present(Marked::No | Marked::Ours { due: true }) => {}
            Seen::Present(Marked::Ours { due: false }) => return self.keep_mark(plan),
            _ => return,
        }
        let privileges = Look::HasPrivileges {
            credential: Credential::Act,
            body: json!({"cluster": ["manage"]}),
        };
        ask(client, &privileges, &mut facts).await;
        if let Seen::Present(have) = facts.follower.privileges.now()
            && have.get("cluster:manage") == Some(&false)
        {
            tracing::warn!(
                "`{cluster}` is not marked: the acting credential lacks the cluster privilege `manage`, \
                 so another installation of refollow would not notice this one"
            );
            return;
        }
        let name = match self.own_name(own).await {
            Ok(name) => name,
            Err(error) => {
                tracing::warn!("`{cluster}` is not marked: the state cannot be written: {error}");
                return;
            }
        };
        let pin = Pin {
            cluster_uuid: plan.basis.cluster_uuid.clone(),
        };
        let value = installation::value(&name, self.now());
        let change = client.mark_installation(&pin, Some(&value)).await;
        // Also without an answer: it may have arrived.
        self.keep_mark(plan);
        if let Sent::Refused { exception, .. } = &change.sent {
            tracing::warn!(
                "`{cluster}` is not marked, so another installation of refollow would not notice this one: {}",
                exception.reason
            );
        }
        let mut detail = detail("mark_cluster", cluster, &change);
        detail["run"] = json!(run);
        detail["plan"] = json!(plan.hash);
        self.audit(
            &trigger.who(),
            "request_sent",
            plan.basis.key().to_string(),
            detail,
        )
        .await;
    }

    /// Remembers that this process has marked a cluster, to take the word back when it stops.
    fn keep_mark(&self, plan: &Plan) {
        let basis = &plan.basis;
        let uuid = basis.cluster_uuid.clone();
        self.lock()
            .marked
            .insert(basis.cluster.clone(), (basis.key(), uuid));
    }

    /// Takes the markers of this process back, so that another installation may act at once. Only
    /// where nothing of ours is left half done; what cannot be taken back runs out by itself.
    pub async fn take_marks_back(&self) {
        let (marked, own) = {
            let mut book = self.lock();
            (std::mem::take(&mut book.marked), book.installation.clone())
        };
        for (cluster, (key, cluster_uuid)) in marked {
            let Some(client) = self.client(&cluster) else {
                continue;
            };
            let mut facts = Facts::nothing(key, self.now());
            ask(&client, &Look::ClusterSettings, &mut facts).await;
            let found = installation::seen(
                facts.follower.cluster_settings.now().map(|settings| &**settings),
                own.as_deref(),
                self.now(),
            );
            if !matches!(found, Seen::Present(Marked::Ours { .. })) {
                continue;
            }
            let change = client.mark_installation(&Pin { cluster_uuid }, None).await;
            let detail = detail("unmark_cluster", &cluster, &change);
            self.audit("refollow", "request_sent", cluster.to_string(), detail)
                .await;
        }
    }

    /// This installation's name, durable before anybody else can read it.
    async fn own_name(&self, known: Option<String>) -> Result<String, StoreError> {
        if let Some(name) = known {
            return Ok(name);
        }
        let name = uuid::Uuid::now_v7().to_string();
        self.store.set_state(INSTALLATION_KEY, &json!(name)).await?;
        // Two runs may begin at once; the first name stays.
        let mut book = self.lock();
        Ok(book.installation.get_or_insert(name).clone())
    }
}

/// A request about the marker, as the audit log has it.
fn detail(step: &str, cluster: &ClusterName, change: &Change) -> Value {
    json!({
        "step": step, "cluster": cluster, "setting": MARKER,
        "url": change.record.url, "method": change.record.method, "path": change.record.path,
        "body": change.record.body, "sent_at": change.record.started, "answer": steps::answer(&change.sent),
    })
}

async fn ask(client: &Client, look: &Look, into: &mut Facts) {
    for answer in client.look(look).await {
        wire::learn(into, &wire::parse(&answer));
    }
}
