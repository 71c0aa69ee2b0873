//! A text told by what differs from another one, and deflated.
//!
//! Inputs of one follower are long and nearly the same: of a later one only what is not in the
//! first of its block is written. Copies reach over the whole first text, which deflate's window of
//! 32 KiB does not.

use std::collections::HashMap;
use std::io::Read as _;

use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};

use super::Damaged;
use super::varint::{Reader, put};

/// Bytes that must be the same for a copy to be worth its two numbers.
const LEAST: usize = 12;
/// Every so many bytes of the base can be found by what stands there.
const STRIDE: usize = 8;
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
    // Not every place: a copy of LEAST + STRIDE bytes is found all the same, at an eighth of the work.
    let mut places: HashMap<&[u8], usize> = HashMap::new();
    for (place, window) in base.windows(LEAST).enumerate().step_by(STRIDE) {
        places.entry(window).or_insert(place);
    }
    let mut ops = Vec::new();
    let (mut at, mut said) = (0_usize, 0_usize);
    // Where the last copy ended: what follows there is tried first, so that one changed number
    // does not send the search to an earlier place of the same words.
    let mut expected = 0_usize;
    while let Some(window) = text.get(at..at + LEAST) {
        let near = (expected..expected + 64).find(|place| base.get(*place..place + LEAST) == Some(window));
        let Some(from) = near.or_else(|| places.get(window).copied()) else {
            at += 1;
            continue;
        };
        let same = text
            .iter()
            .skip(at)
            .zip(base.iter().skip(from))
            .take_while(|(one, other)| one == other)
            .count();
        op(
            &mut ops,
            text.get(said..at).unwrap_or_default(),
            Some((from, same)),
        );
        at += same;
        said = at;
        expected = from + same;
    }
    op(&mut ops, text.get(said..).unwrap_or_default(), None);
    deflated(&ops)
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
