//! The rate limits: 5000 requests an hour, a burst of 250 a minute. Counted by minute; headers on every answer.
//! Enforced only when the account says so, since virtual time stands still in most tests.

use super::call::Desk;
use crate::message::Reply;

const HOURLY: u32 = 5_000;
const BURST: u32 = 250;

/// Counts a request; `false` when it is one too many.
pub(super) fn count(desk: &mut Desk<'_>) -> bool {
    let minute = desk.core.now().timestamp() / 60;
    let minutes = &mut desk.state.minutes;
    minutes.retain(|(at, _)| *at > minute - 60);
    let used: u32 = minutes.iter().map(|(_, n)| *n).sum();
    let now = match minutes.last_mut() {
        Some((at, n)) if *at == minute => n,
        _ => {
            minutes.push((minute, 0));
            let Some((_, n)) = minutes.last_mut() else {
                return false;
            };
            n
        }
    };
    if used >= HOURLY || *now >= BURST {
        // Past a limit nothing more is counted: the numbers stay small while limits are not enforced.
        return false;
    }
    *now += 1;
    true
}

/// Until the next minute begins, when a burst is forgotten.
pub(super) fn seconds_to_next_minute(desk: &Desk<'_>) -> i64 {
    60 - desk.core.now().timestamp() % 60
}

/// The headers of every answer; `reset` is when the oldest request of the hour expires.
pub(super) fn with_headers(desk: &Desk<'_>, reply: Reply) -> Reply {
    let used: u32 = desk.state.minutes.iter().map(|(_, n)| *n).sum();
    let oldest = desk
        .state
        .minutes
        .first()
        .map_or(desk.core.now().timestamp() / 60, |(minute, _)| *minute);
    reply
        .with("ratelimit-limit", HOURLY.to_string())
        .with(
            "ratelimit-remaining",
            HOURLY.saturating_sub(used).to_string(),
        )
        .with("ratelimit-reset", ((oldest + 60) * 60).to_string())
}
