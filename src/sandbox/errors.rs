//! Refusals in the shape of Elasticsearch: a status and an exception with its `caused_by` chain.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::elastic::transport::Response;

/// A refused request.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: Value,
}

/// What a route gives: a status and a body, or a refusal.
pub type Answer = Result<(u16, Value), Fault>;

impl Fault {
    /// A refusal whose root cause is the exception itself.
    pub fn new(status: u16, exception: &Value) -> Self {
        let mut root = exception.clone();
        if let Some(object) = root.as_object_mut() {
            object.remove("caused_by");
        }
        Self::with_root(status, &root, exception)
    }

    /// A refusal with a root cause of its own.
    pub fn with_root(status: u16, root: &Value, exception: &Value) -> Self {
        let mut error = Map::new();
        error.insert("root_cause".to_owned(), json!([root]));
        if let Some(object) = exception.as_object() {
            for (key, value) in object {
                error.insert(key.clone(), value.clone());
            }
        }
        Self {
            status,
            body: json!({"error": error, "status": status}),
        }
    }

    /// A refusal of a type with a reason.
    pub fn of(status: u16, kind: &str, reason: impl Into<String>) -> Self {
        Self::new(status, &exception(kind, reason))
    }

    /// 400 `illegal_argument_exception`.
    pub fn argument(reason: impl Into<String>) -> Self {
        Self::of(400, "illegal_argument_exception", reason)
    }

    /// 400 `action_request_validation_exception` with one complaint.
    pub fn validation(complaint: &str) -> Self {
        Self::of(
            400,
            "action_request_validation_exception",
            format!("Validation Failed: 1: {complaint};"),
        )
    }

    /// 404 for an index that a client named (`index_or_alias`).
    pub fn no_index(index: &str) -> Self {
        Self::new(
            404,
            &json!({"type": "index_not_found_exception", "reason": format!("no such index [{index}]"),
                "resource.type": "index_or_alias", "resource.id": index, "index_uuid": "_na_", "index": index}),
        )
    }

    /// 404 for an index that the server itself looked up.
    pub fn no_index_inside(index: &str) -> Self {
        Self::new(404, &no_index(index))
    }

    /// 400 `index_closed_exception`.
    pub fn closed(index: &str, uuid: &str) -> Self {
        Self::new(
            400,
            &json!({"type": "index_closed_exception", "reason": "closed", "index_uuid": uuid, "index": index}),
        )
    }

    /// The refusal as it goes over the wire.
    pub fn into_answer(self) -> (u16, Value) {
        (self.status, self.body)
    }
}

/// An exception object.
pub fn exception(kind: &str, reason: impl Into<String>) -> Value {
    json!({"type": kind, "reason": reason.into()})
}

/// `index_not_found_exception` as tasks and internal calls see it.
pub fn no_index(index: &str) -> Value {
    json!({"type": "index_not_found_exception", "reason": format!("no such index [{index}]"),
        "index_uuid": "_na_", "index": index})
}

/// A JSON answer.
pub fn response(status: u16, body: &Value, product: bool) -> Response {
    Response {
        status,
        body: Bytes::from(body.to_string()),
        content_type: Some("application/json; charset=UTF-8".to_owned()),
        product: product.then(|| "Elasticsearch".to_owned()),
        retry_after: None,
    }
}
