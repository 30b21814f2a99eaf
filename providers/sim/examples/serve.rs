//! The simulator alone, for other people's tests: `cargo run -p kubelease-sim --example serve -- [PORT] [CLOCK]`.
//! Prints one JSON line when it is ready and ends on SIGTERM or SIGINT.

use std::io::Write;

use kubelease_sim::{Options, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let clock = arguments
        .next()
        .map_or(Ok(kubelease_sim::ClockMode::default()), |text| text.parse())?;
    let service = run(Options {
        port,
        clock,
        start: None,
    })
    .await?;
    writeln!(
        std::io::stdout(),
        "{}",
        serde_json::to_string(service.ready())?
    )?;
    service.until_stopped().await;
    Ok(())
}
