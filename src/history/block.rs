//! A block of inputs of one follower: the first in full, each other beside the one before it.

use super::varint::{Reader, put};
use super::{Damaged, delta};

/// Of the layout below; a block begins with it.
const FORMAT: u64 = 1;
/// More texts than this are in no block.
const MOST: usize = 100_000;

/// A block that is still written to. Grows only at its end.
#[derive(Debug, Clone, Default)]
pub struct Writer {
    /// The last text, deflated: it is needed again with the next, and is kept small.
    last: Vec<u8>,
    bytes: Vec<u8>,
    count: usize,
}

impl Writer {
    /// Adds a text.
    pub fn push(&mut self, text: &[u8]) {
        let whole = delta::deflated(text);
        let part = if self.count == 0 {
            put(&mut self.bytes, FORMAT);
            whole.clone()
        } else {
            // What we deflated ourselves can be inflated; beside nothing it would still be right.
            delta::against(&delta::inflated(&self.last).unwrap_or_default(), text)
        };
        self.last = whole;
        put(&mut self.bytes, u64::try_from(part.len()).unwrap_or(u64::MAX));
        self.bytes.extend_from_slice(&part);
        self.count += 1;
    }

    /// How many texts it holds.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// It as it is now.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The texts of a block.
///
/// # Errors
/// Bytes that a [`Writer`] cannot have written.
pub fn read(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Damaged> {
    let mut reader = Reader::new(bytes);
    let format = reader.number()?;
    if format != FORMAT {
        return Err(Damaged::new(format!("its format is {format}, not {FORMAT}")));
    }
    let mut texts: Vec<Vec<u8>> = Vec::new();
    while !reader.is_empty() {
        if texts.len() >= MOST {
            return Err(Damaged::new("it holds more than a block can"));
        }
        let length = reader.count(delta::LONGEST)?;
        let part = reader.bytes(length)?;
        let text = match texts.last() {
            None => delta::inflated(part)?,
            Some(base) => delta::restored(base, part)?,
        };
        texts.push(text);
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_its_texts_in_order_and_a_cut_one_is_told() {
        let texts: Vec<String> = (0..5)
            .map(|number| format!("{{\"a long beginning\":true,\"n\":{number}}}"))
            .collect();
        let mut writer = Writer::default();
        for text in &texts {
            writer.push(text.as_bytes());
        }
        assert_eq!(writer.count(), 5);
        let back: Vec<String> = read(writer.bytes())
            .unwrap()
            .into_iter()
            .map(|text| String::from_utf8(text).unwrap())
            .collect();
        assert_eq!(back, texts);
        let whole = writer.bytes();
        for end in 0..whole.len() {
            // A cut between two texts is a shorter block; within one it is told.
            if let Ok(found) = read(&whole[..end]) {
                assert!(found.len() < 5);
            }
        }
    }
}
