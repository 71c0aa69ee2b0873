//! The daemon's own metrics: counted where things happen, kept in a registry of its own.
//!
//! No globals: a test has as many as it likes. Every label set is closed, and every series of it
//! is exported as 0 from the start, so that `increase()` sees the first event.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::proto::{Metric, MetricFamily, MetricType};
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry,
};

use crate::domain::cause::Remedy;
use crate::domain::decision::DecisionKind;
use crate::domain::ids::{ClusterName, RemoteAlias};
use crate::domain::journal::RunOutcome;
use crate::domain::state::named_enum;
use crate::domain::step::Step;
use crate::domain::time::Timestamp;
use crate::metrics::followers::{Snapshot, seconds};
use crate::metrics::notifications::Notifications;
use crate::metrics::select::Part;
use crate::metrics::text::{Encoder, Format, Kind, Labels};
use std::fmt;

use serde::{Deserialize, Serialize};

named_enum! {
    /// Why a look at a cluster failed (label `kind` of `refollow_scrape_errors_total`).
    LookError {
        /// No connection: refused, reset, no such host.
        Unreachable = "unreachable",
        /// The deadline passed.
        Timeout = "timeout",
        /// The certificate does not match, or TLS failed otherwise.
        Tls = "tls",
        /// 401 or 403.
        Credentials = "credentials",
        /// The licence does not allow it.
        License = "license",
        /// Something else answered than Elasticsearch, or one without CCR.
        NotElasticsearch = "not_elasticsearch",
        /// Another HTTP status than the call promises.
        Status = "status",
        /// A body that is not what the call promises.
        Malformed = "malformed",
    }
}

/// The contract's remedy label for a run that ended before its first rung.
const NO_REMEDY: &str = "none";
/// The rungs that a run can end on.
const RUNGS: [Remedy; 3] = [Remedy::Resume, Remedy::Recreate, Remedy::DeleteAndFollow];

/// All of the daemon's own metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    look_errors: IntCounterVec,
    decisions: IntCounterVec,
    runs: IntCounterVec,
    step_duration: HistogramVec,
    guard_blocked: IntCounterVec,
    reload_ok: Gauge,
    reloaded_at: Gauge,
    drilled_at: GaugeVec,
    drill_ok: GaugeVec,
    tls_expiry: GaugeVec,
    tls_ok: GaugeVec,
    proxy_ignored: IntCounter,
    /// Whether it was told that series are left out.
    told_left_out: AtomicBool,
    look_delay: Histogram,
    /// What receivers were told.
    pub notifications: Notifications,
    history_errors: IntCounter,
}

impl Metrics {
    /// Registers everything and sets every closed label set to 0.
    ///
    /// # Errors
    /// When two metrics have one name, which a test excludes.
    pub fn new(version: &str) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let build = GaugeVec::new(
            Opts::new(
                "refollow_build_info",
                "Constant 1; the version that runs as a label.",
            ),
            &["version"],
        )?;
        build.with_label_values(&[version]).set(1.0);
        let drill =
            |name: &str, help: &str| GaugeVec::new(Opts::new(name, help), &["es_cluster", "remote_cluster"]);
        let counter =
            |name: &str, help: &str, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        let this = Self {
            look_errors: counter(
                "refollow_scrape_errors_total",
                "Failed looks at a cluster, by kind of failure.",
                &["es_cluster", "kind"],
            )?,
            decisions: counter(
                "refollow_decisions_total",
                "Decisions of the policy, one per follower and judgement.",
                &["decision"],
            )?,
            runs: counter(
                "refollow_runs_total",
                "Runs that have ended, by the last rung tried (none: it ended before the first) and outcome.",
                &["remedy", "outcome"],
            )?,
            step_duration: HistogramVec::new(
                HistogramOpts::new(
                    "refollow_run_step_duration_seconds",
                    "Time from a step's intent in the journal to its proof, or to the run's leaving it.",
                )
                // From one answer of a healthy cluster to a remote recovery that takes hours.
                .buckets(vec![
                    0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0,
                ]),
                &["step"],
            )?,
            guard_blocked: counter(
                "refollow_guard_blocked_total",
                "Times that a guard held a remedy back, because it did not hold or could not be evaluated.",
                &["guard"],
            )?,
            reload_ok: Gauge::new(
                "refollow_config_last_reload_successful",
                "Whether the last attempt to load the configuration succeeded.",
            )?,
            reloaded_at: Gauge::new(
                "refollow_config_last_reload_success_timestamp_seconds",
                "When the configuration was last loaded successfully.",
            )?,
            drilled_at: drill(
                "refollow_drill_last_timestamp_seconds",
                "When the last drill of this pair ended; absent where there was none.",
            )?,
            drill_ok: drill(
                "refollow_drill_last_success",
                "Whether the last drill of this pair proved the way from the look to equal documents.",
            )?,
            tls_expiry: GaugeVec::new(
                Opts::new(
                    "refollow_tls_certificate_expiry_timestamp_seconds",
                    "When the certificate that the TCP listener shows ends; absent without TLS.",
                ),
                &[],
            )?,
            tls_ok: GaugeVec::new(
                Opts::new(
                    "refollow_tls_last_reload_successful",
                    "Whether what last stood in the files of certificate and key is in use; absent without TLS.",
                ),
                &[],
            )?,
            proxy_ignored: IntCounter::new(
                "refollow_proxy_headers_ignored_total",
                "Requests with the proxy's headers from a peer that is not among auth.proxy.from.",
            )?,
            told_left_out: AtomicBool::new(false),
            look_delay: Histogram::with_opts(
                HistogramOpts::new(
                    "refollow_look_delay_seconds",
                    "How late looks at clusters began after they were due; long ones say that this host is too slow.",
                )
                .buckets(vec![0.01, 0.1, 0.5, 1.0, 5.0, 15.0]),
            )?,
            notifications: Notifications::new(&registry)?,
            history_errors: IntCounter::new(
                "refollow_history_errors_total",
                "Times that samples and inputs of decisions could not be stored; it is tried again after five minutes.",
            )?,
            registry,
        };
        let collectors: [Box<dyn Collector>; 15] = [
            Box::new(build),
            Box::new(this.look_errors.clone()),
            Box::new(this.decisions.clone()),
            Box::new(this.runs.clone()),
            Box::new(this.step_duration.clone()),
            Box::new(this.guard_blocked.clone()),
            Box::new(this.reload_ok.clone()),
            Box::new(this.reloaded_at.clone()),
            Box::new(this.drilled_at.clone()),
            Box::new(this.drill_ok.clone()),
            Box::new(this.tls_expiry.clone()),
            Box::new(this.tls_ok.clone()),
            Box::new(this.proxy_ignored.clone()),
            Box::new(this.look_delay.clone()),
            Box::new(this.history_errors.clone()),
        ];
        for collector in collectors {
            this.registry.register(collector)?;
        }
        for decision in DecisionKind::ALL {
            this.decisions.with_label_values(&[decision.as_str()]).reset();
        }
        for remedy in RUNGS.map(Remedy::as_str).into_iter().chain([NO_REMEDY]) {
            for outcome in RunOutcome::ALL {
                this.runs.with_label_values(&[remedy, outcome.as_str()]).reset();
            }
        }
        for step in Step::ALL {
            // Getting the child makes it exist, with a count of 0.
            let _made = this.step_duration.with_label_values(&[step.as_str()]);
        }
        Ok(this)
    }

    /// Exports 0 for every kind of failure of these clusters; those of others are dropped.
    pub fn know_clusters<'a>(&self, clusters: impl IntoIterator<Item = &'a ClusterName>) {
        let kept: Vec<_> = clusters
            .into_iter()
            .flat_map(|cluster| LookError::ALL.iter().map(move |kind| (cluster, *kind)))
            .map(|(cluster, kind)| {
                let value = self
                    .look_errors
                    .with_label_values(&[cluster.as_str(), kind.as_str()])
                    .get();
                (cluster, kind, value)
            })
            .collect();
        self.look_errors.reset();
        for (cluster, kind, value) in kept {
            self.look_errors
                .with_label_values(&[cluster.as_str(), kind.as_str()])
                .inc_by(value);
        }
    }

    /// Exports 0 for guards that never blocked; `names` is the policy's closed list.
    pub fn know_guards<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            let _made = self.guard_blocked.with_label_values(&[name]);
        }
    }

    /// A look at a cluster failed.
    pub fn look_failed(&self, cluster: &ClusterName, kind: LookError) {
        self.look_errors
            .with_label_values(&[cluster.as_str(), kind.as_str()])
            .inc();
    }

    /// A look began so long after it was due.
    pub fn look_began(&self, late_by: Duration) {
        self.look_delay.observe(late_by.as_secs_f64());
    }

    /// The policy has decided on one follower.
    pub fn decided(&self, decision: DecisionKind) {
        self.decisions.with_label_values(&[decision.as_str()]).inc();
    }

    /// A run has ended; `remedy` is the last rung tried.
    pub fn run_ended(&self, remedy: Option<Remedy>, outcome: RunOutcome) {
        let remedy = remedy
            .filter(|remedy| RUNGS.contains(remedy))
            .map_or(NO_REMEDY, Remedy::as_str);
        self.runs.with_label_values(&[remedy, outcome.as_str()]).inc();
    }

    /// A step of a run is over.
    pub fn step_took(&self, step: Step, length: Duration) {
        self.step_duration
            .with_label_values(&[step.as_str()])
            .observe(length.as_secs_f64());
    }

    /// A guard held a remedy back. `name` is one of the policy's closed list, never free text.
    pub fn guard_blocked(&self, name: &str) {
        self.guard_blocked.with_label_values(&[name]).inc();
    }

    /// The configuration was loaded (also at start), or it was refused and the old one stays.
    pub fn config_loaded(&self, successful: bool, at: Timestamp) {
        self.reload_ok.set(f64::from(u8::from(successful)));
        if successful {
            self.reloaded_at.set(seconds(at));
        }
    }

    /// The last drill of a pair ended, or was read from the store at start.
    pub fn drilled(&self, cluster: &ClusterName, remote: &RemoteAlias, at: Timestamp, proven: bool) {
        let labels = [cluster.as_str(), remote.as_str()];
        self.drilled_at.with_label_values(&labels).set(seconds(at));
        self.drill_ok
            .with_label_values(&labels)
            .set(f64::from(u8::from(proven)));
    }

    /// Somebody who is not the proxy wrote its headers.
    pub fn proxy_headers_ignored(&self) {
        self.proxy_ignored.inc();
    }

    /// The history could not be stored.
    pub fn history_failed(&self) {
        self.history_errors.inc();
    }

    /// The listener's certificate was taken over, with its end; or (`None`) it was not, and the old
    /// one stays.
    pub fn tls_loaded(&self, expires_at: Option<Timestamp>) {
        let none: [&str; 0] = [];
        self.tls_ok
            .with_label_values(&none)
            .set(f64::from(u8::from(expires_at.is_some())));
        if let Some(at) = expires_at {
            self.tls_expiry.with_label_values(&none).set(seconds(at));
        }
    }

    /// Everything as text: own metrics by name, then those of the snapshot.
    pub fn render(&self, snapshot: &Snapshot<'_>, format: Format) -> String {
        let mut encoder = Encoder::new(format, 4096 + snapshot.followers.len() * 4096);
        for number in 0..snapshot.pieces() {
            self.write(snapshot, number, &mut encoder);
        }
        encoder.finish()
    }

    /// One piece of the same text, whole families, in order; empty where it has no sample, `None` behind
    /// the last.
    pub fn piece(&self, snapshot: &Snapshot<'_>, number: usize, format: Format) -> Option<String> {
        let pieces = snapshot.pieces();
        if number >= pieces {
            return None;
        }
        // States are most of it: eleven lines of every follower.
        let room = if number == 1 {
            snapshot.followers.len() * 1500
        } else {
            0
        };
        let mut encoder = Encoder::new(format, 4096 + room);
        self.write(snapshot, number, &mut encoder);
        Some(if number + 1 == pieces {
            encoder.finish()
        } else {
            encoder.piece()
        })
    }

    fn write(&self, snapshot: &Snapshot<'_>, number: usize, encoder: &mut Encoder) {
        if number == 0 {
            let clusters: Vec<&str> = snapshot.clusters.iter().map(|row| row.name.as_str()).collect();
            for mut family in self.registry.gather() {
                keep(&mut family, snapshot.part, &clusters);
                encode(&family, encoder);
            }
        }
        snapshot.piece(number, encoder);
    }

    /// Whether series began to be left out at this scrape, or ended to be; so many are.
    pub fn left_out(&self, snapshot: &Snapshot<'_>) -> Option<usize> {
        let now = snapshot.left_out();
        let before = self.told_left_out.swap(now > 0, Ordering::Relaxed);
        (before != (now > 0)).then_some(now)
    }
}

/// Leaves what a part of the metrics is about: what names a cluster belongs to it, the rest to refollow
/// itself.
fn keep(family: &mut MetricFamily, part: Part, clusters: &[&str]) {
    let of = |metric: &Metric| {
        let label = metric.get_label().iter().find(|pair| pair.name() == "es_cluster");
        label.map(|pair| clusters.contains(&pair.value()))
    };
    match part {
        Part::Everything => {}
        Part::Own => family.mut_metric().retain(|metric| of(metric).is_none()),
        Part::Clusters => family.mut_metric().retain(|metric| of(metric) == Some(true)),
    }
}

/// One family of the registry; gathered ones come sorted by name and labels.
fn encode(family: &MetricFamily, encoder: &mut Encoder) {
    let kind = match family.get_field_type() {
        MetricType::COUNTER => Kind::Counter,
        MetricType::HISTOGRAM => Kind::Histogram,
        _ if family.name().ends_with("_info") => Kind::Info,
        _ => Kind::Gauge,
    };
    let mut written = encoder.family(family.name(), kind, family.help());
    for metric in family.get_metric() {
        let labels = metric.get_label().iter().fold(Labels::new(), |labels, pair| {
            labels.with(pair.name(), pair.value())
        });
        match kind {
            Kind::Counter => written.sample(labels.as_str(), metric.get_counter().get_value()),
            Kind::Gauge | Kind::Info => written.sample(labels.as_str(), metric.get_gauge().get_value()),
            Kind::Histogram => {
                let histogram = metric.get_histogram();
                let mut bucket = |bound: &str, count: u64| {
                    written.part("_bucket", labels.clone().with("le", bound).as_str(), whole(count));
                };
                for one in histogram.get_bucket() {
                    // OpenMetrics wants `1.0`, and Prometheus 3 normalises to it.
                    bucket(&format!("{:?}", one.upper_bound()), one.cumulative_count());
                }
                bucket("+Inf", histogram.get_sample_count());
                written.part("_sum", labels.as_str(), histogram.get_sample_sum());
                written.part("_count", labels.as_str(), whole(histogram.get_sample_count()));
            }
        }
    }
}

/// Exact up to 2^53, which no counter of ours reaches.
#[expect(clippy::cast_precision_loss, reason = "Prometheus has only doubles")]
fn whole(count: u64) -> f64 {
    count as f64
}
