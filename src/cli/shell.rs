//! `shell`: a sub-shell whose kubectl uses the lease; the global context is not touched.

use clap::Args;

use super::app::App;
use super::{CliError, exit, kubeconfig};

/// Open a shell in which kubectl uses this lease
#[derive(Debug, Args)]
pub(super) struct ShellArgs {
    /// Name or id of a lease
    name: String,
    /// A command to run instead of your shell
    #[arg(last = true)]
    command: Vec<String>,
}

pub(super) async fn run(app: &App, args: &ShellArgs) -> Result<u8, CliError> {
    let lease = app.lease(&args.name).await?;
    kubeconfig::usable(&lease)?;
    let cloud = app.cloud(lease.provider)?;
    let file = kubeconfig::write(app, &cloud, &lease).await?;
    let shell = app
        .settings
        .env
        .get("SHELL")
        .unwrap_or("/bin/sh")
        .to_owned();
    let (program, rest) = match args.command.split_first() {
        Some((program, rest)) => (program.clone(), rest),
        None => {
            app.out
                .note(&format!("kubectl uses {} here; `exit` leaves", lease.name));
            (shell, &[][..])
        }
    };
    let status = tokio::process::Command::new(&program)
        .args(rest)
        .env("KUBECONFIG", &file)
        .env("KUBELEASE_SHELL", &lease.name)
        .status()
        .await
        .map_err(|e| CliError::new(exit::USAGE, format!("`{program}` cannot be started: {e}")))?;
    Ok(status
        .code()
        .and_then(|c| u8::try_from(c).ok())
        .unwrap_or(exit::BUG))
}
