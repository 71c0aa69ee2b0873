//! Entity tags of what the API reads: who asks again for what has not changed gets 304 and no body.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

use crate::domain::access::hex;
use crate::http::dto::Problem;

/// Bytes of the digest in a tag.
const TAG_BYTES: usize = 16;

/// Whether a list of tags names this one; weakly (RFC 9110, 8.8.3.2), since answers are compressed
/// on the way.
fn names(known: &str, tag: &str) -> bool {
    known
        .split(',')
        .map(str::trim)
        .any(|one| one == "*" || one.trim_start_matches("W/") == tag.trim_start_matches("W/"))
}

/// Adds the tag, and leaves out a body that is known already.
pub(super) async fn tagged(request: Request, next: Next) -> Response {
    let reads = request.method() == Method::GET && request.uri().path().starts_with("/api/v1/");
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    if !reads || response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else {
        return Problem::failed("the answer could not be written").into_response();
    };
    let tag = format!("W/\"{}\"", hex(&Sha256::digest(&bytes)[..TAG_BYTES]));
    let is_known = known
        .as_ref()
        .and_then(|known| known.to_str().ok())
        .is_some_and(|known| names(known, &tag));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, value);
    }
    parts.headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_LENGTH);
        return (parts, ()).into_response();
    }
    (parts, bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_a_list_weak_or_strong() {
        let tag = "W/\"ab\"";
        for known in ["W/\"ab\"", "\"ab\"", "\"x\", W/\"ab\"", "*"] {
            assert!(names(known, tag), "{known}");
        }
        for other in ["", "\"a\"", "ab", "W/\"abc\""] {
            assert!(!names(other, tag), "{other}");
        }
    }
}
