//! What holds back a run that is already underway: brakes and windows, asked before each step that
//! changes something until the PUT is sent (contract, *A run in flight*).

use crate::domain::cause::{Cause, Remedy};
use crate::domain::ids::{FollowerKey, RemoteAlias};
use crate::domain::seen::Seen;
use crate::domain::step::Step;
use crate::policy::settings::{Action, Settings};
use crate::policy::windows::{Opening, opening};
use crate::policy::world::World;

/// Whether a run may take its next step.
///
/// Backing out and finishing are never held back: a brake must not leave a follower paused or
/// closed, or half copied.
///
/// # Errors
/// What forbids it, as a sentence: the run backs out with it as its reason.
pub fn may_continue(
    key: &FollowerKey,
    remote: &RemoteAlias,
    step: Step,
    remedy: Remedy,
    world: &World,
    settings: &Settings,
) -> Result<(), String> {
    if step.backs_out() || step.finishes() {
        return Ok(());
    }
    match &world.brake_file {
        Seen::Present(true) => return Err("the brake file exists".to_owned()),
        Seen::Unknown(why) => {
            return Err(format!(
                "the brake file could not be read, which counts as engaged: {why}"
            ));
        }
        Seen::Present(false) | Seen::Absent => {}
    }
    match &world.brakes {
        Seen::Unknown(why) => {
            return Err(format!(
                "the brakes could not be read, which counts as engaged: {why}"
            ));
        }
        Seen::Absent => {}
        Seen::Present(brakes) => {
            let engaged = brakes
                .iter()
                .find(|brake| brake.holds(world.now) && brake.scope.covers(key, Some(remote), remedy));
            if let Some(brake) = engaged {
                return Err(format!(
                    "brake `{}` by {}: {}",
                    brake.scope, brake.owner, brake.reason
                ));
            }
        }
    }
    // A clock that was set lately does not end a window under a run.
    if remedy.destroys()
        && world.clock_jump.is_none()
        && let Opening::Closed { next } = opening(&settings.windows, world.now)
    {
        let when = next.map_or_else(
            || "none opens within two weeks".to_owned(),
            |at| format!("the next opens at {at}"),
        );
        return Err(format!("the window for recreates has closed; {when}"));
    }
    Ok(())
}

/// Whether mode and rules of now let a repair of this cause begin without a person. Asked before
/// each pause of a run that nobody approved: what was opened under other rules begins nothing.
///
/// # Errors
/// What they say now, as a sentence: the run backs out with it as its reason.
pub fn still_automatic(
    key: &FollowerKey,
    remote: &RemoteAlias,
    cause: Cause,
    settings: &Settings,
) -> Result<(), String> {
    let rule = settings
        .rules
        .iter()
        .find(|rule| rule.matches(key, Some(remote), cause));
    let wanted = rule.map_or(Action::Ask, |rule| rule.action);
    let action = wanted.min(settings.mode.at_most());
    if action == Action::Auto {
        return Ok(());
    }
    Err(format!(
        "mode and rules say `{}` now, and nobody approved it",
        action.as_str()
    ))
}

#[cfg(test)]
mod tests {
    use super::{may_continue, still_automatic};
    use crate::domain::brake::{Brake, BrakeScope};
    use crate::domain::cause::{Cause, Remedy};
    use crate::domain::ids::{FollowerKey, RemoteAlias};
    use crate::domain::seen::Seen;
    use crate::domain::step::Step;
    use crate::domain::time::Timestamp;
    use crate::policy::glob::Glob;
    use crate::policy::settings::{Action, Mode, Rule, Settings};
    use crate::policy::world::World;

    fn asked(world: &World, step: Step, remedy: Remedy) -> Result<(), String> {
        let key = FollowerKey::parse("eu/orders-f").unwrap();
        let remote = RemoteAlias::parse("lead").unwrap();
        may_continue(&key, &remote, step, remedy, world, &Settings::default())
    }

    fn braked(scope: &str) -> World {
        let mut world = World::quiet(Timestamp::UNIX_EPOCH);
        world.brakes = Seen::Present(vec![Brake {
            scope: BrakeScope::parse(scope).unwrap(),
            owner: "ann".to_owned(),
            reason: "failover".to_owned(),
            engaged_at: Timestamp::UNIX_EPOCH,
            expires_at: None,
        }]);
        world
    }

    #[test]
    fn what_nobody_approved_begins_only_under_rules_and_a_mode_that_act() {
        let key = FollowerKey::parse("eu/orders-f").unwrap();
        let remote = RemoteAlias::parse("lead").unwrap();
        let all = || vec![Glob::new("*")];
        let now = |mode, action, cause| {
            let settings = Settings {
                mode,
                rules: vec![Rule {
                    clusters: all(),
                    followers: all(),
                    remotes: all(),
                    causes: vec![Cause::HistoryLost],
                    action,
                    document_tolerance: None,
                }],
                ..Settings::default()
            };
            still_automatic(&key, &remote, cause, &settings).is_ok()
        };
        assert!(now(Mode::Auto, Action::Auto, Cause::HistoryLost));
        assert!(!now(Mode::Auto, Action::Auto, Cause::Stalled), "no rule: it asks");
        assert!(!now(Mode::Auto, Action::Ask, Cause::HistoryLost));
        assert!(!now(Mode::Auto, Action::Alert, Cause::HistoryLost));
        assert!(!now(Mode::Ask, Action::Auto, Cause::HistoryLost));
        assert!(!now(Mode::Observe, Action::Auto, Cause::HistoryLost));
    }

    #[test]
    fn a_brake_stops_the_next_change_of_a_run_in_flight() {
        assert!(asked(&braked("all"), Step::Pause, Remedy::Resume).is_err());
        assert!(asked(&braked("recreate"), Step::Close, Remedy::Recreate).is_err());
        assert!(asked(&braked("recreate"), Step::Pause, Remedy::Resume).is_ok());
        assert!(asked(&braked("follower:eu/other"), Step::Close, Remedy::Recreate).is_ok());
    }

    #[test]
    fn no_brake_stops_backing_out_or_finishing() {
        for step in [
            Step::Reopen,
            Step::ResumeBack,
            Step::ResumeRestored,
            Step::RestoreSettings,
        ] {
            assert!(asked(&braked("all"), step, Remedy::Recreate).is_ok());
        }
    }

    #[test]
    fn an_unreadable_brake_is_engaged() {
        let mut world = World::quiet(Timestamp::UNIX_EPOCH);
        world.brake_file = Seen::unknown("permission denied");
        assert!(asked(&world, Step::Close, Remedy::Recreate).is_err());
    }

    #[test]
    fn a_window_that_ends_backs_a_recreate_out_but_not_by_a_clock_that_was_set() {
        let settings = Settings {
            windows: vec![crate::policy::settings::Window {
                days: vec![jiff::civil::Weekday::Monday],
                start: jiff::civil::time(1, 0, 0, 0),
                end: jiff::civil::time(2, 0, 0, 0),
                time_zone: jiff::tz::TimeZone::UTC,
            }],
            ..Settings::default()
        };
        let key = FollowerKey::parse("eu/orders-f").unwrap();
        let remote = RemoteAlias::parse("lead").unwrap();
        let asked = |world: &World| {
            may_continue(&key, &remote, Step::Close, Remedy::Recreate, world, &settings).is_ok()
        };
        // The epoch was a Thursday.
        let mut world = World::quiet(Timestamp::UNIX_EPOCH);
        assert!(!asked(&world));
        world.clock_jump = Some(crate::policy::ClockJump {
            at: world.now,
            by_millis: 86_400_000,
        });
        assert!(asked(&world));
    }
}
