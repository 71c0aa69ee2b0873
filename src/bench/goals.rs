//! `refollow bench table`: every goal for cost with what this machine reaches, in one run.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::fleet::{self, Figures, Plan};
use super::stub::Fleet;
use super::{Report, Size};

/// One goal with what was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Goal {
    /// What is measured, with its size.
    pub what: String,
    /// What it should be at most, with its unit.
    pub goal: String,
    /// What it was, with its unit.
    pub measured: String,
    /// Whether it was.
    pub met: bool,
}

/// All goals, and the figures behind them.
#[derive(Debug, Clone, Serialize)]
pub struct Goals {
    /// Each with its figure.
    pub goals: Vec<Goal>,
    /// The look that was measured in this process.
    pub look: Report,
    /// The fleets, in the order of their clusters.
    pub fleets: Vec<Figures>,
}

/// The largest share of a look's cost over the bare typed parse of its bytes.
const LOOK_TIMES: f64 = 3.0;

/// Measures everything.
///
/// # Errors
/// When a process does not start, or a daemon does not see its clusters in time.
pub async fn goals(tell: impl Fn(&str)) -> Result<Goals, String> {
    tell("one look at 2000 followers x 5 shards, in this process");
    let look = super::measure(Size::default())?;
    let mut goals = vec![goal(
        "CPU of a whole look, 2,000 followers x 5 shards",
        look.ratio_typed,
        LOOK_TIMES,
        "x the bare typed parse",
    )];
    let plan = |clusters: usize, seconds: u64| Plan::of(clusters, Duration::from_secs(seconds));
    let mut fleets = Vec::new();
    for clusters in [1, 10] {
        fleets.push(fleet::measure(plan(clusters, 15), &tell).await?);
    }
    let hundred = fleet::measure(plan(100, 15), &tell).await?;
    let what = |figures: &Figures| {
        format!(
            "{} clusters x 100 followers x 5 shards every {} s",
            figures.clusters, figures.interval_s
        )
    };
    let name = what(&hundred);
    goals.push(goal(&name, hundred.cpu_percent, 3.0, "% of one core"));
    goals.push(goal(&name, hundred.peak_mib, 150.0, "MiB peak resident"));
    goals.push(goal(
        "/metrics at 10,000 followers, not compressed",
        hundred.metrics_cpu_ms,
        300.0,
        "ms of CPU",
    ));
    goals.push(goal(
        "its first byte, while looks go on",
        hundred.metrics_first_byte_ms,
        50.0,
        "ms",
    ));
    let thousand = fleet::measure(
        Plan {
            restart: true,
            ..plan(1_000, 30)
        },
        &tell,
    )
    .await?;
    let name = what(&thousand);
    goals.push(goal(&name, thousand.cpu_percent, 25.0, "% of one core"));
    goals.push(goal(&name, thousand.peak_mib, 700.0, "MiB peak resident"));
    goals.push(goal(&name, thousand.late as f64, 0.0, "looks over 1 s late"));
    goals.push(goal(
        "/metrics at 100,000 followers, beside ten times that at 10,000",
        thousand.metrics_cpu_ms / (hundred.metrics_cpu_ms * 10.0).max(f64::MIN_POSITIVE),
        1.25,
        "x",
    ));
    if let Some([served, ready]) = thousand.again_s {
        goals.push(goal(
            "start with 100,000 followers remembered: serves them",
            served,
            3.0,
            "s",
        ));
        goals.push(goal("… and every cluster was looked at again", ready, 30.0, "s"));
    }
    let broken = fleet::measure(
        Plan {
            fleet: Fleet {
                hang: 10,
                trickle: 10,
                ..plan(100, 15).fleet
            },
            ..plan(100, 15)
        },
        &tell,
    )
    .await?;
    let name = "100 clusters, 10 hang, 10 answer one byte a second";
    goals.push(goal(name, broken.late as f64, 0.0, "looks over 1 s late"));
    goals.push(goal(name, broken.peak_mib, 150.0, "MiB peak resident"));
    let leaders = fleet::measure(
        Plan {
            leaders: true,
            ..plan(100, 15)
        },
        &tell,
    )
    .await?;
    fleets.extend([hundred, thousand, broken, leaders]);
    Ok(Goals { goals, look, fleets })
}

fn goal(what: &str, measured: f64, most: f64, unit: &str) -> Goal {
    Goal {
        what: what.to_owned(),
        goal: format!("at most {most} {unit}"),
        measured: format!("{measured:.2} {unit}"),
        met: measured <= most,
    }
}

/// For people.
pub fn goals_table(goals: &Goals) -> String {
    let mut out = String::new();
    for goal in &goals.goals {
        let mark = if goal.met { "met " } else { "MISS" };
        // A text in memory takes everything.
        let _written = writeln!(
            out,
            "{mark}  {:<64} {:<34} {}",
            goal.what, goal.goal, goal.measured
        );
    }
    out.push('\n');
    for figures in &goals.fleets {
        let _written = writeln!(out, "{}", fleet::line(figures));
    }
    out
}
