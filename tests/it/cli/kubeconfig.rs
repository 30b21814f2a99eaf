//! `kubeconfig`: the file of one lease, and our entries in the user's own.

use std::os::unix::fs::PermissionsExt;

use super::{plain, run, run_with};
use crate::support::Bench;

#[test]
fn printed() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let said = bench.run(&["kubeconfig", "lab", "--print"]).ok();
    let text: Vec<&str> = said
        .stdout
        .lines()
        .filter(|l| !l.contains("certificate-authority-data"))
        .collect();
    insta::assert_snapshot!(plain(&bench, &text.join("\n")), @"
    apiVersion: v1
    clusters:
    - cluster:
        server: https://127.0.0.1:PORT
      name: kubelease-lab
    contexts:
    - context:
        cluster: kubelease-lab
        user: kubelease-lab
      name: kubelease-lab
    current-context: kubelease-lab
    kind: Config
    users:
    - name: kubelease-lab
      user:
        exec:
          apiVersion: client.authentication.k8s.io/v1
          args:
          - credential
          - <lease-id>
          command: kubelease
          env:
          - name: KUBELEASE_HOME
            value: HOME
          - name: KUBELEASE_SIM
            value: http://127.0.0.1:PORT
          installHint: kubelease made this entry; its executable has moved or was removed
          interactiveMode: Never
          provideClusterInfo: false
    ");
}

#[test]
fn its_own_file_is_for_its_owner_only() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    std::fs::remove_file(bench.path("kubeconfigs/lab.yaml")).unwrap();
    insta::assert_snapshot!(run(&bench, "kubeconfig lab"), @"
    HOME/kubeconfigs/lab.yaml
    --- stderr
    --- exit 0
    ");
    let mode = std::fs::metadata(bench.path("kubeconfigs/lab.yaml"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn merged_and_removed_again() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let own = "apiVersion: v1\nkind: Config\nclusters:\n- cluster: {server: https://work.example}\n  name: work\ncontexts:\n- context: {cluster: work, user: me}\n  name: work\nusers:\n- name: me\n  user: {token: mine}\ncurrent-context: work\n";
    let file = super::write(&bench, "own.yaml", own);
    let env = [("KUBECONFIG", file.as_str())];
    let said = run_with(&bench, &["kubeconfig", "lab", "--merge"], &env).ok();
    assert!(
        said.stderr.contains("current context is now kubelease-lab"),
        "{}",
        said.stderr
    );
    let merged = std::fs::read_to_string(&file).unwrap();
    assert!(merged.contains("current-context: kubelease-lab") && merged.contains("token: mine"));
    run_with(&bench, &["delete", "lab"], &env).ok();
    let after = std::fs::read_to_string(&file).unwrap();
    assert!(!after.contains("kubelease"), "{after}");
    assert!(
        after.contains("current-context: work") && after.contains("token: mine"),
        "{after}"
    );
    assert!(!bench.path("kubeconfigs/lab.yaml").exists());
}

#[test]
fn a_user_file_that_is_no_yaml_is_left_alone() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let file = super::write(&bench, "own.yaml", "{not yaml: [");
    let env = [("KUBECONFIG", file.as_str())];
    let said = run_with(&bench, &["kubeconfig", "lab", "--merge"], &env).code(3);
    assert!(said.stderr.contains("own.yaml"), "{}", said.stderr);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{not yaml: [");
    // It never stops a teardown.
    run_with(&bench, &["delete", "lab"], &env).ok();
    bench.assert_clean();
}

#[test]
fn of_a_lease_that_has_ended() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.run(&["delete", "lab"]).ok();
    insta::assert_snapshot!(run(&bench, "kubeconfig lab"), @"
    --- stderr
    error: lab has ended
    hint: make a new one: kubelease create first-steps --provider digitalocean
    --- exit 7
    ");
}
