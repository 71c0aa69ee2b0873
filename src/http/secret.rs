//! Random bits for tokens, sessions and forms.

use crate::http::dto::Problem;

/// 256 bits from the system, through the one cryptographic library that is built in.
///
/// # Errors
/// The system gives none: then nothing is made that would have to be secret.
pub(super) fn random() -> Result<[u8; 32], Problem> {
    let mut bits = [0; 32];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut bits)
        .map(|()| bits)
        .map_err(|_| Problem::failed("the system gives no random bits; nothing was made"))
}
