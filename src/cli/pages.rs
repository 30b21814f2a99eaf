//! `completions` and `man`: generated from the arguments themselves.

use clap::Args;
use clap_complete::Shell;

use super::output::Output;
use super::{CliError, exit};

/// Print a completion script
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Which shell
    shell: Shell,
}

pub(super) fn completions(
    args: &CompletionsArgs,
    command: &mut clap::Command,
    out: &Output,
) -> Result<u8, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "kubelease", &mut script);
    out.data(String::from_utf8_lossy(&script).trim_end());
    Ok(exit::OK)
}

pub(super) fn man(command: &clap::Command, out: &Output) -> Result<u8, CliError> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    out.data(String::from_utf8_lossy(&page).trim_end());
    Ok(exit::OK)
}
