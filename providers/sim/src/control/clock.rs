//! `/clock`: showing and moving virtual time, and sleeping in it. Time never moves backwards here.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::{Answer, bad_request, body};
use crate::clock::ClockMode;
use crate::message::{Reply, Request};
use crate::shared::Shared;

/// The furthest a test may move time, so that a typing mistake does not compute for ever.
const FURTHEST_DAYS: i64 = 36_600;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    advance: Option<String>,
    set: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sleep {
    until: DateTime<Utc>,
}

fn now_is(now: DateTime<Utc>) -> Reply {
    Reply::json(200, &json!({"now": now}))
}

/// The time, and when one of the clouds (not of their clusters) has something to do next.
pub(super) fn show(shared: &Arc<Shared>) -> Reply {
    let (now, due) = shared.with(|world| (world.core.now(), world.core.queue.first_due()));
    Reply::json(200, &json!({"now": now, "due": due}))
}

pub(super) fn set(shared: &Arc<Shared>, request: &Request) -> Answer {
    let asked: Move = body(request)?;
    let now = shared.with(|world| {
        let now = world.core.now();
        let target = match (asked.advance, asked.set) {
            (Some(text), None) => crate::duration::parse(&text).and_then(|d| {
                now.checked_add_signed(d)
                    .ok_or_else(|| format!("{text} is too far"))
            }),
            (None, Some(time)) if time >= now => Ok(time),
            (None, Some(time)) => Err(format!(
                "it is already {now:?}: time does not go back to {time:?}"
            )),
            _ => Err("give either advance or set".to_owned()),
        }?;
        if (target - now).num_days() > FURTHEST_DAYS {
            return Err(format!("at most {FURTHEST_DAYS} days at once"));
        }
        world.move_to(target);
        Ok(world.core.now())
    });
    let now = now.map_err(bad_request)?;
    shared.ring();
    Ok(now_is(now))
}

/// A process sleeps. In jump mode that moves time, so waiting costs nothing; otherwise the answer comes when the time has come.
pub(super) async fn sleep(shared: &Arc<Shared>, request: &Request) -> Answer {
    let Sleep { until } = body(request)?;
    let jumps = shared.with(|world| {
        let jumps = world.clock.mode() == ClockMode::Jump;
        if jumps {
            world.move_to(until);
        }
        jumps
    });
    if jumps {
        return Ok(show(shared));
    }
    Ok(now_is(shared.wait_for_time(until).await))
}
