//! Numbers as few bytes: seven bits to a byte, signed ones folded so that small ones stay small.

use super::Damaged;

/// Appends an unsigned number, low bits first.
pub fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// 0, -1, 1, -2, … become 0, 1, 2, 3, …
pub const fn folded(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// The other way.
pub const fn unfolded(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// Reads what [`put`] wrote, from the front of a slice.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Over these bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether everything was read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next number.
    ///
    /// # Errors
    /// Where the bytes end within it, or it has more than 64 bits.
    pub fn number(&mut self) -> Result<u64, Damaged> {
        let mut value = 0_u64;
        for place in 0..10_u32 {
            let (first, rest) = self
                .rest
                .split_first()
                .ok_or_else(|| Damaged::new("it ends within a number"))?;
            self.rest = rest;
            let bits = u64::from(first & 0x7f);
            if place == 9 && bits > 1 {
                break;
            }
            value |= bits << (7 * place);
            if first & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Damaged::new("a number has more than 64 bits"))
    }

    /// The next number as a count or a place in memory, at most `limit`.
    ///
    /// # Errors
    /// As [`Self::number`]; also where it is more.
    pub fn count(&mut self, limit: usize) -> Result<usize, Damaged> {
        let value = self.number()?;
        usize::try_from(value)
            .ok()
            .filter(|value| *value <= limit)
            .ok_or_else(|| Damaged::new(format!("{value} where at most {limit} is possible")))
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// Where there are fewer.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or_else(|| Damaged::new("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }
}
