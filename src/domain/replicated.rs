//! Which index settings a follower takes from its leader and which are its own.
//!
//! Elasticsearch compares all but the listed ones when it resumes a follower, and leaves the
//! listed ones alone while following (`TransportResumeFollowAction.NON_REPLICATED_SETTINGS`,
//! read at 7.x and 8.x). A recreate replaces them with the leader's (`ccr/measured.md`), so they
//! are what has to be remembered and put back.

use std::collections::BTreeMap;

/// Groups of settings that are not replicated, by prefix.
const OWN_PREFIXES: &[&str] = &[
    "index.blocks.",
    "index.routing.allocation.",
    "index.routing.rebalance.",
    "index.allocation.",
    "index.unassigned.",
    "index.merge.",
    "index.search.slowlog.",
    "index.indexing.slowlog.",
    "index.translog.",
    "index.query.default_field",
    "index.query_string.",
    "index.query.parse.allow_unmapped_fields",
    "index.soft_deletes.retention",
    "index.max_slices_per_scroll",
];

/// Single settings that are not replicated.
const OWN: &[&str] = &[
    "index.number_of_replicas",
    "index.auto_expand_replicas",
    "index.priority",
    "index.write.wait_for_active_shards",
    "index.hidden",
    "index.max_result_window",
    "index.warmer.enabled",
    "index.refresh_interval",
    "index.max_rescore_window",
    "index.max_inner_result_window",
    "index.search.idle.after",
    "index.search.throttled",
    "index.max_script_fields",
    "index.max_regex_length",
    "index.max_terms_count",
    "index.highlight.max_analyzed_offset",
    "index.max_docvalue_fields_search",
    "index.analyze.max_token_count",
    "index.default_pipeline",
    "index.final_pipeline",
    "index.flush_after_merge",
    "index.gc_deletes",
    "index.max_refresh_listeners",
    "index.requests.cache.enable",
    "index.load_fixed_bitset_filters_eagerly",
    "index.compound_format",
    "index.codec",
];

/// Settings that always differ between two indices and that nobody sets.
const INTERNAL: &[&str] = &[
    "index.uuid",
    "index.provided_name",
    "index.creation_date",
    "index.creation_date_string",
    "index.history.uuid",
    "index.verified_before_close",
    "index.xpack.ccr.following_index",
    // Checked apart from the others.
    "index.soft_deletes.enabled",
];

/// Own settings that cannot be put back on an open index (they are static or private), or must
/// not be (a block stops the follower).
const NOT_RESTORABLE: &[&str] = &[
    "index.codec",
    "index.search.throttled",
    "index.load_fixed_bitset_filters_eagerly",
];

fn is_internal(key: &str) -> bool {
    INTERNAL.contains(&key) || key.starts_with("index.version.")
}

fn is_own(key: &str) -> bool {
    OWN.contains(&key) || OWN_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

/// The settings that Elasticsearch wants identical on leader and follower when it resumes.
pub fn replicated(settings: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    settings
        .iter()
        .filter(|(key, _)| !is_internal(key) && !is_own(key))
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect()
}

/// The settings of a follower that a recreate loses and that can be put back.
pub fn own_settings(settings: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    // With auto-expansion the number of replicas moves with the number of nodes.
    let expands = settings
        .get("index.auto_expand_replicas")
        .is_some_and(|value| value != "false");
    settings
        .iter()
        .filter(|(key, _)| {
            is_own(key)
                && !NOT_RESTORABLE.contains(&key.as_str())
                && !key.starts_with("index.blocks.")
                && (!expands || key.as_str() != "index.number_of_replicas")
        })
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_followers_own_settings_are_those_a_recreate_loses() {
        let all = settings(&[
            ("index.refresh_interval", "7s"),
            ("index.priority", "9"),
            ("index.number_of_shards", "2"),
            ("index.uuid", "x"),
            ("index.blocks.write", "true"),
            ("index.mapping.total_fields.limit", "2000"),
            ("index.codec", "best_compression"),
        ]);
        assert_eq!(
            own_settings(&all),
            settings(&[("index.refresh_interval", "7s"), ("index.priority", "9")])
        );
        let replicated = replicated(&all);
        assert_eq!(
            replicated.keys().copied().collect::<Vec<_>>(),
            ["index.mapping.total_fields.limit", "index.number_of_shards"]
        );
    }

    #[test]
    fn the_number_of_replicas_is_left_to_auto_expansion() {
        let all = settings(&[
            ("index.auto_expand_replicas", "0-1"),
            ("index.number_of_replicas", "1"),
        ]);
        assert_eq!(
            own_settings(&all),
            settings(&[("index.auto_expand_replicas", "0-1")])
        );
    }
}
