//! `create --ci`: a create that a cancelled job cannot leave behind. A signal ends it within ten seconds:
//! the lease is marked in the ledger and on the cloud object, and the next guard tick anywhere ends it.
//!
//! GitHub sends SIGINT, after 7.5 s SIGTERM and after 2.5 s more the end: everything here is done before
//! the second one, counted in real time, whatever the cloud does.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::app::App;
use super::{CliError, exit};
use crate::clock::pause;
use crate::engine::dirty::{CloudMark, Mark};
use crate::engine::{Cloud, Silent};
use crate::ledger::{Lease, Status};
use crate::views;

/// How long a request that is under way may still take.
const GRACE: Duration = Duration::from_millis(1200);
/// How long marking may take.
pub(super) const MARKING: Duration = Duration::from_millis(6000);

/// Work that nothing was promised to yet: a signal simply ends it.
pub(super) async fn unless_stopped<T>(
    app: &App,
    work: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    tokio::select! {
        biased;
        () = app.stop.asked() => Err(CliError::new(
            exit::INTERRUPTED,
            "interrupted before anything was made",
        )),
        done = work => done,
    }
}

/// Work on a lease that may exist: a signal gives it a moment, then the lease is marked, also when the
/// work was done in that very moment.
pub(super) async fn watched(
    app: &App,
    cloud: &Cloud,
    lease: &Lease,
    work: impl Future<Output = Result<u8, CliError>>,
) -> Result<u8, CliError> {
    let cut = async {
        app.stop.asked().await;
        pause(GRACE).await;
    };
    let outcome = tokio::select! {
        biased;
        done = work => Some(done),
        () = cut => None,
    };
    match outcome {
        Some(outcome) if !app.stop.is_set() => return outcome,
        // A failed create that was undone has nothing left to mark.
        Some(Err(error)) if has_ended(app, lease).await => return Err(error),
        _ => {}
    }
    app.out.progress_done();
    let engine = app.engine(Arc::new(Silent)).await?;
    let mark = engine.mark_dirty(cloud, lease, MARKING).await;
    Err(told(lease, &mark))
}

async fn has_ended(app: &App, lease: &Lease) -> bool {
    let Ok(ledger) = app.ledger().await else {
        return false;
    };
    let known = ledger.lease(lease.id.as_str()).await;
    matches!(known, Ok(Some(lease)) if lease.status == Status::Ended)
}

fn told(lease: &Lease, mark: &Mark) -> CliError {
    let name = &lease.name;
    let mut out = CliError::new(
        exit::INTERRUPTED,
        match (&mark.ledger, &mark.cloud) {
            (Ok(()), _) | (_, CloudMark::Cluster) => {
                format!("interrupted; {name} is marked, the next guard tick ends it")
            }
            _ => format!("interrupted; {name} could not be marked"),
        },
    );
    out.causes.extend(untold(lease, mark));
    out.hint(format!(
        "end it now: kubelease guard tick   or: kubelease delete {name}"
    ))
}

/// What could not be told to whom, for a person.
pub(super) fn untold(lease: &Lease, mark: &Mark) -> Vec<String> {
    let mut out = Vec::new();
    if let Err(why) = &mark.ledger {
        out.push(format!("the ledger was not told: {why}"));
    }
    if let CloudMark::Untold(why) = &mark.cloud {
        out.push(format!(
            "the cloud was not told: {why}; a machine without this ledger waits until {}",
            views::time(crate::engine::run::owner_end(lease))
        ));
    }
    out
}
