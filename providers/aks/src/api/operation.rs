//! Long operations: where each says how far it is, and what its words mean. The URLs are signed, so they
//! stay in this process and go into no ledger, log or error; whoever comes after us asks the resource
//! itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kubelease_core::{Kind, Secret};
use kubelease_http::{Expect, Request, Response};
use serde::Deserialize;

use super::{Api, wire};

/// How far an operation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// None is known, or the answer says nothing: the resource itself must be asked.
    Unknown,
    /// It runs; the vendor's word.
    Running(String),
    /// It did what it should.
    Done,
    /// In the vendor's words.
    Failed(String),
}

/// What only this process knows.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// By resource.
    operations: Mutex<BTreeMap<String, Place>>,
    /// Clusters whose running operation was asked to stop.
    aborted: Mutex<BTreeSet<String>>,
    /// Namespaces that may be used.
    registered: Mutex<BTreeSet<String>>,
}

/// Where an operation says how far it is.
#[derive(Clone, Debug)]
enum Place {
    /// A status monitor: always 200, with a word for the state. Another status is a read that failed.
    Monitor(Secret),
    /// The result itself: 202 while it runs, then whatever became of it, refusals included.
    Result(Secret),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    /// Keeps the URL that an answer gives.
    pub(super) fn remember(&self, id: &str, response: &Response) {
        let secret = |url: &str| Secret::new(url);
        let monitor = response.header("azure-asyncoperation").map(secret);
        let result = response.header("location").map(secret);
        if let Some(place) = monitor.map(Place::Monitor).or(result.map(Place::Result)) {
            lock(&self.operations).insert(id.to_owned(), place);
        }
    }

    pub(super) fn aborting(&self, id: &str) {
        lock(&self.aborted).insert(id.to_owned());
    }

    pub(super) fn registered(&self, namespace: &str) {
        lock(&self.registered).insert(namespace.to_owned());
    }

    pub(super) fn is_registered(&self, namespace: &str) -> bool {
        lock(&self.registered).contains(namespace)
    }

    pub(super) fn has_aborted(&self, id: &str) -> bool {
        lock(&self.aborted).contains(id)
    }
}

/// A status monitor. `Succeeded` may carry an error all the same (`NotLatestOperation`).
#[derive(Debug, Deserialize)]
struct Monitor {
    status: String,
    #[serde(rename = "percentComplete", default)]
    percent: Option<serde_json::Number>,
    #[serde(default)]
    error: Option<wire::Problem>,
}

impl Api {
    /// How far the operation is that this process started last on a thing.
    pub(crate) async fn operation(&self, id: &str) -> Operation {
        let known = lock(&self.memory.operations).get(id).cloned();
        let Some(place) = known else {
            return Operation::Unknown;
        };
        let (Place::Monitor(url) | Place::Result(url)) = &place;
        let request = Request::get(self.local(url.reveal()), "read operation")
            .sensitive()
            .expect(Expect::Nothing);
        let outcome = match (self.client.send(request).await, &place) {
            (Ok(response), _) => read(&response),
            (Err(error), Place::Result(_))
                if matches!(error.kind, Kind::InUse | Kind::Conflict | Kind::Invalid) =>
            {
                Operation::Failed(error.message)
            }
            // It is not known there any more.
            (Err(error), _) if error.is_not_found() => Operation::Unknown,
            (Err(_), _) => return Operation::Unknown,
        };
        if !matches!(outcome, Operation::Running(_)) {
            lock(&self.memory.operations).remove(id);
        }
        outcome
    }
}

fn read(response: &Response) -> Operation {
    let Ok(monitor) = serde_json::from_slice::<Monitor>(&response.body) else {
        return match response.status {
            202 => Operation::Running("running".to_owned()),
            _ => Operation::Done,
        };
    };
    match monitor.status.to_ascii_lowercase().as_str() {
        "succeeded" => Operation::Done,
        "failed" | "canceled" => {
            let words = monitor.error.map(|e| e.words());
            Operation::Failed(words.unwrap_or_else(|| monitor.status.clone()))
        }
        _ => Operation::Running(match monitor.percent {
            Some(percent) => format!("{} {percent} %", monitor.status),
            None => monitor.status,
        }),
    }
}
