//! Guards of side by side: the new name, what stands under it, aliases, room, privileges.

use std::collections::BTreeMap;

use crate::domain::facts::{Facts, Series};
use crate::policy::guards::read::{
    Check, Hold, ask, block, cluster_setting, need, shard_count, told, unknown,
};
use crate::policy::guards::{Question, Stage};

/// The guard that says that an alias would count documents twice; a person may override it.
pub(super) const ALIAS_COUNTS_ONCE: &str = "alias_counts_once";

/// What stands under the new name. `None` while only planning: it is looked at when a run begins.
fn beside<'a>(q: &Question<'a>) -> Result<Option<&'a Facts>, Hold> {
    match q.beside {
        Some(facts) => Ok(Some(facts)),
        None if q.stage == Stage::Plan => Ok(None),
        None => Err(unknown("what stands under the new name was not looked at")),
    }
}

/// The name can be had: another than the follower's, no system index's, and free.
pub(super) fn beside_name(q: &Question<'_>) -> Check {
    let Some(name) = &q.wishes.beside else {
        return Err(unknown("no name is given"));
    };
    if *name == q.facts.key.index {
        return Err(block(format!(
            "`{name}` is the follower itself: another name is needed"
        )));
    }
    if name.as_str().starts_with('.') {
        return Err(block(format!("`{name}` is named like a system index")));
    }
    let Some(there) = beside(q)? else {
        return Ok(format!(
            "whether `{name}` is free is looked at just before the follow"
        ));
    };
    if there.key.index != *name {
        return Err(unknown("another index than the new one was looked at"));
    }
    if there.follower.meta.now().is_absent() {
        return Ok(format!("no index `{name}` exists in the follower cluster"));
    }
    if there.follower.meta.present().is_some() {
        return Err(block(format!(
            "an index `{name}` exists in the follower cluster: choose another name"
        )));
    }
    Err(unknown(format!("it was not seen that no index `{name}` exists")))
}

/// An alias of the leader comes onto every follower of it by itself, and no request can take it
/// off again (`_aliases` on a follower answers 403, recorded on 7.7.0 and 8.10.4): from the moment
/// that the copy follows until one of the two is gone, a search through it sees each document twice.
pub(super) fn alias_counts_once(q: &Question<'_>) -> Check {
    let meta = need(&q.facts.leader.meta, "the leader's aliases")?;
    if meta.aliases.is_empty() {
        return Ok("the leader has no alias that would come onto both".to_owned());
    }
    let names = meta.aliases.join(", ");
    let wish = q
        .wishes
        .overrides
        .iter()
        .find(|wish| wish.fact == ALIAS_COUNTS_ONCE && wish.index == q.facts.key.index);
    let text = format!(
        "the leader's aliases ({names}) come onto the copy by themselves once it follows, and Elasticsearch lets nobody take them off a follower: until one of the two is deleted a search through them sees every document twice"
    );
    match wish {
        Some(wish) => Ok(format!("overridden by {}: {text}", wish.person)),
        None => Err(block(text)),
    }
}

/// A backing index is part of a stream on both sides; a second copy of it would enter the stream too.
pub(super) fn beside_no_data_stream(q: &Question<'_>) -> Check {
    let leader = q
        .facts
        .leader_index
        .as_ref()
        .ok_or_else(|| unknown("the leader's name is not known"))?;
    if leader.as_str().starts_with(".ds-") {
        return Err(block(format!(
            "the leader `{leader}` backs a data stream: a second follower of it would enter the stream as well"
        )));
    }
    let version = need(&q.facts.follower.root, "`GET /` of the follower cluster")?.version;
    if (version.major, version.minor) >= (7, 9)
        && let Some(stream) = ask(&q.facts.follower.data_stream, "whether it backs a data stream")?
    {
        return Err(block(format!(
            "it backs the data stream `{stream}`: its name cannot change"
        )));
    }
    Ok("neither side backs a data stream".to_owned())
}

/// The shard limit of the follower cluster has room for another index.
pub(super) fn room_for_copy(q: &Question<'_>) -> Check {
    let have = *need(
        &q.facts.follower.total_shards,
        "the number of shards of the follower cluster",
    )?;
    let nodes = told(
        need(&q.facts.follower.cluster_health, "the follower cluster's health")?.data_nodes,
        "the follower cluster's number of data nodes",
    )?;
    let text = cluster_setting(q, "cluster.max_shards_per_node", "1000")?;
    let per_node: u64 = text
        .parse()
        .map_err(|_| unknown(format!("cluster.max_shards_per_node `{text}` is no number")))?;
    // The copy takes the leader's settings.
    let leader = need(&q.facts.leader.settings, "the leader's settings")?;
    let set: u64 = leader
        .get("index.number_of_replicas")
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    let expands = leader
        .get("index.auto_expand_replicas")
        .is_some_and(|text| text != "false");
    let replicas = if expands {
        set.max(u64::from(nodes).saturating_sub(1))
    } else {
        set
    };
    let new = u64::from(shard_count(q)?).saturating_mul(replicas.saturating_add(1));
    let limit = per_node.saturating_mul(u64::from(nodes));
    let text =
        format!("the follower cluster has {have} shards, the copy adds {new}, and the limit is {limit}");
    if have.saturating_add(new) > limit {
        return Err(block(text));
    }
    Ok(text)
}

/// The acting credentials may make the new index, put settings on it, and delete it when it is given up.
pub(super) fn copy_privileges(q: &Question<'_>) -> Check {
    const NEEDED: &[&str] = &["cluster:manage_ccr", "index:manage_follow_index", "index:manage"];
    let Some(there) = beside(q)? else {
        return Ok("looked at just before the follow".to_owned());
    };
    let series: &Series<BTreeMap<String, bool>> = &there.follower.privileges;
    let Some(have) = ask(series, "what the acting credentials may do with the new index")? else {
        return Ok("security is off on the follower cluster".to_owned());
    };
    let mut missing = Vec::new();
    for privilege in NEEDED {
        if !*told(have.get(*privilege), &format!("whether they have {privilege}"))? {
            missing.push(*privilege);
        }
    }
    if missing.is_empty() {
        Ok(format!(
            "the acting credentials have {} on the new index",
            NEEDED.join(", ")
        ))
    } else {
        Err(block(format!(
            "the acting credentials lack {} on the new index",
            missing.join(", ")
        )))
    }
}

/// What stands beside a follower is its way back, and the other way round: while a copy is known,
/// the follower is given up only by a person.
pub(super) fn beside_copy(q: &Question<'_>) -> Check {
    let known = q
        .memory
        .beside
        .as_ref()
        .filter(|copy| q.facts.follower_uuid().is_none_or(|uuid| uuid == copy.of));
    match known {
        None => Ok("no copy was made beside it".to_owned()),
        Some(copy) if q.approved() => Ok(format!(
            "a person has approved it, though run {} made `{}` beside it",
            copy.run, copy.index
        )),
        Some(copy) => Err(block(format!(
            "run {} made `{}` beside it, and it is the way back until people have handed over: only with a person's approval",
            copy.run, copy.index
        ))),
    }
}
