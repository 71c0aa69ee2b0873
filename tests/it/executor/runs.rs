//! Whole runs: what they do, and how they end.

use refollow::domain::cause::{Cause, Remedy};
use refollow::domain::journal::RunOutcome;
use refollow::engine::executor::RunEnd;
use refollow::sandbox::pair::{Side, Version};

use super::support::{table, undo_file};

#[tokio::test(start_paused = true)]
async fn lost_history_is_recreated_with_parameters_settings_and_documents() {
    for version in [Version::V8_10_4, Version::V7_7_0] {
        let mut table = table(version, "orders-f").await;
        let before = table.standing().await;
        table.play("history-lost:orders-f");
        let verdict = table.until(Cause::HistoryLost).await;
        let plan = table.plan(&verdict);
        let run = table.open(&plan).await;
        assert!(undo_file(&table, &run).exists(), "before the first change");
        let end = table.execute(&run).await;
        let RunEnd::Closed {
            outcome,
            remedy,
            reason,
            ..
        } = &end
        else {
            panic!("{version:?}: {end:?}\n{}", table.story());
        };
        assert_eq!(
            (*outcome, *remedy),
            (RunOutcome::Cured, Some(Remedy::Recreate)),
            "{version:?}: {reason}\n{}",
            table.story()
        );
        assert_eq!(
            table.changes(),
            [
                "pause_follow",
                "resume_follow",
                "pause_follow",
                "_close",
                "forget_follower",
                "follow",
                "_settings"
            ],
            "{}",
            table.story()
        );
        let after = table.standing().await;
        assert_eq!((after.status.as_str(), after.state.as_str()), ("active", "open"));
        assert_eq!(after.parameters, before.parameters);
        for own in ["index.refresh_interval", "index.priority"] {
            assert_eq!(after.settings[own], before.settings[own], "{own}");
        }
        assert_eq!(after.documents, table.count(Side::Leader, "orders").await);
    }
}
