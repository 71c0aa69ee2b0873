//! Sessions of browsers, and how often somebody may try to begin one.
//!
//! A session is known by the digest of a random cookie and names the token that began it: when that
//! is revoked or ends, so does the session. Whom a certificate or a proxy names has one without a
//! cookie, known by that name: it holds only what their forms carry. Sessions live in memory,
//! bounded, and end with the daemon.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::access::{digest, hex};
use crate::domain::named::Named;
use crate::http::dto::Problem;
use crate::http::secret::random;

/// The cookie's name over plain HTTP.
const COOKIE: &str = "refollow_session";
/// Over TLS: browsers take this one from no other host and from no plain page.
const SECURE_COOKIE: &str = "__Host-refollow_session";
/// Sessions at once; the oldest goes for one more.
const MAX_SESSIONS: usize = 1_000;
/// Failed tries of one address within [`WINDOW`].
const TRIES: usize = 10;
/// Failed tries of everybody within [`WINDOW`].
const ALL_TRIES: usize = 200;
/// What tries are counted over.
const WINDOW: Duration = Duration::from_mins(1);

/// What one session knows.
#[derive(Debug, Clone)]
struct Session {
    token: String,
    csrf: String,
    ends: Instant,
    /// Told once, on the next page.
    flash: Option<String>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Sessions {
    length: Duration,
    open: Mutex<BTreeMap<String, Session>>,
    failed: Mutex<VecDeque<(Instant, Option<IpAddr>)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sessions {
    /// None yet; each lasts that long.
    pub(super) fn new(length: Duration) -> Self {
        Self {
            length,
            open: Mutex::default(),
            failed: Mutex::default(),
        }
    }

    /// Begins one for a token; answers with the cookie's value.
    pub(super) fn begin(&self, token: &str) -> Result<String, Problem> {
        let (cookie, csrf) = (hex(&random()?), hex(&random()?));
        self.add(key_of(&cookie), token, csrf);
        Ok(cookie)
    }

    /// The session of whom a certificate or a proxy names, begun where there is none: its key and what
    /// forms must carry.
    pub(super) fn of(&self, named: &Named) -> Result<(String, String), Problem> {
        // No digest of a cookie looks like it.
        let key = format!("{} {}", named.by.words(), named.person);
        let now = Instant::now();
        if let Some(session) = lock(&self.open).get(&key).filter(|one| one.ends > now) {
            return Ok((key, session.csrf.clone()));
        }
        let csrf = hex(&random()?);
        self.add(key.clone(), "", csrf.clone());
        Ok((key, csrf))
    }

    fn add(&self, key: String, token: &str, csrf: String) {
        let now = Instant::now();
        let mut open = lock(&self.open);
        open.retain(|_, session| session.ends > now);
        if open.len() >= MAX_SESSIONS
            && let Some(oldest) = open
                .iter()
                .min_by_key(|(_, session)| session.ends)
                .map(|(key, _)| key.clone())
        {
            open.remove(&oldest);
        }
        let session = Session {
            token: token.to_owned(),
            csrf,
            ends: now + self.length,
            flash: None,
        };
        open.insert(key, session);
    }

    /// The token's id and what forms must carry.
    pub(super) fn find(&self, cookie: &str) -> Option<(String, String)> {
        let open = lock(&self.open);
        let session = open
            .get(&key_of(cookie))
            .filter(|session| session.ends > Instant::now())?;
        Some((session.token.clone(), session.csrf.clone()))
    }

    pub(super) fn end(&self, cookie: &str) {
        lock(&self.open).remove(&key_of(cookie));
    }

    /// Leaves a word for the next page.
    pub(super) fn tell(&self, key: &str, text: String) {
        if let Some(session) = lock(&self.open).get_mut(key) {
            session.flash = Some(text);
        }
    }

    /// The word that was left.
    pub(super) fn told(&self, key: &str) -> Option<String> {
        lock(&self.open).get_mut(key)?.flash.take()
    }

    /// How long a cookie is kept by the browser, in seconds.
    pub(super) fn seconds(&self) -> u64 {
        self.length.as_secs()
    }

    /// Whether this address may try now; else how many seconds to wait.
    pub(super) fn may_try(&self, peer: Option<IpAddr>) -> Result<(), u64> {
        let now = Instant::now();
        let mut failed = lock(&self.failed);
        while failed
            .front()
            .is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW)
        {
            failed.pop_front();
        }
        let own = failed.iter().filter(|(_, other)| *other == peer).count();
        if own < TRIES && failed.len() < ALL_TRIES {
            return Ok(());
        }
        let oldest = failed.iter().find(|(_, other)| own < TRIES || *other == peer);
        let left = oldest.map_or(WINDOW, |(at, _)| WINDOW.saturating_sub(now.duration_since(*at)));
        Err(left.as_secs() + 1)
    }

    pub(super) fn failed(&self, peer: Option<IpAddr>) {
        let mut failed = lock(&self.failed);
        if failed.len() < ALL_TRIES {
            failed.push_back((Instant::now(), peer));
        }
    }
}

/// By what the session of a cookie is known.
pub(super) fn key_of(cookie: &str) -> String {
    digest(cookie)
}

/// The cookie's name.
pub(super) const fn cookie_name(secure: bool) -> &'static str {
    if secure { SECURE_COOKIE } else { COOKIE }
}

/// The session's cookie of a `Cookie` header; over TLS only the one that browsers guard.
pub(super) fn cookie_of(header: &str, secure: bool) -> Option<&str> {
    let own = cookie_name(secure);
    header
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == own)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_by_its_time_by_its_end_and_by_being_the_oldest() {
        let sessions = Sessions::new(Duration::from_hours(1));
        let cookie = sessions.begin("t1").unwrap();
        let (token, csrf) = sessions.find(&cookie).unwrap();
        assert_eq!((token.as_str(), csrf.len(), cookie.len()), ("t1", 64, 64));
        assert_eq!(sessions.find("x"), None);
        sessions.tell(&key_of(&cookie), "done".to_owned());
        assert_eq!(sessions.told(&key_of(&cookie)).as_deref(), Some("done"));
        assert_eq!(sessions.told(&key_of(&cookie)), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..MAX_SESSIONS {
            sessions.begin("t2").unwrap();
        }
        assert_eq!(sessions.find(&cookie), None, "the oldest went");
        let other = sessions.begin("t3").unwrap();
        sessions.end(&other);
        assert_eq!(sessions.find(&other), None);
        let last = sessions.begin("t4").unwrap();
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(sessions.find(&last), None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_guesses_must_wait_and_others_need_not() {
        let sessions = Sessions::new(Duration::from_hours(1));
        let (one, other): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        for _ in 0..TRIES {
            assert_eq!(sessions.may_try(Some(one)), Ok(()));
            sessions.failed(Some(one));
        }
        assert_eq!(sessions.may_try(Some(one)), Err(61));
        assert_eq!(sessions.may_try(Some(other)), Ok(()));
        tokio::time::advance(WINDOW).await;
        assert_eq!(sessions.may_try(Some(one)), Ok(()));
        for guess in 0..ALL_TRIES {
            let from = IpAddr::from([
                10,
                1,
                u8::try_from(guess / 200).unwrap(),
                u8::try_from(guess % 200).unwrap(),
            ]);
            sessions.failed(Some(from));
        }
        assert!(
            sessions.may_try(Some(other)).is_err(),
            "many addresses guess together"
        );
    }

    #[test]
    fn one_cookie_is_found_among_others() {
        assert_eq!(cookie_of("a=b; refollow_session=xyz; c=d", false), Some("xyz"));
        assert_eq!(
            cookie_of("refollow_session=xyz", true),
            None,
            "planted from a plain page"
        );
        assert_eq!(cookie_of("__Host-refollow_session=xyz", true), Some("xyz"));
        assert_eq!(cookie_of("xrefollow_session=no", false), None);
        assert_eq!(cookie_of("", false), None);
    }
}
