//! Kubeconfig and credentials: the same form on every cloud, no secret in any file.

use std::os::unix::fs::PermissionsExt;

use crate::support::Bench;

pub(super) fn kubeconfig(bench: &Bench, cloud: &str) {
    bench.create(cloud, "lab").ok();
    let file = bench.path("kubeconfigs/lab.yaml");
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let text = std::fs::read_to_string(&file).unwrap();
    for word in [
        "client.authentication.k8s.io/v1",
        "credential",
        "kubelease-lab",
        "certificate-authority-data",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
    for secret in ["token:", "client-key-data", "password", "KEY"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let printed = bench.run(&["kubeconfig", "lab", "--print"]).ok();
    assert_eq!(printed.stdout, text);
}

pub(super) fn credential(bench: &Bench, cloud: &str) {
    let made = bench.create(cloud, "lab").ok().json();
    let id = made["lease"]["id"].as_str().unwrap().to_owned();
    let given = bench.run(&["credential", &id]).ok().json();
    assert_eq!(given["kind"], "ExecCredential");
    let status = &given["status"];
    assert!(
        status["token"].is_string() || status["clientKeyData"].is_string(),
        "{given}"
    );
    // The use is noted.
    let shown = bench.run(&["show", "lab", "-o", "json"]).ok().json();
    assert!(shown["lease"]["last_use"].is_string(), "{shown}");
    // Teardown revokes it.
    bench.run(&["delete", "lab", "--yes"]).ok();
    bench.run(&["credential", &id]).code(7);
}
