//! Samples of one follower, column by column: a number that stays or moves evenly costs nothing.
//!
//! Each column is the differences to the value before, folded and written as varints, with runs of
//! the same difference written once; the times are differences of differences. What is not known
//! is a value of its own beside the number, never 0.

use serde::{Deserialize, Serialize};

use super::Damaged;
use super::varint::{Reader, folded, put, unfolded};
use crate::domain::cause::Cause;
use crate::domain::decision::DecisionKind;
use crate::domain::state::State;
use crate::domain::time::Timestamp;

/// Of the layout below; a block begins with it.
const FORMAT: u64 = 1;
/// More samples than this are in no block.
pub const MOST: usize = 4096;
/// Columns of numbers.
const NUMBERS: usize = 6;

/// One follower at one time, in numbers. `None`: not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When, to the second.
    pub at: Timestamp,
    /// What it was doing.
    pub state: State,
    /// Why it was not following.
    pub cause: Cause,
    /// What the policy said.
    pub decision: Option<DecisionKind>,
    /// Operations behind the leader over all shards.
    pub lag: Option<i64>,
    /// Sum of the global checkpoints of the follower's shards.
    pub checkpoint: Option<i64>,
    /// Documents of its primaries, where it was counted.
    pub documents: Option<i64>,
    /// Bytes of its primaries, where they were asked for.
    pub bytes: Option<i64>,
    /// Whole minutes since a shard last read from the leader, of the one that waits longest.
    pub read_minutes: Option<i64>,
    /// When the leader may discard what it still needs, seconds since 1970; `None` while its
    /// leases are renewed.
    pub runway_at: Option<i64>,
}

impl Sample {
    const fn numbers(&self) -> [Option<i64>; NUMBERS] {
        [
            self.lag,
            self.checkpoint,
            self.documents,
            self.bytes,
            self.read_minutes,
            self.runway_at,
        ]
    }
}

/// Writes samples, oldest first.
pub fn encode(samples: &[Sample]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, FORMAT);
    put(&mut out, u64::try_from(samples.len()).unwrap_or(0));
    let times: Vec<i64> = differences(samples.iter().map(|sample| sample.at.as_second()));
    column(&mut out, times);
    let place = |found: Option<usize>| i64::try_from(found.map_or(0, |place| place + 1)).unwrap_or(0);
    column(
        &mut out,
        samples
            .iter()
            .map(|sample| place(State::ALL.iter().position(|one| *one == sample.state))),
    );
    column(
        &mut out,
        samples
            .iter()
            .map(|sample| place(Cause::ALL.iter().position(|one| *one == sample.cause))),
    );
    column(
        &mut out,
        samples.iter().map(|sample| {
            place(
                sample
                    .decision
                    .and_then(|decision| DecisionKind::ALL.iter().position(|one| *one == decision)),
            )
        }),
    );
    for number in 0..NUMBERS {
        let values = || {
            samples
                .iter()
                .map(|sample| sample.numbers().get(number).copied().flatten())
        };
        column(&mut out, values().map(|value| i64::from(value.is_some())));
        column(&mut out, values().flatten());
    }
    out
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// Bytes that it cannot have written.
pub fn decode(bytes: &[u8]) -> Result<Vec<Sample>, Damaged> {
    let mut reader = Reader::new(bytes);
    let format = reader.number()?;
    if format != FORMAT {
        return Err(Damaged::new(format!("its format is {format}, not {FORMAT}")));
    }
    let count = reader.count(MOST)?;
    let times = sums(&read(&mut reader, count)?);
    let states = words(&mut reader, count, State::ALL)?;
    let causes = words(&mut reader, count, Cause::ALL)?;
    let decisions = words(&mut reader, count, DecisionKind::ALL)?;
    let mut numbers: Vec<[Option<i64>; NUMBERS]> = vec![[None; NUMBERS]; count];
    for number in 0..NUMBERS {
        let known = read(&mut reader, count)?;
        let there = known.iter().filter(|known| **known != 0).count();
        let mut values = read(&mut reader, there)?.into_iter();
        for (row, known) in numbers.iter_mut().zip(&known) {
            if let (true, Some(cell)) = (*known != 0, row.get_mut(number)) {
                *cell = values.next();
            }
        }
    }
    if !reader.is_empty() {
        return Err(Damaged::new("something stands behind its end"));
    }
    let missing = || Damaged::new("a sample has no state or cause");
    let mut samples = Vec::with_capacity(count);
    for (place, [lag, checkpoint, documents, bytes, read_minutes, runway_at]) in
        numbers.into_iter().enumerate()
    {
        let second = times.get(place).copied().unwrap_or_default();
        samples.push(Sample {
            at: Timestamp::from_second(second).map_err(|error| Damaged::new(error.to_string()))?,
            state: states.get(place).copied().flatten().ok_or_else(missing)?,
            cause: causes.get(place).copied().flatten().ok_or_else(missing)?,
            decision: decisions.get(place).copied().flatten(),
            lag,
            checkpoint,
            documents,
            bytes,
            read_minutes,
            runway_at,
        });
    }
    Ok(samples)
}

/// The differences of each value to the one before, from 0.
fn differences(values: impl IntoIterator<Item = i64>) -> Vec<i64> {
    let mut before = 0_i64;
    values
        .into_iter()
        .map(|value| value.wrapping_sub(std::mem::replace(&mut before, value)))
        .collect()
}

/// The other way.
fn sums(differences: &[i64]) -> Vec<i64> {
    let mut sum = 0_i64;
    differences
        .iter()
        .map(|difference| {
            sum = sum.wrapping_add(*difference);
            sum
        })
        .collect()
}

/// Differences with how often each is repeated: `folded(d)`, then how many more times.
fn column(out: &mut Vec<u8>, values: impl IntoIterator<Item = i64>) {
    let mut runs: Vec<(i64, u64)> = Vec::new();
    for difference in differences(values) {
        match runs.last_mut() {
            Some((same, more)) if *same == difference => *more += 1,
            _ => runs.push((difference, 0)),
        }
    }
    // Runs are rare in a column that moves: a flag at the front says whether there are any.
    let repeats = runs.iter().any(|(_, more)| *more > 0);
    put(out, u64::from(repeats));
    for (difference, more) in runs {
        put(out, folded(difference));
        if repeats {
            put(out, more);
        }
    }
}

fn read(reader: &mut Reader<'_>, count: usize) -> Result<Vec<i64>, Damaged> {
    let repeats = reader.count(1)? == 1;
    let mut found = Vec::with_capacity(count);
    while found.len() < count {
        let difference = unfolded(reader.number()?);
        let left = count - found.len() - 1;
        let more = if repeats { reader.count(left)? } else { 0 };
        found.extend(std::iter::repeat_n(difference, more + 1));
    }
    Ok(sums(&found))
}

fn words<T: Copy>(reader: &mut Reader<'_>, count: usize, all: &[T]) -> Result<Vec<Option<T>>, Damaged> {
    read(reader, count)?
        .into_iter()
        .map(|place| match usize::try_from(place) {
            Ok(0) => Ok(None),
            Ok(place) => all
                .get(place - 1)
                .copied()
                .map(Some)
                .ok_or_else(|| Damaged::new(format!("word {place} is not known to this version"))),
            Err(_) => Err(Damaged::new("a word's number is negative")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_sample() -> impl Strategy<Value = Sample> {
        (
            -4_000_000_000_i64..4_000_000_000,
            0..State::ALL.len(),
            0..Cause::ALL.len(),
            proptest::option::of(0..DecisionKind::ALL.len()),
            proptest::array::uniform6(proptest::option::of(any::<i64>())),
        )
            .prop_map(|(second, state, cause, decision, numbers)| {
                let [lag, checkpoint, documents, bytes, read_minutes, runway_at] = numbers;
                Sample {
                    at: Timestamp::from_second(second).unwrap(),
                    state: State::ALL[state],
                    cause: Cause::ALL[cause],
                    decision: decision.map(|place| DecisionKind::ALL[place]),
                    lag,
                    checkpoint,
                    documents,
                    bytes,
                    read_minutes,
                    runway_at,
                }
            })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(samples in proptest::collection::vec(any_sample(), 0..80)) {
            prop_assert_eq!(decode(&encode(&samples)).unwrap(), samples);
        }

        #[test]
        fn bytes_that_were_cut_or_changed_are_told_and_never_panic(
            samples in proptest::collection::vec(any_sample(), 0..40),
            cut in 0_usize..200, place in 0_usize..200, byte in any::<u8>(),
        ) {
            let whole = encode(&samples);
            let mut cut_off = whole.clone();
            cut_off.truncate(cut.min(whole.len().saturating_sub(1)));
            prop_assert!(decode(&cut_off).is_err(), "a cut block never passes for a whole one");
            let mut changed = whole;
            let place = place % changed.len();
            changed[place] ^= byte;
            drop(decode(&changed));
        }

        #[test]
        fn any_bytes_at_all_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            drop(decode(&bytes));
        }
    }

    #[test]
    fn an_hour_of_a_quiet_follower_takes_a_hundred_bytes_and_unknown_is_not_zero() {
        let quiet: Vec<Sample> = (0..60)
            .map(|minute| Sample {
                at: Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap(),
                state: State::Following,
                cause: Cause::None,
                decision: Some(DecisionKind::Leave),
                lag: if minute == 30 { None } else { Some(0) },
                checkpoint: Some(4_711),
                documents: Some(4_712),
                bytes: Some(1 << 30),
                read_minutes: Some(0),
                runway_at: None,
            })
            .collect();
        let bytes = encode(&quiet);
        assert!(bytes.len() <= 100, "{}", bytes.len());
        let back = decode(&bytes).unwrap();
        assert_eq!((back[30].lag, back[31].lag), (None, Some(0)));
    }
}
