//! Views of many: the overview, one cluster, incidents, plans, history, search.

use askama::Template;

use crate::domain::access::Target;
use crate::domain::cause::Cause;
use crate::domain::ids::ClusterName;
use crate::domain::time::Timestamp;
use crate::domain::words::relative;
use crate::http::App;
use crate::http::access::Access;
use crate::http::dto::{ClusterItem, FollowerItem, Problem};
use crate::http::order::{Need, loudest_first, need};
use crate::http::pages::frame::{Frame, Tab};
use crate::http::pages::rows::{
    Fact, FollowerRow, IncidentRow, Link, PatternRow, PlanRow, RunRow, cluster_url, moment, spaced,
    tone_of_state,
};

/// Rows of one table; the rest is found by searching.
const ROWS: usize = 200;
/// Runs in the history.
const RUNS: u32 = 100;

struct Count {
    tone: &'static str,
    text: String,
}

struct Group {
    id: &'static str,
    title: String,
    folded: bool,
    rows: Vec<FollowerRow>,
    more: String,
}

struct ClusterRow {
    url: String,
    name: String,
    up: &'static str,
    tone: &'static str,
    version: String,
    followers: u64,
    looked: String,
}

#[derive(Template)]
#[template(path = "overview.html")]
pub(super) struct Overview {
    frame: Frame,
    headline: String,
    counts: Vec<Count>,
    notes: Vec<String>,
    incidents: Vec<IncidentRow>,
    groups: Vec<Group>,
    patterns: Vec<PatternRow>,
    clusters: Vec<ClusterRow>,
}

fn up_words(cluster: &ClusterItem) -> (&'static str, &'static str) {
    match cluster.up {
        Some(true) if cluster.spared.is_some() => ("answers, with too much to do", "warn"),
        Some(true) => ("answers", "good"),
        Some(false) => ("does not answer", "bad"),
        None => ("not looked at yet", ""),
    }
}

fn shown(followers: &[&FollowerItem], now: Timestamp) -> (Vec<FollowerRow>, String) {
    let rows = followers.iter().take(ROWS);
    let rows = rows.map(|follower| FollowerRow::new(follower, now)).collect();
    let left = followers.len().saturating_sub(ROWS);
    let more = if left > 0 {
        format!("{left} more are not shown here: find them by name.")
    } else {
        String::new()
    };
    (rows, more)
}

fn counts(followers: &[FollowerItem]) -> Vec<Count> {
    let mut by_state = std::collections::BTreeMap::new();
    for follower in followers {
        *by_state.entry(follower.state).or_insert(0_usize) += 1;
    }
    let mut counts: Vec<_> = by_state.into_iter().collect();
    let loud = |tone: &str| ["bad", "", "warn", "good"].iter().position(|one| *one == tone);
    counts.sort_by_key(|(state, _)| loud(tone_of_state(*state)));
    let count = |(state, count): (crate::domain::state::State, usize)| Count {
        tone: tone_of_state(state),
        text: format!("{count} {}", spaced(state.as_str())),
    };
    counts.into_iter().map(count).collect()
}

pub(super) async fn overview(app: &App, access: &Access) -> Overview {
    let now = app.daemon.now();
    let status = access.within(app.daemon.status());
    let sorted = loudest_first(&status.followers);
    let of = |wanted: Need| -> Vec<&FollowerItem> {
        let fitting = sorted.iter().filter(|one| need(one) == wanted);
        fitting.copied().collect()
    };
    let (person, watched, well) = (of(Need::Person), of(Need::Watched), of(Need::Nothing));
    let headline = match (person.len(), watched.len(), well.len()) {
        (0, 0, 0) => "No follower is known".to_owned(),
        (0, 0, 1) => "The one follower is well".to_owned(),
        (0, 0, all) => format!("All {all} followers are well"),
        (0, some, _) => format!("Nobody is needed; refollow looks after {some}"),
        (1, ..) => "1 follower needs a person".to_owned(),
        (some, ..) => format!("{some} followers need a person"),
    };
    let mut groups = Vec::new();
    for (id, title, folded, members) in [
        ("person", "Needs a person", false, person),
        ("watched", "refollow looks after", false, watched),
        ("well", "Well", true, well),
    ] {
        if members.is_empty() {
            continue;
        }
        let title = format!("{title} ({})", members.len());
        let (rows, more) = shown(&members, now);
        groups.push(Group {
            id,
            title,
            folded,
            rows,
            more,
        });
    }
    let clusters = app.daemon.clusters().clusters;
    Overview {
        frame: Frame::new(app.daemon.as_ref(), access, Tab::Fleet, headline.clone()).await,
        headline,
        counts: counts(&status.followers),
        notes: status.notes.clone(),
        incidents: status
            .incidents
            .iter()
            .map(|one| IncidentRow::new(one, now))
            .collect(),
        groups,
        patterns: status
            .patterns
            .iter()
            .filter(|pattern| pattern.cause == Cause::AutoFollowFailing)
            .map(PatternRow::new)
            .collect(),
        clusters: clusters
            .iter()
            .filter(|cluster| access.sees(&cluster.name))
            .map(|cluster| {
                let (up, tone) = up_words(cluster);
                ClusterRow {
                    url: cluster_url(&cluster.name),
                    name: cluster.name.to_string(),
                    up,
                    tone,
                    version: cluster.version.clone().unwrap_or_default(),
                    followers: cluster.followers,
                    looked: cluster
                        .last_look_at
                        .map(|at| relative(at, now))
                        .unwrap_or_default(),
                }
            })
            .collect(),
    }
}

struct RemoteRow {
    alias: String,
    cluster: String,
    url: Option<String>,
    connected: &'static str,
    tone: &'static str,
}

#[derive(Template)]
#[template(path = "cluster.html")]
pub(super) struct OneCluster {
    frame: Frame,
    name: String,
    up: &'static str,
    tone: &'static str,
    facts: Vec<Fact>,
    remotes: Vec<RemoteRow>,
    incidents: Vec<IncidentRow>,
    rows: Vec<FollowerRow>,
    more: String,
    patterns: Vec<PatternRow>,
}

pub(super) async fn cluster(app: &App, access: &Access, name: &str) -> Result<OneCluster, Problem> {
    let name = ClusterName::parse(name)?;
    access.read(&Target::Cluster(name.clone()))?;
    let clusters = app.daemon.clusters().clusters;
    let Some(cluster) = clusters.into_iter().find(|cluster| cluster.name == name) else {
        return Err(Problem::not_found(format!("there is no cluster `{name}`")));
    };
    let now = app.daemon.now();
    let status = access.within(app.daemon.status());
    let sorted = loudest_first(&status.followers);
    let members: Vec<&FollowerItem> = sorted.into_iter().filter(|one| one.cluster == name).collect();
    let (rows, more) = shown(&members, now);
    let (up, tone) = up_words(&cluster);
    let mut facts = vec![
        Fact::new(
            "Elasticsearch",
            cluster.version.clone().unwrap_or_else(|| "not known".to_owned()),
        ),
        Fact::new(
            "Cluster UUID",
            cluster
                .cluster_uuid
                .clone()
                .unwrap_or_else(|| "not known".to_owned()),
        ),
        Fact::new("Followers", cluster.followers.to_string()),
    ];
    let times = [
        ("Last look", cluster.last_look_at),
        ("Last answer", cluster.last_success_at),
    ];
    for (name, at) in times {
        facts.extend(at.map(|at| Fact::new(name, moment(at, now))));
    }
    facts.extend(
        cluster
            .problem
            .clone()
            .map(|problem| Fact::new("Problem", problem)),
    );
    Ok(OneCluster {
        frame: Frame::new(app.daemon.as_ref(), access, Tab::None, format!("Cluster {name}")).await,
        name: name.to_string(),
        up,
        tone,
        facts,
        remotes: cluster
            .remotes
            .iter()
            .map(|remote| {
                let (connected, tone) = match remote.connected {
                    Some(true) => ("connected", "good"),
                    Some(false) => ("not connected", "bad"),
                    None => ("not known", ""),
                };
                let behind = remote.cluster.as_ref().filter(|cluster| access.sees(cluster));
                RemoteRow {
                    alias: remote.alias.to_string(),
                    cluster: behind.map(ToString::to_string).unwrap_or_default(),
                    url: behind.map(cluster_url),
                    connected,
                    tone,
                }
            })
            .collect(),
        incidents: status
            .incidents
            .iter()
            .filter(|incident| incident.cluster == name)
            .map(|one| IncidentRow::new(one, now))
            .collect(),
        rows,
        more,
        patterns: status
            .patterns
            .iter()
            .filter(|pattern| pattern.cluster == name)
            .map(PatternRow::new)
            .collect(),
    })
}

#[derive(Template)]
#[template(path = "list.html")]
pub(super) struct Lists {
    frame: Frame,
    lead: String,
    incidents: Vec<IncidentRow>,
    followers: Vec<FollowerRow>,
    plans: Vec<PlanRow>,
    runs: Vec<RunRow>,
    links: Vec<Link>,
}

impl Lists {
    async fn new(app: &App, access: &Access, tab: Tab, title: &str) -> Self {
        Self {
            frame: Frame::new(app.daemon.as_ref(), access, tab, title).await,
            lead: String::new(),
            incidents: Vec::new(),
            followers: Vec::new(),
            plans: Vec::new(),
            runs: Vec::new(),
            links: Vec::new(),
        }
    }
}

pub(super) async fn incidents(app: &App, access: &Access) -> Lists {
    let now = app.daemon.now();
    let mut page = Lists::new(app, access, Tab::Incidents, "Incidents").await;
    let incidents = access.within(app.daemon.status()).incidents;
    page.lead = if incidents.is_empty() {
        "Nothing is wrong for several followers at once.".to_owned()
    } else {
        "What is wrong for several followers at once is one incident.".to_owned()
    };
    page.incidents = incidents.iter().map(|one| IncidentRow::new(one, now)).collect();
    page
}

pub(super) async fn plans(app: &App, access: &Access) -> Result<Lists, Problem> {
    let now = app.daemon.now();
    let mut page = Lists::new(app, access, Tab::Plans, "Plans").await;
    let mut plans = app.daemon.plans(true).await?.plans;
    plans.retain(|plan| access.sees(&plan.follower.cluster));
    // What waits for a person comes first, and of that the end that is nearest.
    plans.sort_by_key(|plan| (plan.state != "pending", plan.expires_at));
    if plans.is_empty() {
        page.lead = String::from("No plan waits or runs.");
    }
    page.plans = plans
        .iter()
        .take(ROWS)
        .map(|plan| PlanRow::new(plan, now))
        .collect();
    page.links = vec![Link {
        url: "/history".to_owned(),
        text: "Plans and runs that are over".to_owned(),
    }];
    Ok(page)
}

pub(super) async fn history(app: &App, access: &Access) -> Result<Lists, Problem> {
    let now = app.daemon.now();
    let mut page = Lists::new(app, access, Tab::History, "History").await;
    let runs = app.daemon.runs(RUNS).await?.runs;
    let seen_runs = runs.iter().filter(|run| access.sees(&run.follower.cluster));
    page.runs = seen_runs.map(|run| RunRow::new(run, now)).collect();
    let plans = app.daemon.plans(false).await?.plans;
    page.plans = plans
        .iter()
        .filter(|plan| !matches!(plan.state.as_str(), "pending" | "approved" | "running"))
        .filter(|plan| access.sees(&plan.follower.cluster))
        .take(RUNS as usize)
        .map(|plan| PlanRow::new(plan, now))
        .collect();
    if page.runs.is_empty() && page.plans.is_empty() {
        page.lead = String::from("Nothing was repaired yet.");
    }
    Ok(page)
}

/// Looks for a part of a name, whatever its case, in everything that has one.
pub(super) async fn search(app: &App, access: &Access, query: &str) -> Result<Lists, Problem> {
    let now = app.daemon.now();
    let mut page = Lists::new(app, access, Tab::None, "Search").await;
    query.clone_into(&mut page.frame.query);
    let wanted = query.trim().to_lowercase();
    if wanted.is_empty() {
        page.lead = String::from(
            "Type a part of the name of a follower, leader, cluster, cause or incident, or the beginning of a plan's hash or a run's id.",
        );
        return Ok(page);
    }
    let status = access.within(app.daemon.status());
    let fits = |text: &str| text.to_lowercase().contains(&wanted);
    let sorted = loudest_first(&status.followers);
    let found: Vec<&FollowerItem> = sorted
        .into_iter()
        .filter(|one| {
            fits(&format!("{}/{}", one.cluster, one.index))
                || one.leader.as_ref().is_some_and(|leader| fits(leader.as_str()))
                || one.incident.as_deref().is_some_and(fits)
                || fits(one.state.as_str())
                || one.cause != Cause::None && (fits(one.cause.as_str()) || fits(&spaced(one.cause.as_str())))
        })
        .collect();
    let all = found.len();
    let (rows, _) = shown(&found, now);
    page.followers = rows;
    page.incidents = status
        .incidents
        .iter()
        .filter(|one| fits(&one.id) || fits(&one.what))
        .map(|one| IncidentRow::new(one, now))
        .collect();
    let plans = app.daemon.plans(false).await?.plans;
    page.plans = plans
        .iter()
        .filter(|plan| access.sees(&plan.follower.cluster))
        .filter(|plan| plan.hash.as_str().starts_with(&wanted) || fits(&plan.follower.to_string()))
        .take(ROWS)
        .map(|plan| PlanRow::new(plan, now))
        .collect();
    let runs = app.daemon.runs(RUNS).await?.runs;
    page.runs = runs
        .iter()
        .filter(|run| access.sees(&run.follower.cluster))
        .filter(|run| fits(run.id.as_str()) || fits(&run.follower.to_string()))
        .map(|run| RunRow::new(run, now))
        .collect();
    let clusters = app.daemon.clusters().clusters;
    page.links = clusters
        .iter()
        .filter(|cluster| access.sees(&cluster.name) && fits(cluster.name.as_str()))
        .map(|cluster| Link {
            url: cluster_url(&cluster.name),
            text: format!("Cluster {}", cluster.name),
        })
        .collect();
    page.lead = match all {
        0 => format!("No follower fits “{}”.", query.trim()),
        1 => format!("1 follower fits “{}”.", query.trim()),
        some if some > ROWS => format!(
            "{some} followers fit “{}”; the first {ROWS} are shown.",
            query.trim()
        ),
        some => format!("{some} followers fit “{}”.", query.trim()),
    };
    Ok(page)
}
