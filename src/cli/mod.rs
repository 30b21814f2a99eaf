//! The command line: arguments, dispatch, and one file per command.

pub mod app;
mod audit;
mod bill;
mod budget;
mod charts;
mod ci;
mod create;
mod credential;
mod delete;
pub mod demo;
mod doctor;
mod elsewhere;
mod error;
mod extend;
mod guard;
mod idle;
mod install;
mod kubeconfig;
mod list;
pub mod output;
mod pages;
mod prices;
mod reconcile;
mod refresh;
mod render;
mod shell;
mod show;
mod sim;
mod spend;
mod sweep;
mod table;

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use app::App;
pub use error::{CliError, exit};

/// Leases small practice Kubernetes clusters on six clouds and returns them on schedule
#[derive(Debug, Parser)]
#[command(
    name = "kubelease",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(after_help = "Try it without an account: kubelease demo")]
pub struct Cli {
    #[command(flatten, next_help_heading = "Global options")]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Flags of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// How to print
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        env = "KUBELEASE_OUTPUT",
        default_value = "table"
    )]
    output: Format,
    /// Use the clouds of a simulator (its control URL)
    #[arg(long, global = true, value_name = "URL")]
    sim: Option<String>,
    /// Never ask
    #[arg(short, long, global = true)]
    yes: bool,
    /// Show every request to a cloud
    #[arg(short, long, global = true)]
    verbose: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
    /// Folder with the ledger, the kubeconfigs and config.toml
    #[arg(long, global = true, value_name = "DIR")]
    home: Option<PathBuf>,
}

/// Output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(create::CreateArgs),
    List(list::ListArgs),
    Show(show::ShowArgs),
    Kubeconfig(kubeconfig::KubeconfigArgs),
    Shell(shell::ShellArgs),
    #[command(hide = true)]
    Credential(credential::CredentialArgs),
    Extend(extend::ExtendArgs),
    Protect(extend::ProtectArgs),
    Delete(delete::DeleteArgs),
    Sweep(sweep::SweepArgs),
    Prices(prices::PricesArgs),
    Budget(budget::BudgetArgs),
    Spend(spend::SpendArgs),
    Bill(bill::BillArgs),
    Guard(guard::GuardArgs),
    Idle(idle::IdleArgs),
    Audit(audit::AuditArgs),
    Doctor(doctor::DoctorArgs),
    Sim(sim::SimArgs),
    Demo(demo::DemoArgs),
    Completions(pages::CompletionsArgs),
    /// Print the manual page (roff)
    Man,
}

/// Parses, runs and reports; returns the exit code.
pub fn main() -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let out = output::Output::new(render::settings(&cli.global, &crate::env::Env::read()));
    match start(cli, &out) {
        Ok(code) => finish(&out, code),
        Err(error) => {
            out.failure(&error);
            error.code
        }
    }
}

/// Help and version go to stdout and are no error.
fn usage(error: &clap::Error) -> u8 {
    let code = if error.use_stderr() {
        exit::USAGE
    } else {
        exit::OK
    };
    // Nothing can be said when the streams are closed.
    error.print().ok();
    code
}

/// Output that did not arrive (a full disk) is a failure, whatever was done.
fn finish(out: &output::Output, code: u8) -> u8 {
    match out.finish() {
        Ok(()) => code,
        Err(error) => {
            out.error(&format!("the output could not be written: {error}"));
            exit::BUG
        }
    }
}

fn start(cli: Cli, out: &output::Output) -> Result<u8, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let code = runtime.block_on(run(cli, out));
    // A sleep in a simulation is a blocked thread: an interrupted process must not wait for it.
    runtime.shutdown_background();
    code
}

async fn run(cli: Cli, out: &output::Output) -> Result<u8, CliError> {
    // These need neither home nor clock.
    match &cli.command {
        Command::Completions(args) => return pages::completions(args, &mut Cli::command(), out),
        Command::Man => return pages::man(&Cli::command(), out),
        Command::Sim(args) => return sim::run(args, out).await,
        Command::Demo(args) => return demo::run(args, out).await,
        _ => {}
    }
    let app = App::new(&cli.global, out.clone())?;
    match &cli.command {
        Command::Create(args) => create::run(&app, args).await,
        Command::List(args) => list::run(&app, args).await,
        Command::Show(args) => show::run(&app, args).await,
        Command::Kubeconfig(args) => kubeconfig::run(&app, args).await,
        Command::Shell(args) => shell::run(&app, args).await,
        Command::Credential(args) => credential::run(&app, args).await,
        Command::Extend(args) => extend::run(&app, args).await,
        Command::Protect(args) => extend::protect(&app, args).await,
        Command::Delete(args) => delete::run(&app, args).await,
        Command::Sweep(args) => sweep::run(&app, args).await,
        Command::Prices(args) => prices::run(&app, args).await,
        Command::Budget(args) => budget::run(&app, args).await,
        Command::Spend(args) => spend::run(&app, args).await,
        Command::Bill(args) => bill::run(&app, args),
        Command::Guard(args) => guard::run(&app, args).await,
        Command::Idle(args) => idle::run(&app, args).await,
        Command::Audit(args) => audit::run(&app, args).await,
        Command::Doctor(args) => doctor::run(&app, args).await,
        Command::Sim(_) | Command::Demo(_) | Command::Completions(_) | Command::Man => Ok(exit::OK),
    }
}

/// The whole command line, for tests and pages.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}
