//! What an account has once, whatever is in it: an allowance on fees, and a price for several things
//! together. Time is walked from change to change; at each moment the oldest thing comes first. So what
//! has ended keeps its amount, however long the others go on.
//!
//! Pure, exact: everything is in nano-dollars times seconds until the caller rounds.

use super::Rule;
use super::rules::Use;

/// One item (or one of somebody else in the same account) with its stretches inside one month.
#[derive(Debug)]
pub(super) struct Sharer<'a> {
    pub(super) rule: &'a Rule,
    pub(super) uses: &'a [Use],
    /// When the thing began, in whatever month: who is older.
    pub(super) since: i64,
}

/// What each sharer owes, in nano-dollars × seconds of an hourly price.
pub(super) fn owed(sharers: &[Sharer<'_>]) -> Vec<i128> {
    let all = || sharers.iter().flat_map(|s| s.uses);
    let mut edges: Vec<i64> = all().flat_map(|u| [u.start, u.end]).collect();
    edges.sort_unstable();
    edges.dedup();
    let mut owed = vec![0_i128; sharers.len()];
    let mut spent = 0_i128;
    for edge in edges.windows(2) {
        let seconds = i128::from(edge[1] - edge[0]);
        let mut place = 0;
        for (start, at, count) in alive(sharers, edge[0]) {
            debug_assert!(start <= edge[0]);
            let full = match sharers[at].rule {
                Rule::Allowance { hourly, .. } => i128::from(hourly.nanos()) * i128::from(count),
                rule => together(rule, place, count),
            } * seconds;
            place += count;
            let free = match sharers[at].rule {
                Rule::Allowance { free, .. } => {
                    (i128::from(free.nanos()) * 3600 - spent).clamp(0, full)
                }
                _ => 0,
            };
            spent += free;
            owed[at] += full - free;
        }
    }
    owed
}

/// Who lives from `at` on, the oldest first: since when, its place in `sharers`, how many.
fn alive(sharers: &[Sharer<'_>], at: i64) -> Vec<(i64, usize, u32)> {
    let mut alive: Vec<(i64, usize, u32)> = Vec::new();
    for (n, sharer) in sharers.iter().enumerate() {
        let now = sharer.uses.iter().filter(|u| u.start <= at && at < u.end);
        alive.extend(now.map(|u| (sharer.since, n, u.count)));
    }
    alive.sort_unstable();
    alive
}

/// Nano-dollars an hour of `count` things, `place` older ones of the account being there.
fn together(rule: &Rule, place: u32, count: u32) -> i128 {
    let Rule::Together {
        first,
        many,
        further,
        before,
    } = rule
    else {
        return 0;
    };
    let one = |place: u32| match place {
        0 => i128::from(first.nanos()),
        n if n < *many => 0,
        _ => i128::from(further.nanos()),
    };
    let from = before.saturating_add(place);
    (from..from.saturating_add(count)).map(one).sum()
}
