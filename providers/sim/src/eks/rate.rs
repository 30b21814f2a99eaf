//! Rate limits, when the account's settings ask for them: a bucket for each service. EC2's numbers are the notes'; the others are
//! assumptions of the same size, since nothing is published for them.

use chrono::TimeDelta;

use super::call::Desk;

/// Requests in the last ten seconds that are answered: reads, and the rest.
const READS: usize = 200;
const WRITES: usize = 50;

/// Counts a request; whether it may be answered.
pub(super) fn take(desk: &mut Desk<'_>, service: &str, read: bool) -> bool {
    let now = desk.core.now();
    let recent = desk
        .state
        .recent
        .entry(format!("{service}/{read}"))
        .or_default();
    while recent
        .front()
        .is_some_and(|at| *at <= now - TimeDelta::seconds(10))
    {
        recent.pop_front();
    }
    if recent.len() >= if read { READS } else { WRITES } {
        return false;
    }
    recent.push_back(now);
    true
}
