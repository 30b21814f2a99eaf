//! "Did you mean": the nearest known word by edit distance. Pure, and blind to what the words are for.

/// The candidate nearest to `word`, if it is near enough to be a typing error; else the first that
/// `word` is the beginning of (`idle` for `idle_after`).
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // A page of text is no typing error, and the distance costs length times length.
    if word.chars().count() > 64 {
        return None;
    }
    let lower = word.to_lowercase();
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let slip = candidates
        .iter()
        .map(|candidate| (distance(&lower, &candidate.to_lowercase()), *candidate))
        .filter(|(d, candidate)| *d <= tolerance(&lower, candidate))
        .min_by_key(|(d, _)| *d)
        .map(|(_, candidate)| candidate);
    let beginning = || {
        let long_enough = lower.chars().count() >= 3;
        let mut begins = candidates.into_iter().filter(|c| c.starts_with(&lower));
        begins.next().filter(|_| long_enough)
    };
    slip.or_else(beginning)
}

/// One slip in three letters, at least one; never so many that nothing of the word is left.
fn tolerance(word: &str, candidate: &str) -> usize {
    let longer = word.chars().count().max(candidate.chars().count());
    (longer / 3).max(1)
}

/// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`
/// (optimal string alignment).
pub(super) fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let same = a[i - 1] == b[j - 1];
            let mut best = (last[j - 1] + usize::from(!same))
                .min(last[j] + 1)
                .min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row[j] = best;
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_slips() {
        let cases = [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("memory", "memory", 0),
            ("memroy", "memory", 1),
            ("memor", "memory", 1),
            ("mmemory", "memory", 1),
            ("kitten", "sitting", 3),
            ("größe", "grösse", 2),
        ];
        for (a, b, d) in cases {
            assert_eq!(distance(a, b), d, "{a} {b}");
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        let keys = ["count", "cpu", "memory", "disk", "spot"];
        let cases = [
            ("memroy", Some("memory")),
            ("Memory", Some("memory")),
            ("cpus", Some("cpu")),
            ("counts", Some("count")),
            ("dsik", Some("disk")),
            ("mem", Some("memory")),
            ("me", None),
            ("replicas", None),
            ("x", None),
            ("", None),
        ];
        for (word, found) in cases {
            assert_eq!(nearest(word, keys), found, "{word}");
        }
        assert_eq!(nearest(&"memory".repeat(10_000), keys), None);
    }
}
