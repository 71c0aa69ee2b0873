//! Guards of shape: the leader can be followed by this index, as it is set up.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::cause::Cause;
use crate::domain::facts::Node;
use crate::domain::replicated::replicated;
use crate::domain::seen::Seen;
use crate::policy::Glob;
use crate::policy::guards::read::{Check, block, cause, follower_settings, leader_settings, need, told};
use crate::policy::guards::{Question, Stage};
use crate::policy::plan::follow_settings;

/// Blocks of a leader that a recreate copies and that never go away by themselves
/// (`ccr/measured.md`, 49: the new follower stays at 0 documents).
const COPIED_BLOCKS: &[&str] = &[
    "index.blocks.write",
    "index.blocks.read_only",
    "index.blocks.read_only_allow_delete",
    "index.blocks.metadata",
];

/// Reference guard 6: as many primaries and routing shards on both sides.
pub(super) fn shards_equal(q: &Question<'_>) -> Check {
    let (follower, leader) = (follower_settings(q)?, leader_settings(q)?);
    let count = |settings: &std::collections::BTreeMap<String, String>, side: &str| {
        told(
            settings.get("index.number_of_shards").cloned(),
            &format!("the {side}'s number of shards"),
        )
    };
    let (of_follower, of_leader) = (count(follower, "follower")?, count(leader, "leader")?);
    if of_follower != of_leader {
        return Err(block(format!(
            "the leader has {of_leader} shards, the follower {of_follower}: it cannot be followed in place"
        )));
    }
    let routing =
        |meta: Option<&crate::domain::facts::IndexMeta>| meta.and_then(|meta| meta.routing_num_shards);
    if let (Some(of_follower), Some(of_leader)) = (
        routing(q.facts.follower.meta.present()),
        routing(q.facts.leader.meta.present()),
    ) && of_follower != of_leader
    {
        return Err(block(format!(
            "the leader has {of_leader} routing shards, the follower {of_follower}"
        )));
    }
    Ok(format!("both have {of_leader} shards"))
}

/// Reference guard 7: the leader has soft deletes and is no searchable snapshot.
pub(super) fn leader_followable(q: &Question<'_>) -> Check {
    let leader = leader_settings(q)?;
    let created_before_7 = leader
        .get("index.version.created")
        .and_then(|text| text.parse::<u64>().ok())
        .is_some_and(|version| version < 7_000_000);
    match leader.get("index.soft_deletes.enabled").map(String::as_str) {
        Some("false") => return Err(block("the leader has soft deletes switched off")),
        None if created_before_7 => {
            return Err(block(
                "the leader was made before 7.0, when soft deletes were off unless switched on",
            ));
        }
        _ => {}
    }
    let mut sides = vec![("leader", leader)];
    if q.stage != Stage::BeforeFollowNew {
        sides.push(("follower", follower_settings(q)?));
    }
    for (side, settings) in sides {
        if settings
            .get("index.store.type")
            .is_some_and(|kind| kind == "snapshot")
        {
            return Err(block(format!("the {side} is a searchable snapshot")));
        }
    }
    Ok("the leader has soft deletes and is no searchable snapshot".to_owned())
}

/// What the PUT carries of its own, so that the leader's value does not come along.
fn carried(q: &Question<'_>) -> BTreeMap<String, String> {
    match q.run {
        Some(run) => run.basis.follow_settings.clone(),
        None => follow_settings(cause(q), q.facts, q.memory),
    }
}

/// Reference guard 8: no block of the leader would be copied.
pub(super) fn leader_blocks(q: &Question<'_>) -> Check {
    let leader = leader_settings(q)?;
    let carried = carried(q);
    let set: Vec<&str> = COPIED_BLOCKS
        .iter()
        .copied()
        .filter(|key| leader.get(*key).is_some_and(|value| value == "true"))
        .filter(|key| !carried.contains_key(*key))
        .collect();
    if set.is_empty() {
        Ok("the leader has no block that would be copied".to_owned())
    } else {
        Err(block(format!(
            "the leader has {}, which a recreate copies and nothing takes away again: the new follower would stay empty",
            set.join(", ")
        )))
    }
}

/// Reference guard 8: what the leader says about allocation can be had on the follower cluster.
/// All of it is copied: tier preference, shards per node, and filters. Recording 18 shows `require.*`
/// in the new follower's metadata on both versions, although its title says otherwise; that its shard
/// was allocated says that the one node met it. Where none does, the copy is red, and the old one gone.
pub(super) fn leader_allocation(q: &Question<'_>) -> Check {
    let leader = leader_settings(q)?;
    let nodes = need(&q.facts.follower.nodes, "the follower cluster's nodes")?;
    let carried = carried(q);
    let data: Vec<_> = nodes.iter().filter(|node| holds_data(&node.roles)).collect();
    if let Some(preference) = leader.get("index.routing.allocation.include._tier_preference")
        && !preference.is_empty()
        && !carried.contains_key("index.routing.allocation.include._tier_preference")
    {
        let tiers: BTreeSet<&str> = preference.split(',').map(str::trim).collect();
        let some = data.iter().any(|node| {
            node.roles
                .iter()
                .any(|role| role == "data" || tiers.contains(role.as_str()))
        });
        if !some {
            return Err(block(format!(
                "the leader prefers the tiers {preference} and no node of the follower cluster is in one of them"
            )));
        }
    }
    let filters = Filters::of(leader, &carried);
    if !filters.0.is_empty() {
        let mut some = false;
        for node in &data {
            some |= told(
                filters.let_in(node),
                &format!("whether a node meets the leader's {filters}"),
            )?;
        }
        if !some {
            return Err(block(format!(
                "the leader's {filters} would be copied, and no data node of the follower cluster meets it: \
                 the copy would be red; remove the filter on the leader, or give a node the attribute"
            )));
        }
    }
    let per_node = leader
        .get("index.routing.allocation.total_shards_per_node")
        .and_then(|text| text.parse::<i64>().ok())
        .filter(|limit| *limit > 0)
        .filter(|_| !carried.contains_key("index.routing.allocation.total_shards_per_node"));
    if let Some(per_node) = per_node {
        let shards: i64 = told(
            leader
                .get("index.number_of_shards")
                .and_then(|text| text.parse().ok()),
            "the leader's number of shards",
        )?;
        let nodes = i64::try_from(data.len()).unwrap_or(i64::MAX);
        if per_node.saturating_mul(nodes) < shards {
            return Err(block(format!(
                "the leader allows {per_node} of its {shards} shards on a node and the follower cluster has {nodes} data nodes"
            )));
        }
    }
    Ok(format!(
        "nothing that the leader says about allocation keeps it off the {} data nodes",
        data.len()
    ))
}

/// The leader's allocation filters that the PUT would bring along: kind, attribute, values.
struct Filters<'a>(Vec<(&'a str, &'a str, &'a str)>);

impl<'a> Filters<'a> {
    fn of(leader: &'a BTreeMap<String, String>, carried: &BTreeMap<String, String>) -> Self {
        let filters = leader.iter().filter_map(|(name, value)| {
            let (kind, attribute) = name.strip_prefix("index.routing.allocation.")?.split_once('.')?;
            let counts = matches!(kind, "require" | "include" | "exclude")
                && attribute != "_tier_preference"
                && !value.is_empty()
                && !carried.contains_key(name);
            counts.then_some((kind, attribute, value.as_str()))
        });
        Self(filters.collect())
    }

    /// Whether a shard may be on that node, as Elasticsearch's `DiscoveryNodeFilters` says: every
    /// value of every `require`, some value of some `include`, no value of any `exclude`. `None`: a
    /// filter names what is not known of the node, and nothing else keeps it out.
    fn let_in(&self, node: &Node) -> Option<bool> {
        let (mut included, mut unknown, mut include) = (false, false, false);
        for (kind, attribute, values) in &self.0 {
            include |= *kind == "include";
            for value in values.split(',').map(str::trim) {
                match (*kind, has(node, attribute, value)) {
                    (_, None) => unknown = true,
                    ("require", Some(false)) | ("exclude", Some(true)) => return Some(false),
                    ("include", Some(true)) => included = true,
                    _ => {}
                }
            }
        }
        match (unknown, include && !included) {
            (true, _) => None,
            (false, left_out) => Some(!left_out),
        }
    }
}

impl std::fmt::Display for Filters<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.0.iter().map(|(kind, attribute, values)| {
            format!("index.routing.allocation.{kind}.{attribute} ({values})")
        });
        f.write_str(&names.collect::<Vec<_>>().join(" and "))
    }
}

/// Whether a node has that attribute with that value; `None`: it is not known.
fn has(node: &Node, attribute: &str, value: &str) -> Option<bool> {
    let is = match attribute {
        "_name" => Some(node.name.as_ref()?),
        "_id" => Some(&node.id),
        // Addresses and hosts are not read.
        other if other.starts_with('_') => return None,
        other => node.attributes.as_ref()?.get(other),
    };
    Some(is.is_some_and(|is| Glob::new(value).matches(is)))
}

/// Whether a node of these roles holds shards.
pub(super) fn holds_data(roles: &[String]) -> bool {
    roles
        .iter()
        .any(|role| role == "data" || (role.starts_with("data_") && role != "data_frozen"))
}

/// Reference 3.5: a resume is refused when replicated settings differ.
pub(super) fn settings_equal(q: &Question<'_>) -> Check {
    let (follower, leader) = (follower_settings(q)?, leader_settings(q)?);
    let (of_follower, of_leader) = (replicated(follower), replicated(leader));
    let different: Vec<String> = of_follower
        .keys()
        .chain(of_leader.keys())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter(|key| of_follower.get(*key) != of_leader.get(*key))
        .map(|key| {
            format!(
                "{key} ({} here, {} at the leader)",
                of_follower.get(key).unwrap_or(&"unset"),
                of_leader.get(key).unwrap_or(&"unset")
            )
        })
        .collect();
    if different.is_empty() {
        return Ok(format!("all {} replicated settings are equal", of_leader.len()));
    }
    Err(block(format!(
        "replicated settings differ, so a resume would be refused: {}",
        different.join(", ")
    )))
}

/// Reference 3.5: the follower is marked as following.
pub(super) fn following_setting(q: &Question<'_>) -> Check {
    let follower = follower_settings(q)?;
    match follower
        .get("index.xpack.ccr.following_index")
        .map(String::as_str)
    {
        Some("true") => Ok("index.xpack.ccr.following_index is set".to_owned()),
        _ => Err(block(
            "index.xpack.ccr.following_index is not set on the follower: a resume would be refused",
        )),
    }
}

/// No block of the follower index refuses the requests (`ccr/measured.md`, 13).
pub(super) fn follower_blocks(q: &Question<'_>) -> Check {
    let follower = follower_settings(q)?;
    let refusing: Vec<&str> = ["index.blocks.read_only", "index.blocks.metadata"]
        .into_iter()
        .filter(|key| follower.get(*key).is_some_and(|value| value == "true"))
        .collect();
    if !refusing.is_empty() {
        return Err(block(format!(
            "the follower has {}: pause, close and follow are refused",
            refusing.join(", ")
        )));
    }
    // A write block that the failed copy took over from the leader is gone with the next one.
    if cause(q) == Cause::RestoreFailed && q.remedy.destroys() {
        return Ok("no block on the follower refuses the close and the follow".to_owned());
    }
    // Flood stage: a copy would make it worse, and a resumed task could not write.
    if follower
        .get("index.blocks.read_only_allow_delete")
        .is_some_and(|value| value == "true")
        || follower
            .get("index.blocks.write")
            .is_some_and(|value| value == "true")
    {
        return Err(block(
            "the follower has a write block (disk full, or somebody set it): its task could not write",
        ));
    }
    if let Seen::Present(meta) = q.facts.follower.meta.now()
        && meta
            .settings
            .get("index.blocks.read_only_allow_delete")
            .is_some_and(|value| value == "true")
    {
        return Err(block("the follower has a flood-stage block"));
    }
    Ok("no block stands on the follower".to_owned())
}
