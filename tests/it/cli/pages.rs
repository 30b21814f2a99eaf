//! `completions` and `man`.

use super::alone;
use crate::support::{Bench, said};

#[test]
fn a_script_for_every_shell() {
    let bench = Bench::new();
    for (shell, word) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef kubelease"),
        ("fish", "complete -c kubelease"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let said = said(alone(&bench).args(["completions", shell]).output().unwrap()).ok();
        assert!(
            said.stdout.contains(word) && said.stdout.contains("first-steps")
                || said.stdout.contains("dry-run"),
            "{shell}"
        );
        assert!(said.stdout.contains(word), "{shell}");
    }
    bench.run(&["completions", "cmd"]).code(2);
}

/// Bash itself finds no fault with its script.
#[test]
fn bash_can_read_its_script() {
    let bench = Bench::new();
    let script = said(
        alone(&bench)
            .args(["completions", "bash"])
            .output()
            .unwrap(),
    )
    .ok()
    .stdout;
    let file = super::write(&bench, "kubelease.bash", &script);
    let checked = std::process::Command::new("bash")
        .args(["-n", &file])
        .status()
        .unwrap();
    assert!(checked.success());
}

#[test]
fn the_manual_names_every_command() {
    let bench = Bench::new();
    let page = said(alone(&bench).args(["man"]).output().unwrap())
        .ok()
        .stdout;
    assert!(page.contains(".TH kubelease 1"), "{page}");
    for command in kubelease::cli::command()
        .get_subcommands()
        .filter(|c| !c.is_hide_set())
    {
        let name = command.get_name().replace('-', "\\-");
        assert!(page.contains(&format!("kubelease\\-{name}(1)")), "{name}");
    }
}
