//! Of a follower that is well the daemon keeps no long list: its evidence file holds what was read
//! of them in the answers' form. Read again, that must say the same.

use super::keep::corpus;
use refollow::domain::answer::{Answer, Outcome};
use refollow::domain::facts::{FollowTask, Series};
use refollow::domain::time::Timestamp;
use refollow::elastic::wire;
use refollow::evidence::Evidence;
use refollow::judge;

fn present<T: std::fmt::Debug>(series: &Series<T>) -> String {
    let values: Vec<String> = series
        .0
        .iter()
        .map(|seen| format!("{} {} {:?}", seen.at, seen.call, seen.value.present()))
        .collect();
    values.join("\n")
}

/// Whose rights a task has is the one thing that is read and not made again.
fn without_users(series: &Series<Vec<FollowTask>>) -> String {
    let mut series = series.clone();
    for tasks in series.0.iter_mut().filter_map(|seen| match &mut seen.value {
        refollow::domain::seen::Seen::Present(tasks) => Some(tasks),
        _ => None,
    }) {
        for task in tasks {
            task.user = None;
        }
    }
    present(&series)
}

#[test]
fn a_list_that_is_made_again_from_what_was_read_of_it_reads_the_same() {
    let mut made = 0;
    for kept in corpus() {
        let evidence = Evidence::parse(&kept.bytes).unwrap();
        let (Ok(case), name) = (evidence.case(), &kept.file) else {
            continue;
        };
        let again = wire::rebuilt(&case.facts, Timestamp::MAX, |_, _, _| false);
        let answers: Vec<Answer> = evidence
            .answers()
            .into_iter()
            .map(|answer| {
                let whole = matches!(
                    answer.outcome,
                    Outcome::Got {
                        status: 200..=299,
                        ..
                    }
                );
                let same = |other: &&Answer| {
                    (other.at, &other.cluster, &other.call) == (answer.at, &answer.cluster, &answer.call)
                };
                match again.iter().find(same).filter(|_| whole) {
                    Some(other) => {
                        made += 1;
                        other.clone()
                    }
                    None => answer,
                }
            })
            .collect();
        let before = &case.facts;
        let after = wire::gather(
            before.key.clone(),
            before.leader_cluster.clone(),
            before.remote.clone(),
            before.leader_index.clone(),
            before.now,
            &answers,
        );
        assert_eq!(
            present(&before.follower.stats),
            present(&after.follower.stats),
            "{name}"
        );
        assert_eq!(
            present(&before.follower.info),
            present(&after.follower.info),
            "{name}"
        );
        assert_eq!(
            present(&before.follower.meta),
            present(&after.follower.meta),
            "{name}"
        );
        assert_eq!(
            present(&before.follower.routing),
            present(&after.follower.routing),
            "{name}"
        );
        assert_eq!(
            present(&before.follower.settings),
            present(&after.follower.settings),
            "{name}"
        );
        assert_eq!(
            present(&before.follower.index),
            present(&after.follower.index),
            "{name}"
        );
        assert_eq!(
            present(&before.follower.aliases),
            present(&after.follower.aliases),
            "{name}"
        );
        assert_eq!(
            present(&before.leader.index),
            present(&after.leader.index),
            "{name}"
        );
        assert_eq!(
            present(&before.leader.meta),
            present(&after.leader.meta),
            "{name}"
        );
        assert_eq!(
            present(&before.leader.settings),
            present(&after.leader.settings),
            "{name}"
        );
        assert_eq!(
            without_users(&before.follower.tasks),
            without_users(&after.follower.tasks),
            "{name}"
        );
        let verdict = judge::judge(before, case.memory.as_ref());
        let verdict_again = judge::judge(&after, case.memory.as_ref());
        assert_eq!(verdict, verdict_again, "{name}");
    }
    assert!(made > 1000, "only {made} lists were made again");
}
