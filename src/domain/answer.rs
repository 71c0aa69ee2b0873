//! One call to one cluster and what came of it: what evidence is made of.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::domain::ids::ClusterName;
use crate::domain::time::Timestamp;

/// Method and path (with query) of a call, printed as `GET /path`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Call {
    /// HTTP method, upper case.
    pub method: Arc<str>,
    /// Path and query as sent (percent-encoded).
    pub path: Arc<str>,
}

impl Call {
    /// A `GET`.
    pub fn get(path: impl Into<Arc<str>>) -> Self {
        Self {
            method: Arc::from("GET"),
            path: path.into(),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// What came of a call.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// An HTTP answer of any status.
    Got {
        /// HTTP status code.
        status: u16,
        /// The body as it came.
        body: Bytes,
    },
    /// No answer; the text says why, without secrets.
    Failed(Arc<str>),
}

/// One call, when its answer came, and the answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// When the answer (or its failure) was there.
    pub at: Timestamp,
    /// Which cluster was asked.
    pub cluster: ClusterName,
    /// What was asked.
    pub call: Call,
    /// What came back.
    pub outcome: Outcome,
}
