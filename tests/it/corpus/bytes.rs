//! No bytes make `diagnose` panic, and none cost more than their size.

use proptest::prelude::*;
use serde_json::json;

use super::keep::corpus;
use refollow::evidence::diagnose;

/// An evidence file around one body of `_ccr/stats`.
fn around(body: &str) -> Vec<u8> {
    format!(
        "{{\"format\":\"refollow-evidence/1\",\"taken_at\":\"2026-11-23T10:00:00Z\",\"follower_cluster\":\"eu\",\
         \"leader_cluster\":\"us\",\"follower_index\":\"f\",\"responses\":[{{\"at\":\"2026-11-23T10:00:00Z\",\
         \"cluster\":\"eu\",\"method\":\"GET\",\"path\":\"/_ccr/stats\",\"status\":200,\"body\":{body}}}]}}"
    )
    .into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_with_any_bytes_changed_or_cut_off_is_survived(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(), cuts in any::<bool>(),
    ) {
        let mut bytes = which.get(corpus()).bytes.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        prop_assert_eq!(&diagnose("f", &bytes)["file"], "f");
    }

    #[test]
    fn two_files_spliced_anywhere_are_survived(
        one in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(),
    ) {
        let one = &one.get(corpus()).bytes;
        let other = &other.get(corpus()).bytes;
        let at = at.index(one.len().min(other.len()));
        let spliced = [&one[..at], &other[at..]].concat();
        prop_assert_eq!(&diagnose("f", &spliced)["file"], "f");
    }
}

#[test]
fn huge_numbers_and_instants_are_survived() {
    for number in [
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "1e400",
        "-1e308",
        "0.1",
        "1e-999",
    ] {
        let shard = format!(
            "{{\"follow_stats\":{{\"indices\":[{{\"index\":\"f\",\"total_global_checkpoint_lag\":{number},\"shards\":[{{\"shard_id\":0,\
             \"leader_global_checkpoint\":{number},\"follower_global_checkpoint\":-9223372036854775808,\"follower_max_seq_no\":{number},\
             \"time_since_last_read_millis\":{number},\"failed_write_requests\":{number},\"read_exceptions\":[{{\"from_seq_no\":{number},\
             \"retries\":{number},\"exception\":{{\"type\":\"x\",\"requested_operations_missing\":[{number},\"{number}\"]}}}}]}}]}}]}}}}"
        );
        assert_eq!(diagnose("f", &around(&shard))["file"], "f", "{number}");
    }
    for at in [
        "9999-12-31T23:59:59.999999999Z",
        "-009999-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "",
    ] {
        let mut file: serde_json::Value = serde_json::from_slice(&corpus()[0].bytes).unwrap();
        file["taken_at"] = json!(at);
        file["responses"][0]["at"] = json!(at);
        file["remembered"] = json!({ "last_well_at": at, "own_run": { "at": at, "followed": true } });
        assert_eq!(diagnose("f", file.to_string().as_bytes())["file"], "f", "{at}");
    }
}

#[test]
fn nesting_of_any_depth_is_survived() {
    for (open, close) in [
        ("[", "]"),
        ("{\"a\":", "}"),
        ("{\"caused_by\":", "}"),
        ("{\"indices\":[", "]}"),
    ] {
        for depth in [1, 30, 100, 127, 128, 129, 5_000, 200_000] {
            let body = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(diagnose("f", &around(&body))["file"], "f", "{open} {depth}");
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what is measured is the cost itself")]
fn time_grows_no_faster_than_the_file() {
    // Many responses, and many shards and read exceptions in one: what could be quadratic.
    let file = |count: usize| {
        let reads: Vec<_> = (0..count)
            .map(|at| json!({ "from_seq_no": at, "retries": at, "exception": { "type": "security_exception", "reason": "r" } }))
            .collect();
        let shards = json!([{ "shard_id": 0, "read_exceptions": reads }]);
        let responses: Vec<_> = (0..count / 20)
            .map(|at| {
                json!({ "at": format!("2026-11-23T10:{:02}:{:02}Z", at / 60 % 60, at % 60), "cluster": "eu", "method": "GET",
                    "path": "/f/_recovery", "status": 200, "body": { "f": { "shards": [] } } })
            })
            .chain([0, 30].map(|second| {
                json!({ "at": format!("2026-11-23T11:00:{second:02}Z"), "cluster": "eu", "method": "GET", "path": "/f/_ccr/stats",
                    "status": 200, "body": { "indices": [ { "index": "f", "shards": shards } ] } })
            }))
            .collect();
        json!({ "format": "refollow-evidence/1", "taken_at": "2026-11-23T11:01:00Z", "follower_cluster": "eu",
            "follower_index": "f", "responses": responses })
        .to_string()
        .into_bytes()
    };
    let cost = |bytes: &[u8]| {
        (0..3)
            .map(|_| {
                let begun = std::time::Instant::now();
                assert_eq!(diagnose("f", bytes)["state"], "following");
                begun.elapsed()
            })
            .min()
            .unwrap()
    };
    let (small, large) = (file(1_000), file(8_000));
    let (one, eight) = (cost(&small), cost(&large));
    // Eight times the size: a quadratic step would cost sixty-four times as much.
    assert!(
        eight < one * 40,
        "{one:?} for {} bytes, {eight:?} for {}",
        small.len(),
        large.len()
    );
}
