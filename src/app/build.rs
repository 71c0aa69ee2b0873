//! From the checked configuration to what runs: clients and the engine's settings.

use std::collections::BTreeMap;
use std::sync::Arc;

#[cfg(debug_assertions)]
use crate::app::testing;
use crate::clock::SharedClock;
use crate::config::{self, Config, MetricsLevel, MetricsOptions};
use crate::domain::ids::ClusterName;
use crate::domain::named::Holder;
use crate::domain::run::Limits;
use crate::elastic::client::{Client, ClientSettings, Permit};
use crate::elastic::load::SharedLoad;
use crate::elastic::net::{NetTransport, Unbuildable};
use crate::elastic::transport::SharedTransport;
use crate::engine::blockers::{Asks, Blocker};
use crate::engine::settings::{ClusterSettings, LevelRule, MetricsSettings, Settings};
use crate::http::proxy::Proxy;
use crate::http::tls::{ClientFiles, TlsFiles};
use crate::metrics::{Level, Series};
use crate::store::Store;

/// Why a client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("cluster `{cluster}`: {source}")]
pub struct BuildError {
    /// Which cluster.
    pub cluster: ClusterName,
    /// What is wrong.
    pub source: Unbuildable,
}

/// Whoever may write the state may change clusters.
#[derive(Debug)]
struct Standing(Arc<dyn Store>);

impl Permit for Standing {
    fn may_change(&self) -> Result<(), String> {
        self.0.standing().map_err(|error| error.to_string())
    }
}

/// One client per configured cluster, which changes nothing unless the state is ours. Each goes on with
/// what the former one of its cluster counted.
///
/// # Errors
/// The first that cannot be built: a certificate or key that TLS does not take.
pub fn clients(
    config: &Config,
    clock: &SharedClock,
    store: &Arc<dyn Store>,
    former: &BTreeMap<ClusterName, SharedLoad>,
) -> Result<BTreeMap<ClusterName, Arc<Client>>, BuildError> {
    let mut clients = BTreeMap::new();
    for cluster in &config.clusters {
        let endpoints = cluster
            .transports()
            .iter()
            .map(|settings| {
                NetTransport::new(settings).map(|transport| Arc::new(transport) as SharedTransport)
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| BuildError {
                cluster: cluster.name.clone(),
                source,
            })?;
        let settings = ClientSettings {
            looks_in_flight: usize::try_from(cluster.requests_in_flight).unwrap_or(1),
            requests_per_second: Some(cluster.requests_per_second),
            look_deadline: cluster.call_deadline,
            long_deadline: cluster.long_call_deadline,
            ..ClientSettings::default()
        };
        let mut client = Client::new(cluster.name.clone(), endpoints, settings, Arc::clone(clock))
            .following_as(cluster.credentials.follow.who())
            .permitted_by(Arc::new(Standing(Arc::clone(store))));
        if let Some(load) = former.get(&cluster.name) {
            client = client.loading(Arc::clone(load));
        }
        clients.insert(cluster.name.clone(), Arc::new(client));
    }
    Ok(clients)
}

/// The engine's part of the configuration.
pub fn engine_settings(config: &Config) -> Settings {
    let mut policy = config.policy.clone();
    policy.unenforced = config.not_enforced();
    let settings = Settings {
        clusters: config
            .clusters
            .iter()
            .map(|cluster| ClusterSettings {
                name: cluster.name.clone(),
                poll_interval: cluster.poll_interval,
                leader_side_interval: cluster.leader_side_interval,
                remotes: cluster.remotes.clone(),
                declared_followers: cluster.declared_followers.clone(),
            })
            .collect(),
        policy,
        metrics: metrics_settings(&config.metrics),
        undo_directory: config.daemon.undo_directory.clone(),
        run_limits: Limits::default(),
        brake_file: config.daemon.brake_file.clone(),
        blockers: config.blockers.iter().map(blocker).map(Arc::new).collect(),
        notify: Arc::clone(&config.notify),
        keep_runs: config.keep_runs,
        history: config.history,
        shutdown_timeout: config.daemon.shutdown_timeout,
    };
    #[cfg(debug_assertions)]
    let settings = testing::impatient(settings);
    settings
}

fn metrics_settings(configured: &MetricsOptions) -> MetricsSettings {
    let level = |level| match level {
        MetricsLevel::Index => Level::Index,
        MetricsLevel::Shard => Level::Shard,
    };
    let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    MetricsSettings {
        level: level(configured.level),
        rules: configured
            .rules
            .iter()
            .map(|rule| LevelRule {
                clusters: rule.clusters.clone(),
                followers: rule.followers.clone(),
                remotes: rule.remotes.clone(),
                level: level(rule.level),
            })
            .collect(),
        series: Series {
            worst_shards: size(configured.worst_shards),
            max: size(configured.max_series),
            exporter_names: configured.exporter_names,
            ..Series::default()
        },
    }
}

fn blocker(configured: &config::Blocker) -> Blocker {
    Blocker {
        name: configured.name.clone(),
        asks: match configured.asks.clone() {
            config::Asks::Prometheus { server, query } => Asks::Prometheus { server, query },
            config::Asks::Alertmanager { server, matchers } => Asks::Alertmanager { server, matchers },
            config::Asks::File(path) => Asks::File(path),
            config::Asks::Webhook(server) => Asks::Webhook(server),
        },
        every: configured.every,
        timeout: configured.timeout,
        recreate_only: configured.recreate_only,
    }
}

/// The TLS of `daemon.listen`.
pub(super) fn tls(config: &Config) -> Option<TlsFiles> {
    let (certificate, key) = config.auth.tls.clone()?;
    let clients = config.auth.clients.as_ref().map(|clients| ClientFiles {
        authorities: clients.authorities.clone(),
        revoked: clients.revoked.clone(),
        required: clients.required,
    });
    Some(TlsFiles {
        certificate,
        key,
        clients,
    })
}

/// Whom client certificates name.
pub(super) fn people(config: &Config) -> Vec<Holder> {
    let clients = config.auth.clients.as_ref();
    clients.map(|clients| clients.people.clone()).unwrap_or_default()
}

/// The proxy that is believed.
pub(super) fn proxy(config: &Config) -> Option<Proxy> {
    config.auth.proxy.clone().map(|trust| Proxy {
        from: trust.from,
        user_header: trust.user_header,
        groups_header: trust.groups_header,
        groups: trust.groups,
    })
}
