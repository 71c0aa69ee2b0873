//! One claim per rule.

use super::*;
use crate::domain::answer::Call;
use crate::domain::facts::{
    Facts, FollowInfo, FollowStats, FollowStatus, IndexStats, RemoteInfo, Series, ShardSeq, ShardStats,
    Sighting,
};
use crate::domain::ids::{ClusterName, FollowerKey, IndexName, LeaseId, RemoteAlias};
use crate::domain::memory::Memory;
use crate::domain::seen::Seen;

const OURS: &str = "follower8/orders-f/uuid-f-following-lead/orders/uuid-l";
const HOUR: i64 = 3_600;

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1_795_000_000 + second)
}

fn saw<T>(series: &mut Series<T>, second: i64, value: Seen<T>) {
    series.push(Sighting {
        at: at(second),
        cluster: ClusterName::parse("eu").unwrap(),
        call: Call::get("/"),
        value,
    });
}

fn shard(number: u32) -> ShardStats {
    ShardStats {
        shard: number,
        remote: None,
        leader_index: None,
        leader_global_checkpoint: None.into(),
        leader_max_seq_no: None.into(),
        follower_global_checkpoint: None.into(),
        follower_max_seq_no: None.into(),
        last_requested_seq_no: None.into(),
        outstanding_read_requests: None.into(),
        outstanding_write_requests: None.into(),
        write_buffer_operation_count: None.into(),
        write_buffer_size_in_bytes: None.into(),
        follower_mapping_version: None.into(),
        follower_settings_version: None.into(),
        follower_aliases_version: None.into(),
        total_read_time_millis: None.into(),
        total_read_remote_exec_time_millis: None.into(),
        successful_read_requests: None.into(),
        failed_read_requests: None.into(),
        operations_read: None.into(),
        bytes_read: None.into(),
        total_write_time_millis: None.into(),
        successful_write_requests: None.into(),
        failed_write_requests: None.into(),
        operations_written: None.into(),
        time_since_last_read_millis: None.into(),
        read_exceptions: Seen::Present(Box::default()),
        fatal_exception: Seen::Absent,
    }
}

/// A well follower of two shards at second 0.
fn well() -> Facts {
    let mut facts = Facts::nothing(FollowerKey::parse("eu/orders-f").unwrap(), at(0));
    facts.remote = Some(RemoteAlias::parse("lead").unwrap());
    facts.leader_index = Some(IndexName::parse("orders").unwrap());
    facts.leader_cluster = Some(ClusterName::parse("us").unwrap());
    stats(&mut facts, 0, &[0, 1]);
    info(&mut facts, 0, FollowStatus::Active);
    remote(&mut facts, 0, true);
    facts
}

fn stats(facts: &mut Facts, second: i64, shards: &[u32]) {
    let stats = FollowStats {
        shards: shards.iter().map(|number| (*number, shard(*number))).collect(),
        ..FollowStats::default()
    };
    saw(&mut facts.follower.stats, second, Seen::Present(stats));
}

fn info(facts: &mut Facts, second: i64, status: FollowStatus) {
    let info = FollowInfo {
        remote: None,
        leader_index: None,
        status,
        parameters: None,
    };
    saw(&mut facts.follower.info, second, Seen::Present(info));
}

fn remote(facts: &mut Facts, second: i64, connected: bool) {
    let info = RemoteInfo {
        connected: Some(connected),
        mode: None,
        addresses: Vec::new(),
        connections: None,
    };
    saw(&mut facts.follower.remote, second, Seen::Present(info));
}

/// A look at the leader: when each shard's lease was renewed last, `None` where it is missing.
fn leases(facts: &mut Facts, second: i64, renewed: &[Option<i64>]) {
    let primaries = renewed.iter().zip(0_u32..).map(|(renewed, number)| {
        let leases = renewed.map(|renewed| Lease {
            id: LeaseId::parse(OURS).unwrap(),
            retaining_seq_no: Some(1),
            renewed_at: Some(at(renewed)),
            source: Some("ccr".to_owned()),
        });
        let primary = ShardSeq {
            leases: Some(leases.into_iter().collect()),
            ..ShardSeq::default()
        };
        (number, primary)
    });
    let stats = IndexStats {
        primaries: primaries.collect(),
        ..IndexStats::default()
    };
    saw(&mut facts.leader.index, second, Seen::Present(stats));
}

fn period(facts: &mut Facts, text: &str) {
    let settings = BTreeMap::from([(PERIOD.to_owned(), text.to_owned())]);
    saw(&mut facts.leader.settings, 0, Seen::Present(settings));
}

fn ends_with(facts: &Facts, memory: &Memory) -> BTreeMap<u32, i64> {
    by_shard(&Case { facts, memory })
        .into_iter()
        .map(|(shard, end)| (shard, (end.as_millisecond() - at(0).as_millisecond()) / 1_000))
        .collect()
}

fn ends(facts: &Facts) -> BTreeMap<u32, i64> {
    ends_with(facts, &Memory::default())
}

fn make_fatal(facts: &mut Facts, number: u32) {
    let mut seen = facts.follower.stats.0.pop().unwrap();
    if let Seen::Present(stats) = &mut seen.value
        && let Some(shard) = stats.shards.get_mut(&number)
    {
        shard.fatal_exception = Seen::Present(Box::default());
    }
    facts.follower.stats.push(seen);
}

#[test]
fn a_follower_whose_leases_are_renewed_has_no_end() {
    let mut facts = well();
    leases(&mut facts, 0, &[Some(-10), Some(-12)]);
    leases(&mut facts, 60, &[Some(50), Some(48)]);
    leases(&mut facts, 120, &[Some(110), Some(108)]);
    assert!(ends(&facts).is_empty());
}

#[test]
fn a_paused_one_ends_half_a_day_after_its_last_renewal_and_the_earliest_shard_counts() {
    let mut facts = well();
    info(&mut facts, 15, FollowStatus::Paused);
    leases(&mut facts, 15, &[Some(10), Some(-20)]);
    let ends = ends(&facts);
    assert_eq!(ends, BTreeMap::from([(0, 12 * HOUR + 10), (1, 12 * HOUR - 20)]));
    let case_end = expires_at(&Case {
        facts: &facts,
        memory: &Memory::default(),
    });
    assert_eq!(case_end, Some(at(12 * HOUR - 20)));
}

#[test]
fn the_leaders_own_period_counts_however_it_is_written() {
    for (text, end) in [
        ("30m", 1_800),
        ("1d", 24 * HOUR),
        ("1.5h", 5_400),
        ("90s", 90),
        ("5400000ms", 5_400),
        ("2H", 2 * HOUR),
        ("0", 0),
        ("a while", 12 * HOUR),
    ] {
        let mut facts = well();
        info(&mut facts, 15, FollowStatus::Paused);
        leases(&mut facts, 15, &[Some(0)]);
        period(&mut facts, text);
        assert_eq!(ends(&facts)[&0], end, "{text}");
    }
}

#[test]
fn of_a_negative_period_nothing_is_claimed() {
    let mut facts = well();
    info(&mut facts, 15, FollowStatus::Paused);
    leases(&mut facts, 15, &[Some(0)]);
    period(&mut facts, "-1");
    assert!(ends(&facts).is_empty());
}

#[test]
fn the_period_is_kept_when_the_leader_cannot_be_asked_any_more() {
    let mut facts = well();
    info(&mut facts, 15, FollowStatus::Paused);
    leases(&mut facts, 15, &[Some(0)]);
    period(&mut facts, "1h");
    saw(&mut facts.leader.settings, 60, Seen::unknown("no answer"));
    assert_eq!(ends(&facts)[&0], HOUR);
    // After a restart of the daemon only memory has it.
    facts.leader.settings = Series::default();
    let memory = Memory {
        lease_period: Some("2h".to_owned()),
        ..Memory::default()
    };
    assert_eq!(ends_with(&facts, &memory)[&0], 2 * HOUR);
}

#[test]
fn only_the_fatal_shard_of_several_has_an_end() {
    let mut facts = well();
    leases(&mut facts, 0, &[Some(-10), Some(-10)]);
    make_fatal(&mut facts, 1);
    assert_eq!(ends(&facts), BTreeMap::from([(1, 12 * HOUR - 10)]));
}

#[test]
fn a_fatal_shard_that_goes_on_renewing_as_older_versions_do_moves_its_end() {
    let mut facts = well();
    make_fatal(&mut facts, 0);
    leases(&mut facts, 0, &[Some(-10), Some(-10)]);
    let before = ends(&facts)[&0];
    leases(&mut facts, 60, &[Some(50), Some(50)]);
    assert_eq!(ends(&facts)[&0], before + 60);
}

#[test]
fn a_shard_without_a_task_has_an_end_and_its_neighbours_have_none() {
    let mut facts = well();
    saw(
        &mut facts.follower.settings,
        0,
        Seen::Present(BTreeMap::from([(
            "index.number_of_shards".to_owned(),
            "3".to_owned(),
        )])),
    );
    leases(&mut facts, 0, &[Some(-10), Some(-10), Some(-10)]);
    assert_eq!(ends(&facts), BTreeMap::from([(2, 12 * HOUR - 10)]));
}

#[test]
fn a_follower_whose_remote_is_not_connected_renews_nothing() {
    let mut facts = well();
    leases(&mut facts, 0, &[Some(-10), Some(-10)]);
    remote(&mut facts, 15, false);
    assert_eq!(ends(&facts).len(), 2);
    saw(&mut facts.follower.remote, 30, Seen::Absent);
    assert_eq!(ends(&facts).len(), 2, "an alias that is gone");
    remote(&mut facts, 45, true);
    assert!(ends(&facts).is_empty());
}

#[test]
fn a_lease_that_stands_still_is_not_renewed_however_well_the_task_looks() {
    let mut facts = well();
    leases(&mut facts, 0, &[Some(-10), Some(-10)]);
    leases(&mut facts, 60, &[Some(-10), Some(50)]);
    assert!(ends(&facts).is_empty(), "one look may fall between two renewals");
    leases(&mut facts, 120, &[Some(-10), Some(110)]);
    assert_eq!(ends(&facts), BTreeMap::from([(0, 12 * HOUR - 10)]));
}

#[test]
fn clocks_that_differ_by_hours_make_no_healthy_lease_old() {
    let mut facts = well();
    for look in 0..4 {
        leases(
            &mut facts,
            look * 60,
            &[Some(look * 60 - 7 * HOUR), Some(look * 60 + 5 * HOUR)],
        );
    }
    assert!(ends(&facts).is_empty());
}

#[test]
fn memory_knows_since_when_a_lease_stands_longer_than_the_looks_that_are_kept() {
    let mut facts = well();
    leases(&mut facts, 300, &[Some(0)]);
    let mark = |since| Memory {
        leases: BTreeMap::from([(
            0,
            LeaseMark {
                renewed_at: Some(at(0)),
                since: at(since),
                seen_at: at(285),
            },
        )]),
        ..Memory::default()
    };
    assert!(ends_with(&facts, &mark(285)).is_empty());
    assert_eq!(ends_with(&facts, &mark(200))[&0], 12 * HOUR);
}

#[test]
fn a_lease_that_is_read_and_missing_ends_with_the_first_look_that_lacks_it() {
    let mut facts = well();
    info(&mut facts, 15, FollowStatus::Paused);
    leases(&mut facts, 15, &[None, Some(0)]);
    leases(&mut facts, 75, &[None, Some(0)]);
    assert_eq!(ends(&facts)[&0], 15);
    // A task that runs takes it again within 30 s (recording 27): one look says nothing.
    let mut facts = well();
    leases(&mut facts, 15, &[None, Some(0)]);
    assert!(ends(&facts).is_empty());
    leases(&mut facts, 120, &[None, Some(100)]);
    assert_eq!(ends(&facts)[&0], 15);
}

#[test]
fn leases_of_another_follower_are_not_ours() {
    let mut facts = well();
    facts.key = FollowerKey::parse("eu/other-f").unwrap();
    info(&mut facts, 15, FollowStatus::Paused);
    leases(&mut facts, 15, &[Some(0)]);
    assert_eq!(ends(&facts)[&0], 15, "missing, so from that look on");
}

#[test]
fn leases_that_cannot_be_read_leave_what_was_remembered() {
    let mut facts = well();
    info(&mut facts, 600, FollowStatus::Paused);
    saw(&mut facts.leader.index, 600, Seen::unknown("no answer"));
    let memory = Memory {
        last_renewing_at: Some(at(500)),
        ..Memory::default()
    };
    let ends = ends_with(&facts, &memory);
    assert_eq!(ends.values().min(), Some(&(12 * HOUR + 500)));
    assert!(ends_with(&facts, &Memory::default()).is_empty(), "nothing tells");
}

#[test]
fn a_follower_that_cannot_be_looked_at_has_no_end_while_its_leases_are_seen_moving() {
    let mut facts = well();
    leases(&mut facts, 0, &[Some(-10), Some(-10)]);
    saw(&mut facts.follower.stats, 60, Seen::unknown("no answer"));
    saw(&mut facts.follower.info, 60, Seen::unknown("no answer"));
    leases(&mut facts, 60, &[Some(50), Some(50)]);
    assert!(ends(&facts).is_empty());
    saw(&mut facts.leader.index, 120, Seen::unknown("no answer"));
    assert_eq!(ends(&facts)[&0], 12 * HOUR + 50, "nor its leases");
}

#[test]
fn a_follower_that_is_gone_needs_nothing() {
    let mut facts = well();
    leases(&mut facts, 0, &[Some(-10), Some(-10)]);
    saw(&mut facts.follower.stats, 15, Seen::Absent);
    saw(&mut facts.follower.info, 15, Seen::Absent);
    assert!(ends(&facts).is_empty());
}
