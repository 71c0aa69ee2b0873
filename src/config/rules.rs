//! `[policy]`, `[judge]`, `[approval]`, `[verify]`, `[limits]` and `[[windows]]`: what the policy is told.

use std::time::Duration;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

use crate::config::cluster::Cluster;
use crate::config::problem::shown;
use crate::config::read::{Notes, Section, Text};
use crate::config::reference;
use crate::domain::cause::{Approval, Cause};
use crate::policy::glob::Glob;
use crate::policy::settings::{
    Action, ApprovalRules, BreakerLimit, InFlightLimit, Limits, Mode, PerFollower, Person, Rule, Settings,
    Window,
};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// A tolerance beyond this part is worth a warning.
const MUCH: f64 = 0.1;

/// Reads everything that the policy is told; `mode` is already known.
pub(super) fn settings(root: &mut Section<'_>, mode: Mode, clusters: &[Cluster]) -> Settings {
    let default = Settings::default();
    let mut policy = root.section("policy", "[[policy.rules]]");
    let rules = rules(&mut policy, clusters);
    policy.finish();
    let mut judge = root.section("judge", "[judge]");
    let confirm_looks = judge.count("confirm_looks", 1..=100, default.confirm_looks);
    judge.finish();
    let mut approval = root.section("approval", "[approval]");
    let approval_expires_after =
        approval.duration("expires_after", MINUTE..=30 * DAY, default.approval_expires_after);
    let approvers = approval.count("approvers", 1..=10, default.approvers);
    let approval_rules = ApprovalRules {
        persons: persons(&mut approval, approvers),
        type_above_bytes: approval.size("type_above_bytes", default.approval.type_above_bytes),
        type_above_documents: approval
            .count("type_above_documents", 0..=u32::MAX, 10_000_000)
            .into(),
    };
    approval.finish();
    let mut verify = root.section("verify", "[verify]");
    let verify_settle = verify.duration("settle", Duration::ZERO..=HOUR, default.verify_settle);
    let document_tolerance = verify.percentage("document_tolerance", default.document_tolerance);
    verify.finish();
    Settings {
        mode,
        rules,
        confirm_looks,
        approval_expires_after,
        approvers,
        approval: approval_rules,
        limits: limits(root, &default.limits),
        windows: windows(root),
        document_tolerance,
        verify_settle,
        rest: default.rest,
        unenforced: Vec::new(),
    }
}

/// Who may approve. Too few names for the number of approvers would hold every plan for ever.
fn persons(approval: &mut Section<'_>, approvers: u32) -> Vec<Person> {
    let example = "[\"ann\", \"group:ops\"]";
    let mut persons: Vec<Person> = Vec::new();
    for text in approval.list("persons", example).unwrap_or_default() {
        match Person::parse(&text.text) {
            Ok(person) if persons.contains(&person) => {}
            Ok(person) => persons.push(person),
            Err(problem) => approval.notes.problem(
                &text.path,
                Some(shown(&text.text)),
                problem,
                format!("write {example}"),
            ),
        }
    }
    let only_users = persons.iter().all(|person| matches!(person, Person::User(_)));
    if !persons.is_empty() && only_users && persons.len() < usize::try_from(approvers).unwrap_or(usize::MAX) {
        approval.problem(
            "persons",
            format!("names fewer people than the {approvers} that must approve"),
            "name more of them, or lower approval.approvers",
        );
    }
    persons
}

fn limits(root: &mut Section<'_>, default: &Limits) -> Limits {
    const MANY: std::ops::RangeInclusive<u32> = 0..=1_000_000;
    let mut limits = root.section("limits", "[limits]");
    let mut in_flight = limits.section(
        "recreates_in_flight",
        "{ total = 2, per_cluster = 1, per_remote = 1 }",
    );
    let recreates_in_flight = InFlightLimit {
        total: in_flight.count("total", MANY, default.recreates_in_flight.total),
        per_cluster: in_flight.count("per_cluster", MANY, default.recreates_in_flight.per_cluster),
        per_remote: in_flight.count("per_remote", MANY, default.recreates_in_flight.per_remote),
    };
    in_flight.finish();
    let mut per_follower = limits.section("recreates_per_follower", "{ count = 1, per = \"7d\" }");
    let recreates_per_follower = PerFollower {
        count: per_follower.count("count", MANY, default.recreates_per_follower.count),
        per: per_follower.duration("per", MINUTE..=366 * DAY, default.recreates_per_follower.per),
    };
    per_follower.finish();
    let mut resumes = limits.section("resumes_in_flight", "{ per_remote = 4 }");
    let resumes_in_flight_per_remote =
        resumes.count("per_remote", MANY, default.resumes_in_flight_per_remote);
    resumes.finish();
    let mut breaker = limits.section("breaker", "[limits.breaker]");
    let breaker_limit = BreakerLimit {
        max_unhealthy: breaker.percentage("max_unhealthy", default.breaker.max_unhealthy),
        min_unhealthy: breaker.count("min_unhealthy", 1..=1_000_000, default.breaker.min_unhealthy),
        close_after: breaker.duration(
            "close_after",
            Duration::ZERO..=7 * DAY,
            default.breaker.close_after,
        ),
    };
    breaker.finish();
    let read = Limits {
        recreates_in_flight,
        recreates_per_hour: limits.count("recreates_per_hour", MANY, default.recreates_per_hour),
        bytes_per_day: limits.size("bytes_per_day", default.bytes_per_day),
        recreate_max_bytes: limits.size("recreate_max_bytes", default.recreate_max_bytes),
        recreate_max_duration: limits.duration(
            "recreate_max_duration",
            Duration::from_secs(1)..=30 * DAY,
            default.recreate_max_duration,
        ),
        recreates_per_follower,
        resumes_in_flight_per_remote,
        resumes_per_minute: limits.count("resumes_per_minute", MANY, default.resumes_per_minute),
        breaker: breaker_limit,
    };
    limits.finish();
    read
}

fn rules(policy: &mut Section<'_>, clusters: &[Cluster]) -> Vec<Rule> {
    let notes = policy.notes;
    let mut rules: Vec<(String, Rule)> = Vec::new();
    for mut section in policy.sections("rules") {
        let path = section.path.clone();
        let names = selector(&mut section, "clusters", "[\"*\"]");
        let followers = selector(&mut section, "followers", "[\"orders-*\"]");
        let remotes = selector(&mut section, "remotes", "[\"*\"]");
        let causes = causes(&mut section);
        let action = section.required("action", "\"alert\", \"ask\" or \"auto\"", |text| match text {
            "alert" => Ok(Action::Alert),
            "ask" => Ok(Action::Ask),
            "auto" => Ok(Action::Auto),
            _ => Err("is not one of the three actions"),
        });
        let document_tolerance = section.optional_percentage("document_tolerance");
        if document_tolerance.is_some_and(|share| share > MUCH) {
            notes.warn(
                &section.path_of("document_tolerance"),
                "lets a leader be copied that lacks more than a tenth of what the follower has",
            );
        }
        section.finish();
        check_clusters(notes, &names, clusters);
        let rule = Rule {
            clusters: globs(names),
            followers: globs(followers),
            remotes: globs(remotes),
            causes,
            action: action.unwrap_or(Action::Alert),
            document_tolerance,
        };
        warn_about(notes, &path, &rule, &rules);
        rules.push((path, rule));
    }
    rules.into_iter().map(|(_, rule)| rule).collect()
}

/// A rule that protects a cluster and has a slip in its name would silently leave the next, bolder rule to
/// count; so this is a mistake, not a warning.
pub(super) fn check_clusters(notes: &Notes, names: &[Text], clusters: &[Cluster]) {
    for name in names {
        let known = |cluster: &Cluster| Glob::new(&name.text).matches(cluster.name.as_str());
        if !clusters.is_empty() && !clusters.iter().any(known) {
            notes.problem(
                &name.path,
                Some(shown(&name.text)),
                "matches no [[clusters]] entry, so the rule can never match",
                "write the name of one, or \"*\"",
            );
        }
    }
}

pub(super) fn globs(texts: Vec<Text>) -> Vec<Glob> {
    texts.into_iter().map(|text| Glob::new(text.text)).collect()
}

/// A list of patterns; left out, it selects everything; empty, it is refused, because an empty
/// selector selects nothing (safety 10) and nobody writes a rule for nothing.
pub(super) fn selector(section: &mut Section<'_>, key: &'static str, example: &str) -> Vec<Text> {
    let everything = || {
        vec![Text {
            path: String::new(),
            text: "*".into(),
        }]
    };
    if !section.has(key) {
        section.list(key, example);
        return everything();
    }
    let path = section.path_of(key);
    let Some(texts) = section.list(key, example) else {
        return everything();
    };
    if texts.is_empty() && section.notes.clean_at(&path) {
        section.problem(
            key,
            "is empty and selects nothing, so the rule can never match",
            format!("write {example}, or leave it out to select all"),
        );
    }
    texts
        .into_iter()
        .filter(|text| match pattern_problem(&text.text, key == "followers") {
            None => true,
            Some(problem) => {
                section.notes.problem(
                    &text.path,
                    Some(shown(&text.text)),
                    problem,
                    format!("write a name, with `*` for any text: {example}"),
                );
                false
            }
        })
        .collect()
}

fn pattern_problem(text: &str, of_indices: bool) -> Option<&'static str> {
    if text.is_empty() {
        return Some("is empty");
    }
    if text.contains(',') {
        return Some("has a comma: a list has one item for each pattern");
    }
    if text.contains('?') || text.contains('[') {
        return Some("has `?` or `[`, which mean nothing here: only `*` stands for any text");
    }
    if text.starts_with(['-', '+']) {
        return Some(
            "starts with `-` or `+`: patterns cannot take away; put an `alert` rule before this one",
        );
    }
    if text.chars().any(|c| {
        c.is_whitespace() || c.is_control() || matches!(c, '/' | '\\' | '"' | '<' | '>' | '|' | '#' | ':')
    }) {
        return Some("has a character that no such name has");
    }
    if of_indices && text.chars().any(char::is_uppercase) {
        return Some("has a capital letter, which no index name has");
    }
    None
}

fn causes(section: &mut Section<'_>) -> Vec<Cause> {
    let example = "[\"history_lost\"]";
    let absent = !section.has("causes");
    let Some(texts) = section.list("causes", example) else {
        // Left out, it selects all; wrong, it is noted already.
        return Cause::ALL.to_vec();
    };
    debug_assert!(!absent, "an absent list is no list");
    if texts.is_empty() {
        section.problem(
            "causes",
            "is empty and selects nothing, so the rule can never match",
            format!("write {example}, or leave it out to select all"),
        );
    }
    let mut causes = Vec::with_capacity(texts.len());
    for text in texts {
        if text.text == "*" {
            causes.extend_from_slice(Cause::ALL);
        } else if let Some(cause) = Cause::parse(&text.text) {
            causes.push(cause);
        } else {
            let known = || Cause::ALL.iter().map(|cause| cause.as_str());
            section.notes.problem(
                &text.path,
                Some(shown(&text.text)),
                "is not a cause",
                match reference::nearest(&text.text, known()) {
                    Some(nearest) => format!("did you mean \"{nearest}\"?"),
                    None => format!("write one of: {}", known().collect::<Vec<_>>().join(", ")),
                },
            );
        }
    }
    causes
}

fn warn_about(notes: &Notes, path: &str, rule: &Rule, earlier: &[(String, Rule)]) {
    if let Some((first, _)) = earlier.iter().find(|(_, other)| covers(other, rule)) {
        notes.warn(
            path,
            format!("never counts: {first} matches everything that it matches"),
        );
    }
    if rule.action == Action::Auto && rule.causes.len() < Cause::ALL.len() {
        for cause in &rule.causes {
            match cause.approval() {
                Approval::Never => notes.warn(
                    &format!("{path}.action"),
                    format!("`auto` does nothing for `{cause}`: refollow never repairs it"),
                ),
                Approval::Always => notes.warn(
                    &format!("{path}.action"),
                    format!("`auto` asks for `{cause}`: it needs an approval in every mode"),
                ),
                Approval::Policy | Approval::None => {}
            }
        }
    }
}

/// Whether everything that `later` matches is matched by `first`. Errs towards no.
fn covers(first: &Rule, later: &Rule) -> bool {
    fn globs(first: &[Glob], later: &[Glob]) -> bool {
        !later.is_empty()
            && later.iter().all(|inner| {
                first.iter().any(|outer| {
                    outer == inner
                        || outer.as_str() == "*"
                        || (!inner.as_str().contains('*') && outer.matches(inner.as_str()))
                })
            })
    }
    globs(&first.clusters, &later.clusters)
        && globs(&first.followers, &later.followers)
        && globs(&first.remotes, &later.remotes)
        && later.causes.iter().all(|cause| first.causes.contains(cause))
}

fn windows(root: &mut Section<'_>) -> Vec<Window> {
    let mut windows = Vec::new();
    for mut section in root.sections("windows") {
        let days = days(&mut section);
        let start = section.required("start", "\"22:00\"", time);
        let end = section.required("end", "\"05:00\"", time);
        let time_zone = section.required("time_zone", "\"Europe/Berlin\"", |text| {
            TimeZone::get(text).map_err(|_| "is not a time zone that is known here")
        });
        section.finish();
        if let (Some(start), Some(end), Some(time_zone)) = (start, end, time_zone) {
            windows.push(Window {
                days,
                start,
                end,
                time_zone,
            });
        }
    }
    windows
}

/// `HH:MM`, or `HH:MM:SS` as TOML writes a time without quotes.
fn time(text: &str) -> Result<Time, &'static str> {
    let wrong = "is not a time of day";
    let parts: Vec<&str> = text.split(':').collect();
    if !(2..=3).contains(&parts.len()) || parts.iter().any(|part| part.len() != 2) {
        return Err(wrong);
    }
    let mut numbers = [0_i8; 3];
    for (number, part) in numbers.iter_mut().zip(parts) {
        *number = part.parse().map_err(|_| wrong)?;
    }
    Time::new(numbers[0], numbers[1], numbers[2], 0).map_err(|_| wrong)
}

const WEEK: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

fn days(section: &mut Section<'_>) -> Vec<Weekday> {
    let example = "[\"mon-fri\"]";
    let every = || WEEK.iter().map(|(_, day)| *day).collect();
    let Some(texts) = section.list("days", example) else {
        return every();
    };
    if texts.is_empty() {
        section.problem(
            "days",
            "is empty, so the window never opens",
            format!("write {example}, or leave it out for every day"),
        );
    }
    let mut open = [false; 7];
    for text in texts {
        let number = |name: &str| {
            WEEK.iter()
                .position(|(day, _)| day.eq_ignore_ascii_case(name.trim()))
        };
        let range = match text.text.split_once('-') {
            Some((first, last)) => number(first).zip(number(last)),
            None => number(&text.text).map(|day| (day, day)),
        };
        let Some((first, last)) = range else {
            section.notes.problem(
                &text.path,
                Some(shown(&text.text)),
                "is not a day or a range of days",
                "write mon, tue, wed, thu, fri, sat, sun, or a range such as mon-fri",
            );
            continue;
        };
        // `fri-mon` goes over the end of the week.
        let mut day = first;
        loop {
            open[day] = true;
            if day == last {
                break;
            }
            day = (day + 1) % 7;
        }
    }
    WEEK.iter()
        .zip(open)
        .filter(|(_, open)| *open)
        .map(|((_, day), _)| *day)
        .collect()
}
