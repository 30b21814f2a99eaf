//! Locks: what one protects cannot be deleted, nor can anything it is in. On a group of machines they make deletes fail on the way.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, no_group, one, refused, text};
use super::state::{Lock, State, same};
use super::{paging, shapes};
use crate::message::Reply;

fn view(state: &State, lock: &Lock) -> Value {
    let id = format!(
        "{}/providers/Microsoft.Authorization/locks/{}",
        lock.scope, lock.name
    );
    json!({"id": state.full(&id), "name": lock.name, "type": "Microsoft.Authorization/locks",
        "properties": {"level": lock.level, "notes": lock.notes}})
}

/// Whether `inner` is `outer` or below it.
fn within(inner: &str, outer: &str) -> bool {
    let (inner, outer) = (inner.to_lowercase(), outer.to_lowercase());
    inner == outer || outer.is_empty() || inner.starts_with(&format!("{outer}/"))
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let views = desk
        .state
        .locks
        .iter()
        .map(|l| view(desk.state, l))
        .collect();
    paging::page(call, views)
}

/// Those at a scope and below it.
pub(super) fn list_scope(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let all = desk
        .state
        .locks
        .iter()
        .filter(|l| within(&l.scope, call.id(0)));
    let views = all.map(|l| view(desk.state, l)).collect();
    paging::page(call, views)
}

fn place(desk: &Desk<'_>, call: &Call<'_>) -> Option<usize> {
    let fits = |l: &Lock| same(&l.scope, call.id(0)) && same(&l.name, call.id(1));
    desk.state.locks.iter().position(fits)
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let Some(place) = place(desk, call) else {
        let message = format!("The lock '{}' could not be found.", call.id(1));
        return Err(refused(404, "LockNotFound", message));
    };
    one(&view(desk.state, &desk.state.locks[place]))
}

pub(super) fn put(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::LOCK, true)?;
    let group = call.id(0).split('/').nth(2).unwrap_or_default();
    if !call.id(0).is_empty() && desk.state.group(group).is_none() {
        return Err(no_group(group));
    }
    let lock = Lock {
        scope: call.id(0).to_owned(),
        name: call.id(1).to_owned(),
        level: text(&body["properties"], "level")
            .unwrap_or_default()
            .to_owned(),
        notes: text(&body["properties"], "notes")
            .unwrap_or_default()
            .to_owned(),
    };
    let shown = view(desk.state, &lock);
    match place(desk, call) {
        Some(place) => {
            desk.state.locks[place] = lock;
            one(&shown)
        }
        None => {
            desk.state.locks.push(lock);
            Ok(Reply::json(201, &shown))
        }
    }
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let Some(place) = place(desk, call) else {
        return Ok(Reply::empty(204));
    };
    desk.state.locks.remove(place);
    Ok(Reply::empty(200))
}

/// Refuses a delete when a lock covers the thing, or something in it.
pub(super) fn may_delete(desk: &Desk<'_>, id: &str) -> Result<(), Refused> {
    let mut all = desk.state.locks.iter();
    let Some(lock) = all.find(|l| within(id, &l.scope) || within(&l.scope, id)) else {
        return Ok(());
    };
    let message = format!(
        "The scope '{}' cannot perform delete operation because following scope(s) are locked: '{}'. Please remove the lock and try again.",
        desk.state.full(id),
        desk.state.full(&lock.scope)
    );
    Err(refused(409, "ScopeLocked", message))
}
