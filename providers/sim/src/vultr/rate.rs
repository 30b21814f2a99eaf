//! The rate limit: 30 requests a second, 429 without any header beyond. Enforced only when the account says so, since virtual time
//! stands still in most tests. The vendor counts by address; here there is one.

use super::call::Desk;

const BURST: u32 = 30;

/// Counts a request; `false` when it is one too many.
pub(super) fn count(desk: &mut Desk<'_>) -> bool {
    let now = desk.core.now().timestamp();
    if desk.state.second.0 != now {
        desk.state.second = (now, 0);
    }
    let (_, used) = &mut desk.state.second;
    *used = used.saturating_add(1);
    *used <= BURST
}
