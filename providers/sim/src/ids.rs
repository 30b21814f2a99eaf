//! Identifiers of everything the simulator makes: they look like the vendors' own, and the same story always gives the same ones.
//! Must not use randomness: a counter is the only state, so a snapshot continues exactly where it stopped.

use serde::{Deserialize, Serialize};

/// The counter behind every identifier.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Ids {
    counter: u64,
    /// Keeps two generators from giving the same ids.
    #[serde(default)]
    salt: u64,
}

impl Ids {
    /// A generator of its own whose ids are not those of another salt. 0 is the world's.
    #[must_use]
    pub fn salted(salt: u64) -> Self {
        Self { counter: 0, salt }
    }

    fn step(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// A UUID-shaped identifier (version and variant bits of a version 4 UUID).
    pub fn uuid(&mut self) -> String {
        let step = self.step() ^ mix(self.salt);
        let high = (mix(step) & !0xf000) | 0x4000;
        let low = (mix(step ^ 0x5eed_5eed_5eed_5eed) & !(0b11 << 62)) | (0b10 << 62);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }

    /// A number that only grows, for vendors that number their resources.
    pub fn number(&mut self) -> u64 {
        500_000_000 + self.step()
    }

    /// `digits` characters of digits and consonants, for generated names.
    pub fn suffix(&mut self, digits: usize) -> String {
        const LETTERS: &[u8; 31] = b"0123456789bcdfghjklmnpqrstvwxyz";
        let mut bits = mix(self.step());
        (0..digits)
            .map(|_| {
                let letter = LETTERS[usize::try_from(bits % 31).unwrap_or(0)];
                bits = mix(bits);
                char::from(letter)
            })
            .collect()
    }

    /// A secret of 64 hexadecimal digits.
    pub fn secret(&mut self) -> String {
        let step = self.step();
        (0..4)
            .map(|part| format!("{:016x}", mix(mix(step) ^ part)))
            .collect()
    }

    /// A seed for a generator of its own, such as a cluster's.
    pub fn seed(&mut self) -> u64 {
        mix(self.step())
    }
}

/// The SplitMix64 finaliser: turns a counter into well-spread bits.
#[must_use]
pub fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_shaped_and_repeatable() {
        let (mut one, mut two) = (Ids::default(), Ids::default());
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            let id = one.uuid();
            assert_eq!(id, two.uuid());
            assert_eq!(id.len(), 36);
            assert_eq!(&id[14..15], "4");
            assert!(["8", "9", "a", "b"].contains(&&id[19..20]), "{id}");
            assert!(seen.insert(id));
        }
    }

    #[test]
    fn other_salts_give_other_ids() {
        let (mut world, mut own) = (Ids::default(), Ids::salted(4));
        let ids: std::collections::BTreeSet<_> = (0..1000).map(|_| world.uuid()).collect();
        assert!((0..1000).all(|_| !ids.contains(&own.uuid())));
    }

    #[test]
    fn suffixes_are_digits_and_consonants() {
        let mut ids = Ids::default();
        for _ in 0..500 {
            let text = ids.suffix(5);
            assert_eq!(text.len(), 5);
            assert!(
                text.bytes()
                    .all(|b| b.is_ascii_digit()
                        || (b.is_ascii_lowercase() && !b"aeiou".contains(&b))),
                "{text}"
            );
        }
    }
}
