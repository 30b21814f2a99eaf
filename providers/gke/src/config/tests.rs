//! Where credentials, project and hosts come from.

use super::*;

fn read(set: &[(&str, &str)], endpoint: Option<&str>, simulated: bool) -> Result<Config, Error> {
    let look = |name: &str| {
        let found = set.iter().find(|(n, _)| *n == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    Config::read(&look, endpoint, simulated)
}

/// A file in a folder of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, text: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("kubelease-gke-{}-{name}", std::process::id()));
        let file = folder.join(WELL_KNOWN);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        Self(folder)
    }

    fn file(&self) -> String {
        self.0.join(WELL_KNOWN).display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[test]
fn a_simulator_needs_nothing_and_never_sees_a_credential_file() {
    let scratch = Scratch::new(
        "sim",
        r#"{"type":"authorized_user","quota_project_id":"real"}"#,
    );
    let file = scratch.file();
    let config = read(
        &[("GOOGLE_APPLICATION_CREDENTIALS", &file)],
        Some("http://127.0.0.1:1/"),
        true,
    )
    .unwrap();
    assert_eq!(
        config.credentials,
        Credentials::Token(Secret::new("simulated-token"))
    );
    assert_eq!(config.project, "simulated-project");
    assert_eq!(config.hosts.container, "http://127.0.0.1:1");
    assert_eq!(config.hosts.compute, "http://127.0.0.1:1/compute/v1");
    assert_eq!(
        config.hosts.token.as_deref(),
        Some("http://127.0.0.1:1/token")
    );
}

#[test]
fn a_token_wins_and_loses_its_line_break() {
    let set = [
        ("CLOUDSDK_AUTH_ACCESS_TOKEN", "ya29.x\n"),
        ("CLOUDSDK_CORE_PROJECT", "lab-1"),
        ("GOOGLE_OAUTH_ACCESS_TOKEN", " "),
    ];
    let config = read(&set, None, false).unwrap();
    assert_eq!(
        config.credentials,
        Credentials::Token(Secret::new("ya29.x"))
    );
    assert_eq!(
        (config.project.as_str(), config.hosts),
        ("lab-1", Hosts::google())
    );
}

#[test]
fn gclouds_overrides_move_single_services() {
    let set = [
        ("GOOGLE_OAUTH_ACCESS_TOKEN", "t"),
        ("GOOGLE_CLOUD_PROJECT", "p"),
        (
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE",
            "http://127.0.0.1:9/compute/v1/",
        ),
    ];
    let hosts = read(&set, None, false).unwrap().hosts;
    assert_eq!(hosts.compute, "http://127.0.0.1:9/compute/v1");
    assert_eq!(hosts.container, Hosts::google().container);
}

#[test]
fn a_credential_file_also_names_the_project() {
    let scratch = Scratch::new(
        "file",
        r#"{"type":"service_account","project_id":"lab-2","private_key":"canary"}"#,
    );
    let file = scratch.file();
    let home = scratch.0.display().to_string();
    for set in [
        [("GOOGLE_APPLICATION_CREDENTIALS", file.as_str())],
        [("HOME", home.as_str())],
    ] {
        let config = read(&set, None, false).unwrap();
        assert_eq!(config.project, "lab-2");
        assert!(matches!(config.credentials, Credentials::File(_)));
        assert!(!format!("{config:?}").contains("canary"));
    }
}

#[test]
fn what_is_missing_is_named() {
    let bad = Scratch::new("bad", "canary, not JSON");
    let file = bad.file();
    let no_file = read(
        &[("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")],
        None,
        false,
    )
    .unwrap_err();
    assert_eq!(no_file.kind, Kind::Unauthenticated);
    assert!(no_file.message.contains("/nowhere/key.json"), "{no_file}");
    let odd = read(&[("GOOGLE_APPLICATION_CREDENTIALS", &file)], None, false).unwrap_err();
    assert!(
        odd.kind == Kind::Unauthenticated && !odd.message.contains("canary"),
        "{odd}"
    );
    let no_project = read(&[("GOOGLE_OAUTH_ACCESS_TOKEN", "t")], None, false).unwrap_err();
    assert_eq!(no_project.kind, Kind::Invalid);
    assert!(no_project.hint.unwrap().contains("GOOGLE_CLOUD_PROJECT"));
    let set = [
        ("GOOGLE_OAUTH_ACCESS_TOKEN", "t"),
        ("GOOGLE_CLOUD_PROJECT", "a/b"),
    ];
    assert_eq!(read(&set, None, false).unwrap_err().kind, Kind::Invalid);
    let machine = read(
        &[
            ("GCE_METADATA_HOST", "127.0.0.1:9"),
            ("GOOGLE_CLOUD_PROJECT", "p"),
        ],
        None,
        false,
    );
    assert_eq!(machine.unwrap().credentials, Credentials::Metadata);
}
