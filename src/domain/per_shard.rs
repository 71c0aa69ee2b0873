//! What is known of each shard of an index, by shard number. An index has few shards and a fleet
//! many indices: a sorted list takes a tenth of the memory of a tree.

use std::iter::Map;
use std::slice;

/// By shard number, each once, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerShard<T>(Vec<(u32, T)>);

type Pair<'a, T> = (&'a u32, &'a T);
type Pairs<'a, T> = Map<slice::Iter<'a, (u32, T)>, fn(&'a (u32, T)) -> Pair<'a, T>>;

impl<T> Default for PerShard<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> PerShard<T> {
    /// Of no shard.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    fn find(&self, shard: u32) -> Result<usize, usize> {
        self.0.binary_search_by_key(&shard, |(number, _)| *number)
    }

    /// What is known of this shard.
    pub fn get(&self, shard: &u32) -> Option<&T> {
        let (_, value) = self.0.get(self.find(*shard).ok()?)?;
        Some(value)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, shard: &u32) -> Option<&mut T> {
        let place = self.find(*shard).ok()?;
        self.0.get_mut(place).map(|(_, value)| value)
    }

    /// Whether anything is known of this shard.
    pub fn contains_key(&self, shard: &u32) -> bool {
        self.find(*shard).is_ok()
    }

    /// Sets what is known of a shard; returns what was known before.
    pub fn insert(&mut self, shard: u32, value: T) -> Option<T> {
        match self.find(shard) {
            Ok(place) => self
                .0
                .get_mut(place)
                .map(|(_, known)| std::mem::replace(known, value)),
            Err(place) => {
                self.0.insert(place, (shard, value));
                None
            }
        }
    }

    /// Forgets a shard; returns what was known.
    pub fn remove(&mut self, shard: &u32) -> Option<T> {
        self.find(*shard).ok().map(|place| self.0.remove(place).1)
    }

    /// How many shards are known.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number and value of each, in order.
    pub fn iter(&self) -> Pairs<'_, T> {
        self.0.iter().map(|(number, value)| (number, value))
    }

    /// The numbers, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &u32> {
        self.0.iter().map(|(number, _)| number)
    }

    /// The values, in the order of their shards.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &T> + Clone {
        self.0.iter().map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut T> {
        self.0.iter_mut().map(|(_, value)| value)
    }
}

/// Of two entries of one shard the later one counts.
impl<T> FromIterator<(u32, T)> for PerShard<T> {
    fn from_iter<I: IntoIterator<Item = (u32, T)>>(iter: I) -> Self {
        let iter = iter.into_iter();
        let mut list = Self(Vec::with_capacity(iter.size_hint().0));
        for (shard, value) in iter {
            // Nearly always in order.
            if list.0.last().is_none_or(|(last, _)| *last < shard) {
                list.0.push((shard, value));
            } else {
                list.insert(shard, value);
            }
        }
        list.0.shrink_to_fit();
        list
    }
}

impl<T, const N: usize> From<[(u32, T); N]> for PerShard<T> {
    fn from(list: [(u32, T); N]) -> Self {
        list.into_iter().collect()
    }
}

impl<'a, T> IntoIterator for &'a PerShard<T> {
    type Item = Pair<'a, T>;
    type IntoIter = Pairs<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T> IntoIterator for PerShard<T> {
    type Item = (u32, T);
    type IntoIter = std::vec::IntoIter<(u32, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::PerShard;
    use std::collections::BTreeMap;

    #[test]
    fn it_is_a_map_whatever_the_order_and_however_often_a_shard_is_named() {
        let pairs = [(3, 'a'), (0, 'b'), (3, 'c'), (1, 'd'), (0, 'e')];
        let list: PerShard<char> = pairs.into_iter().collect();
        let tree: BTreeMap<u32, char> = pairs.into_iter().collect();
        assert!(list.iter().eq(tree.iter()), "{list:?}");
        for shard in 0..5 {
            assert_eq!(list.get(&shard), tree.get(&shard), "{shard}");
            assert_eq!(list.contains_key(&shard), tree.contains_key(&shard), "{shard}");
        }
        let mut list = list;
        assert_eq!(list.insert(2, 'f'), None);
        assert_eq!(list.insert(1, 'g'), Some('d'));
        assert_eq!(list.remove(&3), Some('c'));
        assert_eq!(list.values().collect::<String>(), "egf");
        assert_eq!((list.len(), list.is_empty()), (3, false));
    }
}
