//! `shell`: a sub-shell whose kubectl uses the lease.

use super::{run, run_with};
use crate::support::Bench;

#[test]
fn a_command_sees_the_kubeconfig_and_its_code_is_ours() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let script = "echo $KUBECONFIG; echo $KUBELEASE_SHELL; exit 42";
    let said = bench
        .run(&["shell", "lab", "--", "sh", "-c", script])
        .code(42);
    let file = bench.path("kubeconfigs/lab.yaml");
    assert_eq!(said.stdout, format!("{}\nlab\n", file.display()));
    assert_eq!(said.stderr, "");
}

#[test]
fn without_a_command_it_is_the_users_shell() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let said = run_with(&bench, &["shell", "lab"], &[("SHELL", "/bin/pwd")]).ok();
    assert!(
        said.stderr.contains("kubectl uses lab here"),
        "{}",
        said.stderr
    );
}

#[test]
fn what_cannot_be_started() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    insta::assert_snapshot!(run(&bench, "shell lab -- no-such-program"), @"
    --- stderr
    error: `no-such-program` cannot be started: No such file or directory (os error 2)
    --- exit 2
    ");
    insta::assert_snapshot!(run(&bench, "shell lap"), @"
    --- stderr
    error: there is no lease `lap`
    hint: there are: lab
    --- exit 7
    ");
}
