//! The rate limits of a token: 200 reads of lists a minute, 100 new volumes, 1600 of everything else (techdocs "Rate limits").
//! Headers on every answer. Enforced only when the account says so, since virtual time stands still in most tests.

use super::call::Desk;
use super::routes;
use crate::message::{Reply, Request};

const LISTS: u32 = 200;
const NEW_VOLUMES: u32 = 100;
const OTHERS: u32 = 1_600;

/// Which counter a request belongs to, and its limit.
fn class(request: &Request) -> (usize, u32) {
    let new_volume = request.method == "POST" && request.path.ends_with("/volumes");
    match (routes::is_list(request), new_volume) {
        (true, _) => (0, LISTS),
        (_, true) => (1, NEW_VOLUMES),
        _ => (2, OTHERS),
    }
}

/// Counts a request; `false` when it is one too many.
pub(super) fn count(desk: &mut Desk<'_>, request: &Request) -> bool {
    let minute = desk.core.now().timestamp() / 60;
    if desk.state.minute != minute {
        desk.state.minute = minute;
        desk.state.requests = [0; 3];
    }
    let (place, limit) = class(request);
    let used = &mut desk.state.requests[place];
    // Past the limit nothing more is counted: the number stays small while limits are not enforced.
    let room = *used < limit;
    if room {
        *used += 1;
    }
    room
}

/// Until the next minute begins, when the counters start again.
pub(super) fn seconds_to_next_minute(desk: &Desk<'_>) -> i64 {
    60 - desk.core.now().timestamp() % 60
}

/// The headers of every answer.
pub(super) fn with_headers(desk: &Desk<'_>, request: &Request, reply: Reply) -> Reply {
    let (place, limit) = class(request);
    let now = desk.core.now().timestamp();
    let used = if desk.state.minute == now / 60 {
        desk.state.requests[place]
    } else {
        0
    };
    reply
        .with("X-RateLimit-Limit", limit.to_string())
        .with(
            "X-RateLimit-Remaining",
            limit.saturating_sub(used).to_string(),
        )
        .with("X-RateLimit-Reset", ((now / 60 + 1) * 60).to_string())
}
