//! `kubeconfig`: the file of one lease; with `--merge` also our entries in the user's own file.

use std::path::PathBuf;

use chrono::TimeDelta;
use clap::Args;

use super::app::App;
use super::{CliError, exit};
use crate::clock::pause_blocking;
use crate::engine::Cloud;
use crate::engine::{Engine, Silent};
use crate::kubeconfig::{self, Entry, KubeconfigError, Kubeconfigs, Patience};
use crate::ledger::{Lease, Status};

/// Write the kubeconfig of a lease (no secret inside: kubectl asks kubelease)
#[derive(Debug, Args)]
pub(super) struct KubeconfigArgs {
    /// Name or id of a lease
    name: String,
    /// Also add it to your own kubeconfig and switch to it
    #[arg(long, conflicts_with = "print")]
    merge: bool,
    /// Print it instead of its path
    #[arg(long)]
    print: bool,
}

pub(super) async fn run(app: &App, args: &KubeconfigArgs) -> Result<u8, CliError> {
    let lease = app.lease(&args.name).await?;
    usable(&lease)?;
    let cloud = app.cloud(lease.provider)?;
    let entry = entry(app, &cloud, &lease).await?;
    if args.print {
        app.out.data(entry.to_yaml()?.trim_end());
        return Ok(exit::OK);
    }
    let file = save(app, &entry)?;
    if args.merge {
        let files = own_files(app);
        let merged = kubeconfig::merge(&entry, &files, &patience())?;
        app.out.note(&format!(
            "current context is now {} in {}",
            kubeconfig::context_name(&lease.name),
            merged.file.display()
        ));
    }
    app.out.data(&file.display().to_string());
    Ok(exit::OK)
}

/// Only a lease with a cluster has a kubeconfig.
pub(super) fn usable(lease: &Lease) -> Result<(), CliError> {
    match lease.status {
        Status::Ready => Ok(()),
        Status::Creating => Err(CliError::new(
            exit::REFUSED,
            format!("{} is still being made", lease.name),
        )
        .hint(format!("look again: kubelease show {}", lease.name))),
        _ => Err(
            CliError::new(exit::NOT_FOUND, format!("{} has ended", lease.name)).hint(format!(
                "make a new one: kubelease create {} --provider {}",
                lease.profile, lease.provider
            )),
        ),
    }
}

/// Writes the lease's own file.
pub(super) async fn write(app: &App, cloud: &Cloud, lease: &Lease) -> Result<PathBuf, CliError> {
    save(app, &entry(app, cloud, lease).await?)
}

fn save(app: &App, entry: &Entry) -> Result<PathBuf, CliError> {
    let file = app.settings.kubeconfig(&entry.name);
    kubeconfig::write_file(&file, &entry.to_yaml()?)?;
    Ok(file)
}

/// What the kubeconfig says. The API may need a moment after the cluster is ready.
async fn entry(app: &App, cloud: &Cloud, lease: &Lease) -> Result<Entry, CliError> {
    let engine: Engine = app.engine(std::sync::Arc::new(Silent)).await?;
    let view = engine.view(lease).await?;
    let deadline = app.clock.now() + TimeDelta::minutes(5);
    let access = loop {
        match cloud.provider.access(&view).await {
            Ok(access) => break access,
            Err(error) if error.is_temporary() && app.clock.now() < deadline => {
                app.clock.sleep(TimeDelta::seconds(5)).await;
            }
            Err(error) => return Err(error.into()),
        }
    };
    Ok(Entry {
        lease_id: lease.id.clone(),
        name: lease.name.clone(),
        server: access.server,
        ca_pem: access.ca_pem,
        exe: app.executable(),
        home: app.settings.home_named.then(|| app.settings.home.clone()),
        sim: app.settings.sim.clone(),
        ledger: app.settings.env.get(crate::env::LEDGER).map(str::to_owned),
    })
}

/// The user's own kubeconfig files.
fn own_files(app: &App) -> Kubeconfigs {
    let home = app.settings.env.path("HOME").unwrap_or_default();
    Kubeconfigs::new(
        app.settings.env.get("KUBECONFIG").map(std::ffi::OsStr::new),
        &home,
    )
}

/// How a lock on the user's file is waited for: briefly, in real time, since its holder is a real process.
fn patience() -> Patience<'static> {
    Patience {
        tries: 200,
        pause: &|| pause_blocking(std::time::Duration::from_millis(25)),
    }
}

/// Forgets a lease that has ended: its own file, and our entries in the user's files. What cannot be
/// done is told, and never stops a teardown.
pub(super) fn forget(app: &App, lease: &Lease) {
    let file = app.settings.kubeconfig(&lease.name);
    if let Err(error) = std::fs::remove_file(&file)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        app.out
            .warn(&format!("{} could not be removed: {error}", file.display()));
    }
    let Some(server) = &lease.endpoint else {
        return;
    };
    let removed = kubeconfig::remove(&lease.name, server, &own_files(app), &patience());
    for problem in removed.problems.iter().filter(|p| !p.is_missing()) {
        app.out.warn(&problem.to_string());
    }
}

impl From<KubeconfigError> for CliError {
    fn from(error: KubeconfigError) -> Self {
        let mut out = Self::new(exit::CONFIG, error.to_string());
        out.hints.extend(error.hint());
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            out.causes.push(cause.to_string());
            source = cause.source();
        }
        out
    }
}
