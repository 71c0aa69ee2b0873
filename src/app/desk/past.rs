//! One follower's past, through the daemon.

use crate::app::desk::{Desk, stored};
use crate::app::history::past_of;
use crate::domain::ids::FollowerKey;
use crate::history::Past;
use crate::http::dto::{PastWanted, Problem};

impl Desk {
    pub(super) async fn past_of(&self, follower: FollowerKey, wanted: PastWanted) -> Result<Past, Problem> {
        let (open, resolution) = {
            let book = self.0.lock();
            if !book.recorder.is_on() {
                return Err(Problem::not_found("no history is kept")
                    .remedy("history.keep in the configuration is 0s"));
            }
            let open = book.recorder.blocks_of(&follower);
            (open, book.settings.history.resolution)
        };
        let past = past_of(
            self.0.store.as_ref(),
            open,
            follower.clone(),
            (wanted.since, wanted.until),
            wanted.points,
            resolution,
        )
        .await
        .map_err(|error| stored(&error))?;
        let known = !past.points.is_empty() || !past.changes.is_empty();
        if !known && !self.0.lock().followers.contains_key(&follower) {
            return Err(self.unknown_follower(&follower));
        }
        Ok(past)
    }
}
