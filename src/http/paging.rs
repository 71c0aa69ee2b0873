//! Long lists in pages: `limit` and `cursor` of the query, `Link: …; rel="next"` of the answer.
//!
//! A cursor names the last entry that was shown, so that what is added or goes between two requests
//! neither repeats nor hides an entry that was there all the time.

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as TEXT;
use percent_encoding::percent_decode_str;
use serde::Serialize;

use crate::http::dto::Problem;

/// Entries of one page at most.
pub(super) const MOST: u32 = 1_000;

/// The parameters of a query, of a closed list of names; the last of several counts.
#[derive(Debug)]
pub(super) struct Query<'q> {
    pairs: Vec<(&'q str, String)>,
}

impl<'q> Query<'q> {
    /// Reads a query.
    ///
    /// # Errors
    /// A name that this route does not take, or what is no UTF-8.
    pub(super) fn read(query: Option<&'q str>, names: &[&str]) -> Result<Self, Problem> {
        let mut pairs = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|one| !one.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !names.contains(&name) {
                return Err(Problem::bad(format!(
                    "`{name}` is not a parameter of this route; it takes {}",
                    listed(names)
                )));
            }
            let value = percent_decode_str(value)
                .decode_utf8()
                .map_err(|_| Problem::bad(format!("`{name}` is not UTF-8")))?;
            pairs.push((name, value.into_owned()));
        }
        Ok(Self { pairs })
    }

    /// The text of one.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let mut found = self.pairs.iter().rev();
        found
            .find(|(other, _)| *other == name)
            .map(|(_, value)| value.as_str())
    }

    /// The number of one.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        self.text(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| Problem::bad(format!("`{name}={text}` is not a number of this kind")))
            })
            .transpose()
    }

    /// `limit`, within its bounds.
    ///
    /// # Errors
    /// Out of bounds.
    pub(super) fn limit(&self) -> Result<Option<u32>, Problem> {
        match self.number::<u32>("limit")? {
            Some(limit) if !(1..=MOST).contains(&limit) => Err(Problem::bad(format!(
                "`limit={limit}` is not between 1 and {MOST}"
            ))
            .remedy("ask for a page, and follow its `Link: …; rel=\"next\"`")),
            limit => Ok(limit),
        }
    }
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    limit: Option<u32>,
    after: Option<String>,
}

impl Part {
    /// By `limit` (`usual` where it does not stand there; `None`: all) and `cursor`.
    ///
    /// # Errors
    /// Out of bounds, or a cursor that this server did not give.
    pub(super) fn of(query: &Query<'_>, usual: Option<u32>) -> Result<Self, Problem> {
        let after = query
            .text("cursor")
            .map(|text| {
                TEXT.decode(text)
                    .ok()
                    .and_then(|bytes| String::from_utf8(bytes).ok())
                    .ok_or_else(lost)
            })
            .transpose()?;
        Ok(Self {
            limit: query.limit()?.or(usual),
            after,
        })
    }

    /// How many of a list must be known to answer: `None`: all of it.
    pub(super) fn reads(&self) -> Option<u32> {
        self.after
            .is_none()
            .then_some(self.limit)?
            .map(|limit| limit.saturating_add(1))
    }

    /// Cuts a list down to this part; the cursor of the next one, if there is more.
    ///
    /// # Errors
    /// What the cursor names is not there any more.
    pub(super) fn cut<T>(
        &self,
        list: &mut Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<Option<String>, Problem> {
        if let Some(after) = &self.after {
            let at = list.iter().position(|one| key(one) == *after).ok_or_else(lost)?;
            list.drain(..=at);
        }
        let limit = self
            .limit
            .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        if list.len() <= limit {
            return Ok(None);
        }
        list.truncate(limit);
        Ok(list.last().map(|one| TEXT.encode(key(one))))
    }

    /// The answer with the way to the next part. `more` is what else the query held.
    pub(super) fn answer<T: Serialize>(
        &self,
        path: &str,
        more: &str,
        next: Option<&str>,
        body: T,
    ) -> Paged<T> {
        let link = next
            .zip(self.limit)
            .map(|(next, limit)| format!("</api/v1/{path}?{more}limit={limit}&cursor={next}>; rel=\"next\""));
        Paged { body, link }
    }
}

fn lost() -> Problem {
    Problem::bad("`cursor` names nothing that is in this list").remedy("begin anew without a cursor")
}

/// A part of a list.
pub(super) struct Paged<T> {
    body: T,
    link: Option<String>,
}

impl<T: Serialize> IntoResponse for Paged<T> {
    fn into_response(self) -> Response {
        let link = self.link.map(|link| [(header::LINK, link)]);
        (link, Json(self.body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(query: &str) -> Result<Part, Problem> {
        Part::of(&Query::read(Some(query), &["limit", "cursor"])?, None)
    }

    #[test]
    fn a_list_is_walked_once_whatever_comes_and_goes_between() {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        for turn in 0..4 {
            let mut list: Vec<u32> = (0..7).collect();
            // Something new stands first each time, and something that was shown goes.
            list.splice(0..usize::from(turn > 1), (0..turn).map(|extra| 100 + extra));
            let next = part(&format!("limit=2{cursor}"))
                .unwrap()
                .cut(&mut list, ToString::to_string)
                .unwrap();
            seen.extend(list);
            match next {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn bounds_names_and_cursors_are_told() {
        for (query, expected) in [
            ("limit=0", "not between 1 and 1000"),
            ("limit=1001", "not between 1 and 1000"),
            ("limit=x", "not a number"),
            ("limit=-1", "not a number"),
            ("page=2", "it takes `limit`, `cursor`"),
            ("cursor=%FF", "not UTF-8"),
            ("cursor=!", "names nothing"),
        ] {
            let told = part(query).unwrap_err().to_string();
            assert!(told.contains(expected), "{query}: {told}");
        }
        let gone = part(&format!("cursor={}", TEXT.encode("9"))).unwrap();
        assert!(gone.cut(&mut vec![1, 2], ToString::to_string).is_err());
        assert_eq!(part("limit=5").unwrap().reads(), Some(6));
        assert_eq!(part("").unwrap().reads(), None);
        assert_eq!(gone.reads(), None);
    }
}
