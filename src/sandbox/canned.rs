//! Answers of faults: what does not come from the pair.

use std::time::Duration;

use bytes::Bytes;

use crate::elastic::transport::Response;

fn page(status: u16, title: &str) -> Response {
    let body = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    Response {
        status,
        body: Bytes::from(body),
        content_type: Some("text/html".to_owned()),
        product: None,
        retry_after: None,
    }
}

/// What a proxy in front of the cluster answers.
pub(super) fn proxy(status: u16) -> Response {
    let title = match status {
        503 => "503 Service Temporarily Unavailable".to_owned(),
        504 => "504 Gateway Time-out".to_owned(),
        502 => "502 Bad Gateway".to_owned(),
        other => other.to_string(),
    };
    page(status, &title)
}

/// Some other web server.
pub(super) fn not_elasticsearch() -> Response {
    page(200, "Welcome")
}

fn error(status: u16, kind: &str, reason: &str) -> Response {
    let cause = serde_json::json!({"type": kind, "reason": reason});
    let body = serde_json::json!({
        "error": {"root_cause": [cause], "type": kind, "reason": reason},
        "status": status,
    });
    Response {
        status,
        body: Bytes::from(body.to_string()),
        content_type: None,
        product: None,
        retry_after: None,
    }
}

/// The server's queue is full.
pub(super) fn too_many_requests() -> Response {
    error(
        429,
        "es_rejected_execution_exception",
        "rejected execution of sandbox fault on EsThreadPoolExecutor[name = sandbox/management, queue capacity = 1000]",
    )
}

/// The node finds no master (reference 2.2).
pub(super) fn no_master() -> Response {
    error(503, "master_not_discovered_exception", "")
}

/// The same answer with `Retry-After`, in whole seconds.
pub(super) fn asking_to_wait(mut answer: Response, delay: Option<Duration>) -> Response {
    answer.retry_after = delay.map(|delay| delay.as_secs().to_string());
    answer
}

/// Wrong credentials.
pub(super) fn unauthorized() -> Response {
    error(
        401,
        "security_exception",
        "unable to authenticate user [refollow] for REST request [/]",
    )
}

/// The first half of a body; `{"` where there is nothing to halve.
pub(super) fn cut(body: &Bytes) -> Bytes {
    if body.len() < 4 {
        return Bytes::from_static(b"{\"");
    }
    body.slice(..body.len() / 2)
}
