//! `sim`: the simulator of the six clouds, until it is stopped.

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;

use super::output::Output;
use super::{CliError, exit};

/// Simulate the clouds on loopback: for tests, CI and trying things out
#[derive(Debug, Args)]
pub(super) struct SimArgs {
    /// Control port; the clouds take the next six (0: any)
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// How time goes: jump, manual, real or real:SPEED
    #[arg(long, default_value = "real:60")]
    clock: String,
    /// Begin at this time (RFC 3339)
    #[arg(long)]
    start: Option<DateTime<Utc>>,
}

pub(super) async fn run(args: &SimArgs, out: &Output) -> Result<u8, CliError> {
    let clock = args.clock.parse().map_err(|e| {
        CliError::new(exit::USAGE, e).hint("use --clock jump, manual, real or real:SPEED")
    })?;
    let options = kubelease_sim::Options {
        port: args.port,
        clock,
        start: args.start,
    };
    let service = kubelease_sim::run(options).await.map_err(|e| {
        CliError::new(exit::USAGE, format!("the simulator cannot listen: {e}"))
            .hint("choose another: --port 0")
    })?;
    let ready = service.ready();
    out.json_line(&json!({ "control": ready.control, "endpoints": ready.endpoints }));
    service.until_stopped().await;
    Ok(exit::OK)
}
