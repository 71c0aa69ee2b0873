//! What a pair starts with.
//!
//! A start is set up in the past (as if it had been running for [`AGE`]) on a fresh pair,
//! which then replaces the present one; so it can also be played again later. Everything is
//! made by the same requests that people would send.

use std::time::Duration;

use serde_json::{Value, json};

use crate::elastic::transport::Method;
use crate::sandbox::clock::millis;
use crate::sandbox::load::{Load, bulk};
use crate::sandbox::pair::{Handled, Pair, PairOptions, Side};
use crate::sandbox::scenario::{ScenarioError, must};
use crate::sandbox::world::World;

/// How long the pair has been running when a start begins.
pub const AGE: Duration = Duration::from_mins(10);

/// How often the background load of `healthy` writes.
pub const LOAD_EVERY: Duration = Duration::from_secs(2);

/// A follow of a small index must be answered within this virtual time.
const FOLLOW_TIMEOUT: Duration = Duration::from_mins(2);

/// The starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Two clusters that know each other, without indices.
    Empty,
    /// Fourteen followers, all well, with background writes.
    Healthy,
    /// As `healthy`, without background writes: whatever moves was moved by a client.
    Quiet,
}

impl Start {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Empty, Self::Healthy, Self::Quiet];

    /// The start of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|start| start.name() == name)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Healthy => "healthy",
            Self::Quiet => "quiet",
        }
    }

    /// What it holds, in a sentence.
    pub const fn what(self) -> &'static str {
        match self {
            Self::Empty => "two clusters without indices; the follower cluster knows the other as `lead`",
            Self::Healthy => "fourteen followers, all following, with steady writes to their leaders",
            Self::Quiet => "the fourteen followers of `healthy` without background writes",
        }
    }
}

/// One leader and its follower.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Leader index; the follower is called the same with `-f` behind.
    pub leader: &'static str,
    /// Primary shards.
    pub shards: u32,
    /// Documents at the start.
    pub documents: u64,
    /// Alias of the leader, which followers copy.
    pub alias: Option<&'static str>,
    /// Follow parameters, JSON; empty: the server's defaults.
    pub parameters: &'static str,
    /// The follower's own settings, JSON; empty: none.
    pub own_settings: &'static str,
    /// Documents written at each tick of the background load.
    pub load: u64,
}

impl Spec {
    /// Name of the follower index.
    pub fn follower(&self) -> String {
        format!("{}-f", self.leader)
    }
}

const fn spec(leader: &'static str, shards: u32, documents: u64, load: u64) -> Spec {
    Spec {
        leader,
        shards,
        documents,
        alias: None,
        parameters: "",
        own_settings: "",
        load,
    }
}

/// The followers of `healthy`: assorted shard counts, parameters, own settings and aliases.
pub const HEALTHY: [Spec; 14] = [
    Spec {
        alias: Some("orders-read"),
        parameters: r#"{"max_read_request_operation_count":1000,"max_outstanding_read_requests":7}"#,
        own_settings: r#"{"index.refresh_interval":"7s","index.priority":9}"#,
        ..spec("orders", 2, 500, 4)
    },
    Spec {
        alias: Some("payments-read"),
        own_settings: r#"{"index.refresh_interval":"30s"}"#,
        ..spec("payments", 3, 400, 3)
    },
    Spec {
        parameters: r#"{"read_poll_timeout":"30s"}"#,
        ..spec("customers", 1, 300, 1)
    },
    Spec {
        own_settings: r#"{"index.priority":50}"#,
        ..spec("inventory", 2, 250, 2)
    },
    Spec {
        parameters: r#"{"max_retry_delay":"10s","max_write_buffer_count":4096}"#,
        ..spec("sessions", 5, 600, 5)
    },
    Spec {
        alias: Some("invoices-read"),
        ..spec("invoices", 1, 200, 1)
    },
    Spec {
        own_settings: r#"{"index.refresh_interval":"5s","index.priority":3}"#,
        parameters: r#"{"max_outstanding_write_requests":4}"#,
        ..spec("shipments", 2, 220, 2)
    },
    spec("carts", 1, 150, 3),
    Spec {
        alias: Some("products-search"),
        own_settings: r#"{"index.refresh_interval":"60s"}"#,
        ..spec("products", 4, 800, 0)
    },
    Spec {
        parameters: r#"{"max_read_request_size":"4mb","max_write_request_size":"4mb"}"#,
        ..spec("audit-2026.11", 3, 350, 2)
    },
    spec("search-terms", 1, 120, 1),
    Spec {
        own_settings: r#"{"index.priority":1}"#,
        ..spec("metrics-app", 2, 450, 4)
    },
    spec("mail", 1, 90, 0),
    Spec {
        alias: Some("tickets-read"),
        parameters: r#"{"max_read_request_operation_count":512}"#,
        ..spec("tickets", 2, 180, 1)
    },
];

/// Replaces the world's pair by a fresh one of that start.
pub(super) fn play(world: &World, start: Start) -> Result<String, ScenarioError> {
    let (pair, load) = make(world.options(), world.now_ms(), start)?;
    world.replace(pair, load);
    Ok(start.what().to_owned())
}

/// Replaces the world's pair by one with that many followers of so many shards each, all alike and
/// all written to: for measuring, not a scenario.
///
/// # Errors
/// When the pair refuses a step.
pub fn many(world: &World, followers: usize, shards: u32) -> Result<(), ScenarioError> {
    let now_ms = world.now_ms();
    let mut pair = Pair::new(&PairOptions {
        start_ms: now_ms.saturating_sub(millis(AGE)),
        ..world.options().clone()
    });
    let mut load = Load::every(LOAD_EVERY, now_ms);
    for number in 0..followers {
        let leader = format!("logs-{number:05}");
        set_up(&mut pair, &leader, &spec("", shards, u64::from(shards) * 10, 1))?;
        load.add(&leader, u64::from(shards), u64::from(shards) * 10);
    }
    pair.advance_to(now_ms.max(pair.now_ms()));
    world.replace(pair, load);
    Ok(())
}

/// A pair that has been running for [`AGE`] at `now_ms`, with its background load.
fn make(options: &PairOptions, now_ms: i64, start: Start) -> Result<(Pair, Load), ScenarioError> {
    let mut pair = Pair::new(&PairOptions {
        start_ms: now_ms.saturating_sub(millis(AGE)),
        ..options.clone()
    });
    let mut load = match start {
        Start::Empty | Start::Quiet => Load::none(),
        // From the present on: ten minutes of writes more would only slow the start down.
        Start::Healthy => Load::every(LOAD_EVERY, now_ms),
    };
    if start != Start::Empty {
        for spec in &HEALTHY {
            set_up(&mut pair, spec.leader, spec)?;
            if spec.load > 0 {
                load.add(spec.leader, spec.load, spec.documents);
            }
        }
    }
    pair.advance_to(now_ms.max(pair.now_ms()));
    Ok((pair, load))
}

/// Makes a leader, fills it, follows it and sets the follower's own settings.
fn set_up(pair: &mut Pair, name: &str, spec: &Spec) -> Result<(), ScenarioError> {
    let mut leader = json!({
        "settings": {"number_of_shards": spec.shards, "number_of_replicas": 0},
    });
    if let Some(alias) = spec.alias {
        leader["aliases"] = json!({ alias: {} });
    }
    must(
        pair,
        Side::Leader,
        Method::Put,
        &format!("/{name}"),
        Some(&leader),
    )?;
    let documents = bulk(name, 0, spec.documents);
    if matches!(pair.handle(Side::Leader, &documents), Handled::Down) {
        return Err(ScenarioError::Unfit("the leader is down".to_owned()));
    }
    // Flushed, so that the copy brings the documents along.
    must(
        pair,
        Side::Leader,
        Method::Post,
        &format!("/{name}/_flush?force=true"),
        None,
    )?;
    let follower = format!("{name}-f");
    follow(pair, name, &follower, spec.parameters)?;
    if let Some(own) = object(spec.own_settings) {
        must(
            pair,
            Side::Follower,
            Method::Put,
            &format!("/{follower}/_settings"),
            Some(&own),
        )?;
    }
    Ok(())
}

/// Follows and lets time pass until the answer is there.
fn follow(pair: &mut Pair, leader: &str, follower: &str, parameters: &str) -> Result<(), ScenarioError> {
    let mut body = json!({"remote_cluster": "lead", "leader_index": leader});
    if let (Some(Value::Object(parameters)), Some(into)) = (object(parameters), body.as_object_mut()) {
        into.extend(parameters);
    }
    let target = format!("/{follower}/_ccr/follow?wait_for_active_shards=1");
    let request = crate::sandbox::load::request(Method::Put, &target, Some(body.to_string()));
    let response = match pair.handle(Side::Follower, &request) {
        Handled::Answer(response) => Some(response),
        Handled::Down => None,
        Handled::Later(ticket) => {
            let last = pair.now_ms().saturating_add(millis(FOLLOW_TIMEOUT));
            loop {
                if let Some(response) = pair.take(ticket) {
                    break Some(response);
                }
                let Some(next) = pair.next_event_ms().filter(|next| *next <= last) else {
                    break None;
                };
                pair.advance_to(next.max(pair.now_ms().saturating_add(1)));
            }
        }
    };
    match response {
        Some(response) if response.status == 200 => Ok(()),
        other => Err(ScenarioError::Step {
            step: format!("follower PUT {target}"),
            status: other.as_ref().map_or(0, |response| response.status),
            answer: other.map_or_else(
                || format!("no answer within {FOLLOW_TIMEOUT:?}"),
                |response| String::from_utf8_lossy(&response.body).into_owned(),
            ),
        }),
    }
}

/// JSON of the table above; an empty text is none.
fn object(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_followers_is_assorted_and_every_json_in_it_is_json() {
        assert!(HEALTHY.len() >= 12);
        for spec in &HEALTHY {
            for text in [spec.parameters, spec.own_settings] {
                assert!(text.is_empty() || object(text).is_some(), "{text}");
            }
        }
        let shards: std::collections::BTreeSet<u32> = HEALTHY.iter().map(|spec| spec.shards).collect();
        assert!(shards.len() >= 4);
        assert!(HEALTHY.iter().filter(|spec| spec.alias.is_some()).count() >= 3);
    }
}
