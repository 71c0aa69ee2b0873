//! A text told by what differs from another one, and deflated.
//!
//! Inputs of one follower are long and nearly the same: of a later one only what is not in the one
//! before it is written. Copies reach over the whole text before, which deflate's window of
//! 32 KiB does not.

use std::collections::HashMap;
use std::io::Read as _;

use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};

use super::Damaged;
use super::varint::{Reader, put};

/// Bytes that must be the same for a copy to be worth its two numbers.
const LEAST: usize = 12;
/// The base can be found by so many bytes at every so many.
const WINDOW: usize = 8;
/// No input is longer than this; more is damage, or an answer that nobody needs.
pub const LONGEST: usize = 16 << 20;

/// Deflates.
pub fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    // Reading from memory cannot fail.
    drop(DeflateEncoder::new(bytes, Compression::default()).read_to_end(&mut out));
    out
}

/// The other way.
///
/// # Errors
/// Bytes that are no deflate stream, or that become longer than [`LONGEST`].
pub fn inflated(bytes: &[u8]) -> Result<Vec<u8>, Damaged> {
    let mut out = Vec::new();
    let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    DeflateDecoder::new(bytes)
        .take(limit.saturating_add(1))
        .read_to_end(&mut out)
        .map_err(|error| Damaged::new(format!("it cannot be inflated: {error}")))?;
    if out.len() > LONGEST {
        return Err(Damaged::new("it is longer than any input"));
    }
    Ok(out)
}

/// What `text` is beside `base`.
pub fn against(base: &[u8], text: &[u8]) -> Vec<u8> {
    // Not every place: a copy of twice the window is found all the same, at an eighth of the work.
    let mut places: HashMap<u64, usize> = HashMap::with_capacity(base.len() / WINDOW);
    for (number, window) in base.chunks_exact(WINDOW).enumerate() {
        if let Some(key) = key(window) {
            places.entry(key).or_insert(number * WINDOW);
        }
    }
    let mut ops = Vec::new();
    let (mut at, mut said) = (0_usize, 0_usize);
    // Where the base went on when the last copy ended: after a number that changed and kept its
    // length, the text goes on there too, which a search for the same words would not find.
    let mut expected = 0_usize;
    while let Some(here) = text.get(at..).and_then(key) {
        let level = expected.saturating_add(at - said);
        let from = if base.get(level..).and_then(key) == Some(here) {
            Some(level)
        } else {
            places.get(&here).copied()
        };
        let same = from.map_or(0, |from| common(base, from, text, at));
        match from {
            Some(from) if same >= LEAST => {
                op(
                    &mut ops,
                    text.get(said..at).unwrap_or_default(),
                    Some((from, same)),
                );
                at += same;
                said = at;
                expected = from + same;
            }
            _ => at += 1,
        }
    }
    op(&mut ops, text.get(said..).unwrap_or_default(), None);
    deflated(&ops)
}

/// The first bytes as a number to find them by.
fn key(bytes: &[u8]) -> Option<u64> {
    bytes
        .first_chunk::<WINDOW>()
        .map(|window| u64::from_le_bytes(*window))
}

/// How many bytes are the same from there on.
fn common(base: &[u8], from: usize, text: &[u8], at: usize) -> usize {
    let (one, other) = (
        base.get(from..).unwrap_or_default(),
        text.get(at..).unwrap_or_default(),
    );
    let mut same = 0_usize;
    // Eight at a time: most of a text is the same.
    while let (Some(left), Some(right)) = (one.get(same..).and_then(key), other.get(same..).and_then(key)) {
        if left != right {
            break;
        }
        same += WINDOW;
    }
    let tail = |bytes: &'_ [u8]| bytes.iter().skip(same).take(WINDOW).copied().collect::<Vec<u8>>();
    same + tail(one)
        .iter()
        .zip(&tail(other))
        .take_while(|(left, right)| left == right)
        .count()
}

/// So many bytes as they are, then so many of the base from there.
fn op(out: &mut Vec<u8>, literal: &[u8], copy: Option<(usize, usize)>) {
    let number = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
    put(out, number(literal.len()));
    out.extend_from_slice(literal);
    let (from, length) = copy.unwrap_or_default();
    put(out, number(length));
    if length > 0 {
        put(out, number(from));
    }
}

/// The text that [`against`] told.
///
/// # Errors
/// Bytes that it cannot have written beside this base.
pub fn restored(base: &[u8], delta: &[u8]) -> Result<Vec<u8>, Damaged> {
    let ops = inflated(delta)?;
    let mut reader = Reader::new(&ops);
    let mut text = Vec::new();
    while !reader.is_empty() {
        let literal = reader.count(LONGEST)?;
        text.extend_from_slice(reader.bytes(literal)?);
        let length = reader.count(base.len())?;
        if length > 0 {
            let from = reader.count(base.len() - length)?;
            text.extend_from_slice(base.get(from..from + length).unwrap_or_default());
        }
        if text.len() > LONGEST {
            return Err(Damaged::new("it is longer than any input"));
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_comes_back_whatever_it_was_told_beside(
            words in proptest::collection::vec("[a-d]{1,9}", 0..60),
            left_out in proptest::collection::vec(any::<bool>(), 60),
            more in "[a-f]{0,40}",
        ) {
            let base: String = words.concat();
            let text: String = words.iter().zip(&left_out).filter(|(_, out)| !**out)
                .map(|(word, _)| word.as_str()).chain([more.as_str()]).collect();
            let told = against(base.as_bytes(), text.as_bytes());
            prop_assert_eq!(restored(base.as_bytes(), &told).unwrap(), text.into_bytes());
        }

        #[test]
        fn any_bytes_at_all_are_read_without_panic(
            base in proptest::collection::vec(any::<u8>(), 0..60),
            ops in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            drop(restored(&base, &ops));
            drop(restored(&base, &deflated(&ops)));
        }
    }

    #[test]
    fn a_few_changed_numbers_in_a_long_text_cost_a_few_bytes() {
        let line = |number: u32| {
            format!(
                "{{\"shard\":{number},\"leader_global_checkpoint\":{}}},",
                number * 7919
            )
        };
        let base: String = (0..3000).map(line).collect();
        let text = base.replace("15838", "15999").replace("23757001", "23757002");
        let told = against(base.as_bytes(), text.as_bytes());
        assert!(told.len() < 200, "{}", told.len());
        assert_eq!(restored(base.as_bytes(), &told).unwrap(), text.into_bytes());
    }
}
