//! Murmur3 (x86, 32 bit, seed 0) over the UTF-16LE bytes of a routing value: how Elasticsearch
//! chooses the shard of a document (`Murmur3HashFunction`, `OperationRouting`).

/// The hash of a routing value, as Elasticsearch computes it.
pub fn hash(routing: &str) -> i32 {
    let bytes: Vec<u8> = routing.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut state: u32 = 0;
    let mut chunks = bytes.chunks_exact(4);
    for chunk in &mut chunks {
        let mut word = [0_u8; 4];
        word.copy_from_slice(chunk);
        state ^= mix(u32::from_le_bytes(word));
        state = state.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        let mut word = [0_u8; 4];
        for (slot, byte) in word.iter_mut().zip(rest) {
            *slot = *byte;
        }
        state ^= mix(u32::from_le_bytes(word));
    }
    state ^= u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    state ^= state >> 16;
    state = state.wrapping_mul(0x85eb_ca6b);
    state ^= state >> 13;
    state = state.wrapping_mul(0xc2b2_ae35);
    state ^= state >> 16;
    state.cast_signed()
}

fn mix(word: u32) -> u32 {
    word.wrapping_mul(0xcc9e_2d51)
        .rotate_left(15)
        .wrapping_mul(0x1b87_3593)
}

/// `index.number_of_routing_shards` that Elasticsearch 7 and later choose for a shard count.
pub fn routing_shards(shards: u32) -> u32 {
    let bits = 32 - shards.saturating_sub(1).leading_zeros();
    let splits = 10_u32.saturating_sub(bits).max(1);
    shards.saturating_mul(1 << splits)
}

/// The shard of a routing value in an index of `shards` primaries.
pub fn shard_of(routing: &str, shards: u32) -> u32 {
    let space = routing_shards(shards.max(1));
    let factor = space / shards.max(1);
    let slot = hash(routing).rem_euclid(space.cast_signed());
    slot.unsigned_abs() / factor.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_routed_as_the_recordings_show() {
        // 01-healthy: 500 documents "0" … "499" over two shards: 286 and 214.
        let first = (0..500).filter(|id| shard_of(&format!("{id}"), 2) == 0).count();
        assert_eq!(first, 286);
        // 50-one-shard-fatal: 300 documents over three shards: 105, 101 and 94.
        let counts = [0, 1, 2].map(|shard| {
            (0..300)
                .filter(|id| shard_of(&format!("{id}"), 3) == shard)
                .count()
        });
        assert_eq!(counts, [105, 101, 94]);
    }

    #[test]
    fn routing_shards_leave_room_for_splits() {
        assert_eq!(
            [1, 2, 3, 5, 1024].map(routing_shards),
            [1024, 1024, 768, 640, 2048]
        );
    }
}
