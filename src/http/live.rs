//! Server-sent events for open pages: one word, `changed`, whenever the daemon has told people something.
//!
//! One task looks at the book's counter and wakes all streams, so that a page costs nothing while
//! nothing happens. The number of streams is bounded; who finds none free asks by the clock.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::domain::access::Target;
use crate::http::App;
use crate::http::access::Access;
use crate::http::dto::{Daemon, Problem, ProblemKind};
use crate::tasks::Tasks;

/// Streams at once: below the connections of a listener, so that scrapes and people find a place.
pub(super) const MAX_STREAMS: usize = 256;
/// How often the counter is looked at.
const GLANCE: Duration = Duration::from_millis(500);
/// So that a proxy between does not end a silent stream.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// What the streams of all pages share.
#[derive(Debug, Clone)]
pub(super) struct Live {
    changes: watch::Receiver<u64>,
    places: Arc<Semaphore>,
}

impl Live {
    /// Starts the task that looks; it ends with `tasks`.
    pub(super) fn start(daemon: Arc<dyn Daemon>, tasks: &Tasks) -> Self {
        let (send, changes) = watch::channel(daemon.changes());
        drop(tasks.spawn("live pages", move |token| async move {
            loop {
                tokio::select! {
                    () = token.cancelled() => break,
                    () = tokio::time::sleep(GLANCE) => {}
                }
                let now = daemon.changes();
                send.send_if_modified(|last| std::mem::replace(last, now) != now);
            }
        }));
        Self {
            changes,
            places: Arc::new(Semaphore::new(MAX_STREAMS)),
        }
    }
}

struct Stream {
    changes: watch::Receiver<u64>,
    _place: OwnedSemaphorePermit,
}

pub(super) async fn events(State(app): State<App>, Extension(access): Extension<Access>) -> Response {
    if let Err(problem) = access.read(&Target::Lists) {
        return problem.into_response();
    }
    let Ok(place) = Arc::clone(&app.live.places).try_acquire_owned() else {
        return Problem::new(ProblemKind::Busy, format!("{MAX_STREAMS} pages are open already"))
            .remedy("the page asks by itself now and then")
            .into_response();
    };
    let stream = Stream {
        changes: app.live.changes.clone(),
        _place: place,
    };
    let cancelled = app.tasks.token();
    let next = move |mut stream: Stream| {
        let cancelled = cancelled.clone();
        async move {
            tokio::select! {
                () = cancelled.cancelled() => None,
                changed = stream.changes.changed() => {
                    changed.ok()?;
                    let number = *stream.changes.borrow_and_update();
                    let event = Event::default().event("changed").data(number.to_string());
                    Some((Ok::<_, Infallible>(event), stream))
                }
            }
        }
    };
    Sse::new(stream::unfold(stream, next))
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response()
}
