//! The in-memory way in: the client's transport straight into a [`World`].
//!
//! Owns what a client sees of a broken connection, and the client's deadline. No socket, so it
//! works under tokio's paused clock, where days pass in milliseconds.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::elastic::transport::{Request, Response, SharedTransport, Transport, TransportError};
use crate::sandbox::faults::side_text;
use crate::sandbox::pair::Side;
use crate::sandbox::world::{Broken, World};

/// One side of a world as a URL; see the module header.
#[derive(Debug, Clone)]
pub struct MemoryTransport {
    world: World,
    side: Side,
    name: String,
}

impl MemoryTransport {
    /// The transport of one side, named `sandbox://leader` or `sandbox://follower`.
    pub fn new(world: &World, side: Side) -> Self {
        Self {
            world: world.clone(),
            side,
            name: format!("sandbox://{}", side_text(side)),
        }
    }

    /// The same, shared.
    pub fn shared(world: &World, side: Side) -> SharedTransport {
        Arc::new(Self::new(world, side))
    }
}

impl Transport for MemoryTransport {
    fn name(&self) -> &str {
        &self.name
    }

    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let deadline = request.deadline;
            let exchange = self.world.exchange(self.side, &request);
            let answer = match tokio::time::timeout(deadline, exchange).await {
                Ok(answer) => answer,
                // The pair carries on with what it has begun.
                Err(_elapsed) => {
                    return Err(TransportError::Deadline { deadline, sent: true });
                }
            };
            let response = answer.map_err(|broken| match broken {
                Broken::Refused => TransportError::Connect {
                    reason: "connection refused".to_owned(),
                },
                Broken::Lost => TransportError::Lost {
                    reason: "connection closed before the answer was complete".to_owned(),
                    sent: true,
                },
            })?;
            let length = u64::try_from(response.body.len()).unwrap_or(u64::MAX);
            if length > request.max_answer_bytes {
                return Err(TransportError::TooLarge {
                    limit: request.max_answer_bytes,
                });
            }
            Ok(response)
        })
    }
}
