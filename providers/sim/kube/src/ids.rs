//! Uids, name suffixes and hashes, all derived from the cluster's seed and a counter: the same story gives the same ids.

use serde::{Deserialize, Serialize};

/// Letters Kubernetes uses in generated names: no vowels and no look-alikes, so that no words appear.
const SAFE: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// The source of ids of one cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ids {
    seed: u64,
    counter: u64,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, counter: 0 }
    }

    fn next(&mut self) -> u64 {
        self.counter += 1;
        mix(mix(self.seed) ^ self.counter)
    }

    /// A uid in the form of a random (version 4) UUID.
    pub(crate) fn uid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            0x8000 | ((b >> 48) & 0x3fff),
            b & 0xffff_ffff_ffff
        )
    }

    /// Five letters for `generateName`.
    pub(crate) fn suffix(&mut self) -> String {
        encode(self.next(), 5)
    }

    /// A number below `below` (which must not be 0).
    pub(crate) fn number(&mut self, below: u64) -> u64 {
        self.next() % below
    }
}

/// SplitMix64's finaliser: spreads a counter over all bits.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn encode(mut x: u64, len: usize) -> String {
    let mut out = String::with_capacity(len);
    for _ in 0..len {
        let i = usize::try_from(x % 27).unwrap_or(0);
        out.push(char::from(SAFE[i]));
        x /= 27;
    }
    out
}

/// FNV-1a over text, spread: for pod template hashes, deterministic loads and checksums.
pub(crate) fn hash(text: &str) -> u64 {
    let fnv = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(fnv)
}

/// The hash as it appears in names of ReplicaSets: ten safe letters.
pub(crate) fn name_hash(text: &str) -> String {
    encode(hash(text), 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_repeat_for_the_same_seed_and_differ_otherwise() {
        let (mut a, mut b, mut c) = (Ids::new(7), Ids::new(7), Ids::new(8));
        let first = a.uid();
        assert_eq!(first, b.uid());
        assert_ne!(first, a.uid());
        assert_ne!(first, c.uid());
        assert_eq!(first.len(), 36);
        assert_eq!(&first[14..15], "4");
        assert!("89ab".contains(&first[19..20]));
    }

    #[test]
    fn suffixes_are_valid_name_parts() {
        let mut ids = Ids::new(1);
        assert!((0..100).all(|_| ids.suffix().bytes().all(|b| SAFE.contains(&b))));
        assert_ne!(name_hash("a"), name_hash("b"));
    }
}
