//! Streams: readers that leave, stdin that is no terminal, colour, width.

use std::process::Stdio;

use super::{plain, run_with};
use crate::support::{Bench, said};

/// The reader has gone before the first byte: quiet, and the work is done.
#[test]
fn a_broken_pipe_is_quiet() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    for args in [
        vec!["list"],
        vec!["show", "lab", "-o", "json"],
        vec!["completions", "bash"],
        vec!["--help"],
        vec!["delete", "lab"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let said = said(bench.command().args(&args).stdout(writer).output().unwrap());
        assert_eq!(said.code, 0, "{args:?}: {}", said.stderr);
        let quiet = said.stderr.lines().all(|l| l.starts_with("lab: "));
        assert!(quiet, "{args:?}: {}", said.stderr);
    }
    bench.assert_clean();
}

#[test]
fn head_takes_one_line() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let exe = env!("CARGO_BIN_EXE_kubelease");
    let mut shell = std::process::Command::new("bash");
    let script = format!("set -o pipefail; '{exe}' list | head -1");
    shell
        .args(["-c", &script])
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    shell
        .env("KUBELEASE_HOME", bench.home.path())
        .env("KUBELEASE_SIM", &bench.sim.control);
    let said = said(shell.output().unwrap()).ok();
    assert_eq!((said.stdout.lines().count(), said.stderr.as_str()), (1, ""));
}

/// Never a prompt when stdin is not a terminal: not even when it stays open and silent.
#[test]
fn an_open_stdin_is_not_asked() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let mut child = bench
        .command()
        .args(["delete", "lab"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let open = child.stdin.take().unwrap();
    let said = said(child.wait_with_output().unwrap()).ok();
    drop(open);
    assert!(!said.stderr.contains("[y/N]"), "{}", said.stderr);
    bench.assert_clean();
}

#[test]
fn no_colour_but_on_demand() {
    let bench = Bench::new();
    let plain = bench.run(&["show", "nobody"]).code(7);
    assert!(!plain.stderr.contains('\x1b'), "{:?}", plain.stderr);
    let bright = bench.run(&["show", "nobody", "--color", "always"]).code(7);
    assert!(
        bright.stderr.contains("\x1b[1;31merror:\x1b[0m"),
        "{:?}",
        bright.stderr
    );
    let never = run_with(
        &bench,
        &["show", "nobody"],
        &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")],
    );
    assert!(!never.stderr.contains('\x1b'), "{:?}", never.stderr);
}

#[test]
fn tables_fit_the_width() {
    let bench = Bench::new();
    bench
        .create(
            "digitalocean",
            "a-rather-long-name-for-a-small-practice-cluster",
        )
        .ok();
    let narrow = run_with(&bench, &["list"], &[("COLUMNS", "60")]).ok();
    assert!(
        narrow.stdout.lines().all(|l| l.chars().count() <= 60),
        "{}",
        narrow.stdout
    );
    let whole = bench.run(&["list"]).ok();
    assert!(
        whole
            .stdout
            .contains("a-rather-long-name-for-a-small-practice-cluster"),
        "{}",
        whole.stdout
    );
}

#[test]
fn the_format_by_variable_and_flag() {
    let bench = Bench::new();
    run_with(&bench, &["list"], &[("KUBELEASE_OUTPUT", "json")])
        .ok()
        .json();
    let table = run_with(
        &bench,
        &["list", "-o", "table"],
        &[("KUBELEASE_OUTPUT", "json")],
    )
    .ok();
    assert_eq!(table.stdout, "");
    let wrong = run_with(&bench, &["list"], &[("KUBELEASE_OUTPUT", "xml")]).code(2);
    insta::assert_snapshot!(plain(&bench, &wrong.stderr), @"
    error: invalid value 'xml' for '--output <FORMAT>'
      [possible values: table, json]

    For more information, try '--help'.
    ");
}
