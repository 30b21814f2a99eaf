//! Merging and removing on real files in a scratch folder.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::Value;
use tempfile::TempDir;

use super::*;

/// A kubeconfig with everything that a careless rewrite would damage.
const ODD: &str = r#"
apiVersion: v1
kind: Config
preferences: {colors: true}
current-context: work
clusters:
- name: work
  cluster: &c
    server: https://work.example.org
    certificate-authority-data: "MTIz"
    extensions:
    - name: cluster_info
      extension: {last-update: "Sat, 01 Jan 2028", provider: minikube.sigs.k8s.io, version: v1.30}
- name: "0123"
  cluster: *c
contexts:
- name: work
  context: {cluster: work, user: "yes", namespace: "on"}
users:
- name: "yes"
  user:
    token: "1e3"
    username: "null"
    password: "0777"
    note: |
      -----BEGIN CERTIFICATE-----
      MIIB

      -----END CERTIFICATE-----
    empty: {}
    nothing: ~
    list: []
    folded: >-
      one
      two
    sum: 12345678901234567890
    octal: 0777
    small: 1.10
x-unknown:
  deep: [[1, [true, "true", "2001-01-01", "1:30", "~", ""]]]
"#;

fn scratch() -> (TempDir, Kubeconfigs) {
    let dir = tempfile::tempdir().unwrap();
    let files = Kubeconfigs::one(dir.path().join("config"));
    (dir, files)
}

fn entry(name: &str) -> Entry {
    Entry {
        lease_id: "lbcdfghjkm".parse().unwrap(),
        name: name.to_owned(),
        server: format!("https://{name}.example.org:6443"),
        ca_pem: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
        exe: PathBuf::from("/opt/kube lease/bin/kubelease"),
        home: None,
        sim: None,
        ledger: None,
    }
}

/// Waits for nobody: a lock that is taken is an error.
const AT_ONCE: Patience<'_> = Patience {
    tries: 1,
    pause: &|| {},
};

fn put(name: &str, files: &Kubeconfigs) -> Merged {
    merge(&entry(name), files, &AT_ONCE).unwrap()
}

fn take(name: &str, files: &Kubeconfigs) -> Removed {
    remove(name, &entry(name).server, files, &AT_ONCE)
}

fn text_of(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn value_of(path: &Path) -> Value {
    let options = serde_saphyr::options! { legacy_octal_numbers: true };
    serde_saphyr::from_str_with_options(&text_of(path), options).unwrap()
}

fn names(value: &Value, list: &str) -> Vec<String> {
    let entries = value[list].as_array().unwrap();
    let name = |e: &Value| e["name"].as_str().unwrap().to_owned();
    entries.iter().map(name).collect()
}

/// Nothing may stay beside a kubeconfig: no lock, no half-written file.
fn only(dir: &Path, names: &[&str]) {
    let mut found: Vec<OsString> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    found.sort();
    assert_eq!(found, names);
}

#[test]
fn a_lease_file_holds_a_plugin_and_no_secret() {
    let full = Entry {
        home: Some("/home/me/.kubelease".into()),
        sim: Some("http://127.0.0.1:8700".into()),
        ledger: Some("sqlite:/home/me/true".into()),
        ..entry("a")
    };
    assert_snapshot!(full.to_yaml().unwrap(), @r#"
    apiVersion: v1
    clusters:
    - cluster:
        certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBQUEKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=
        server: https://a.example.org:6443
      name: kubelease-a
    contexts:
    - context:
        cluster: kubelease-a
        user: kubelease-a
      name: kubelease-a
    current-context: kubelease-a
    kind: Config
    users:
    - name: kubelease-a
      user:
        exec:
          apiVersion: client.authentication.k8s.io/v1
          args:
          - credential
          - lbcdfghjkm
          command: /opt/kube lease/bin/kubelease
          env:
          - name: KUBELEASE_HOME
            value: /home/me/.kubelease
          - name: KUBELEASE_SIM
            value: http://127.0.0.1:8700
          - name: KUBELEASE_LEDGER
            value: sqlite:/home/me/true
          installHint: kubelease made this entry; its executable has moved or was removed
          interactiveMode: Never
          provideClusterInfo: false
    "#);
    let relative = Entry {
        exe: "kubelease".into(),
        ..entry("a")
    };
    assert!(matches!(
        relative.to_yaml(),
        Err(KubeconfigError::BadPath { .. })
    ));
    let system_ca = Entry {
        ca_pem: String::new(),
        ..entry("a")
    };
    assert!(
        !system_ca
            .to_yaml()
            .unwrap()
            .contains("certificate-authority")
    );
}

#[test]
fn a_ledger_with_a_password_is_not_written() {
    let cases = [
        ("sqlite:/home/me/ledger.db", true),
        ("postgres://host/db", true),
        ("postgres://me@host:5432/db", true),
        ("postgres://me:hunter2@host/db", false),
        ("postgres://me:hunt/er2@host/db", false),
        ("postgres://me:hunt@er2@host/db", false),
        ("postgres://host/db?user=me&PASSWORD=hunter2", false),
    ];
    for (url, written) in cases {
        let entry = Entry {
            ledger: Some(url.to_owned()),
            ..entry("a")
        };
        let yaml = entry.to_yaml().unwrap();
        assert_eq!(yaml.contains("KUBELEASE_LEDGER"), written, "{url}");
        assert!(!yaml.contains("er2"), "{yaml}");
    }
}

#[test]
fn all_that_is_not_ours_survives_a_merge_and_a_removal() {
    let (dir, files) = scratch();
    fs::write(files.target(), ODD).unwrap();
    let before = value_of(files.target());
    let merged = put("a", &files);
    assert_eq!(merged.previous.as_deref(), Some("work"));
    assert_eq!(
        (merged.context.as_str(), merged.changed),
        ("kubelease-a", true)
    );

    let mut during = value_of(files.target());
    assert_eq!(during["current-context"], "kubelease-a");
    assert_eq!(names(&during, "clusters"), ["work", "0123", "kubelease-a"]);
    for list in ["clusters", "contexts", "users"] {
        during[list].as_array_mut().unwrap().pop();
    }
    during["current-context"] = "work".into();
    assert_eq!(during, before);

    let removed = take("a", &files);
    assert!(removed.problems.is_empty(), "{removed:?}");
    assert_eq!(removed.restored.as_deref(), Some("work"));
    assert_eq!(removed.files, [files.target()]);
    assert_eq!(value_of(files.target()), before);
    only(dir.path(), &["config"]);
}

#[test]
fn what_looks_like_something_else_stays_in_quotes() {
    let (_dir, files) = scratch();
    fs::write(files.target(), ODD).unwrap();
    put("a", &files);
    let text = text_of(files.target());
    // The words matter as they stand: kubectl reads YAML 1.1, our reader 1.2.
    for line in [
        "user: \"yes\"",
        "namespace: \"on\"",
        "token: \"1e3\"",
        "username: \"null\"",
        "password: \"0777\"",
        "name: \"0123\"",
        "empty: {}",
        "nothing: null",
        "list: []",
        "octal: 511",
        "sum: 12345678901234567890",
        "certificate-authority-data: \"MTIz\"",
        "- \"1:30\"",
        "- \"2001-01-01\"",
        "- \"~\"",
        "- \"true\"",
    ] {
        let unquoted = line.replace("\"MTIz\"", "MTIz");
        assert!(
            text.contains(line) || text.contains(&unquoted),
            "{line} in\n{text}"
        );
    }
    let note = value_of(files.target())["users"][0]["user"]["note"].clone();
    assert_eq!(
        note,
        "-----BEGIN CERTIFICATE-----\nMIIB\n\n-----END CERTIFICATE-----\n"
    );
}

#[test]
fn a_second_merge_writes_nothing() {
    let (dir, files) = scratch();
    assert!(put("a", &files).changed);
    let first = (
        text_of(files.target()),
        fs::metadata(files.target()).unwrap().modified().unwrap(),
    );
    let again = put("a", &files);
    assert!(!again.changed && again.previous.is_none());
    let second = (
        text_of(files.target()),
        fs::metadata(files.target()).unwrap().modified().unwrap(),
    );
    assert_eq!(first, second);
    only(dir.path(), &["config"]);
}

#[test]
fn a_new_address_of_ours_is_refused_and_a_namespace_kept() {
    let (_dir, files) = scratch();
    put("a", &files);
    let path = files.target();
    let with_namespace = text_of(path).replace(
        "    user: kubelease-a\n",
        "    user: kubelease-a\n    namespace: lab\n",
    );
    assert_ne!(with_namespace, text_of(path));
    fs::write(path, &with_namespace).unwrap();
    put("a", &files);
    assert!(text_of(path).contains("namespace: lab"));

    let moved = Entry {
        server: "https://other.example.org".into(),
        ..entry("a")
    };
    let before = text_of(path);
    let error = merge(&moved, &files, &AT_ONCE).unwrap_err();
    assert!(
        matches!(
            error,
            KubeconfigError::Foreign {
                part: "cluster",
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("its server is https://a.example.org:6443")
    );
    assert_eq!(
        error.hint().unwrap(),
        "if nobody needs it: kubectl config delete-cluster kubelease-a"
    );
    let removed = remove("a", &moved.server, &files, &AT_ONCE);
    assert!(removed.files.is_empty());
    assert!(matches!(
        removed.problems[..],
        [KubeconfigError::Foreign { .. }]
    ));
    assert_eq!(text_of(path), before);

    let slash = Entry {
        server: "https://a.example.org:6443/".into(),
        ..entry("a")
    };
    assert!(merge(&slash, &files, &AT_ONCE).is_ok());
}

#[test]
fn same_named_entries_of_others_are_never_overwritten() {
    let cases = [
        (
            "context",
            "contexts:\n- name: kubelease-a\n  context: {cluster: mine, user: mine}\n",
        ),
        (
            "user",
            "users:\n- name: kubelease-a\n  user: {token: hunter2}\n",
        ),
        ("cluster", "clusters:\n- name: kubelease-a\n  cluster: {}\n"),
    ];
    for (part, text) in cases {
        let (_dir, files) = scratch();
        fs::write(files.target(), text).unwrap();
        let error = merge(&entry("a"), &files, &AT_ONCE).unwrap_err();
        let KubeconfigError::Foreign { part: found, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(*found, part);
        assert!(!error.to_string().contains("hunter2"));
        assert_eq!(text_of(files.target()), text);
    }
}

#[test]
fn removal_returns_to_the_previous_context_or_to_none() {
    let (_dir, files) = scratch();
    let current = || value_of(files.target())["current-context"].clone();
    fs::write(files.target(), ODD).unwrap();
    for name in ["a", "b", "c"] {
        put(name, &files);
    }
    // Not current: what is current stays, and who would have returned to it skips it.
    assert_eq!(take("b", &files).restored, None);
    assert_eq!(current(), "kubelease-c");
    assert_eq!(take("c", &files).restored.as_deref(), Some("kubelease-a"));
    assert_eq!(take("a", &files).restored.as_deref(), Some("work"));
    assert_eq!(current(), "work");

    put("d", &files);
    let without_work = text_of(files.target()).replace("  name: work\n", "  name: play\n");
    fs::write(files.target(), without_work).unwrap();
    assert_eq!(take("d", &files).restored, None);
    assert_eq!(current(), "");

    put("e", &files);
    assert_eq!(take("e", &files).restored, None);
    assert_eq!(current(), "");
    let again = take("e", &files);
    assert!(again.files.is_empty() && again.problems.is_empty());
}

#[test]
fn a_renamed_context_goes_too_and_aliases_of_others_stay() {
    let (_dir, files) = scratch();
    put("a", &files);
    let path = files.target();
    // `kubectl config rename-context` keeps the extension; an alias that the user made has none.
    let alias = "- name: alias\n  context: {cluster: kubelease-a, user: kubelease-a}\n";
    let text = text_of(path)
        .replace("contexts:\n", &format!("contexts:\n{alias}"))
        .replace("current-context: kubelease-a", "current-context: mine")
        .replace("        previous: x\n", "");
    let at = text.find("extensions").unwrap();
    let (head, tail) = text.split_at(at);
    let renamed = format!(
        "{head}{}",
        tail.replacen("name: kubelease-a\n", "name: mine\n", 1)
    );
    fs::write(path, renamed).unwrap();
    assert_eq!(names(&value_of(path), "contexts"), ["alias", "mine"]);
    take("a", &files);
    let after = value_of(path);
    assert_eq!(names(&after, "contexts"), ["alias"]);
    assert_eq!(names(&after, "clusters"), [""; 0]);
    assert_eq!(after["current-context"], "");
}

#[test]
fn a_list_of_files_is_used_as_kubectl_does() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let list = std::env::join_paths([at("none"), at("one"), at("two"), at("one")]).unwrap();
    let files = Kubeconfigs::new(Some(&list), dir.path());
    assert_eq!(files.all(), [at("none"), at("one"), at("two")]);
    assert_eq!(files.target(), at("two"));
    fs::write(at("one"), "clusters: []\n").unwrap();
    fs::write(at("two"), ODD).unwrap();
    assert_eq!(files.target(), at("one"));

    let merged = put("a", &files);
    assert_eq!(
        (merged.file, merged.previous.as_deref()),
        (at("one"), Some("work"))
    );
    assert_eq!(value_of(&at("two"))["current-context"], "work");
    let removed = take("a", &files);
    assert_eq!(removed.restored.as_deref(), Some("work"));
    assert_eq!(value_of(&at("one"))["current-context"], "work");
    assert!(
        matches!(&removed.problems[..], [KubeconfigError::Missing { path }] if *path == at("none"))
    );

    // An entry that is in another file already is changed there; only the current context moves.
    merge(&entry("b"), &Kubeconfigs::one(at("two")), &AT_ONCE).unwrap();
    fs::write(at("one"), "current-context: work\n").unwrap();
    let merged = put("b", &files);
    assert_eq!(
        (merged.file, merged.previous.as_deref()),
        (at("two"), Some("work"))
    );
    assert_eq!(value_of(&at("one"))["current-context"], "kubelease-b");
    let removed = take("b", &files);
    assert_eq!(removed.files, [at("two")]);
    assert_eq!(value_of(&at("one"))["current-context"], "work");

    let home = Path::new("/home/me");
    let usual = home.join(".kube/config");
    for unset in [None, Some(OsStr::new("")), Some(OsStr::new(":"))] {
        assert_eq!(
            Kubeconfigs::new(unset, home).all(),
            std::slice::from_ref(&usual)
        );
    }
}

#[test]
fn a_file_that_cannot_be_read_stops_a_merge_but_no_teardown() {
    let cases = [
        ("users: [{token: hunter2\n", "it is not valid YAML"),
        (
            "a: hunter2\na: b\n",
            "a key is there twice (line 2, column 1)",
        ),
        ("a: 1\n---\nb: hunter2\n", "it holds more than one document"),
        ("hunter2\n", "its top is not a mapping"),
        ("clusters: {hunter2: 1}\n", "`clusters` is not a list"),
        ("a: *hunter2\n", "it is not valid YAML"),
    ];
    for (text, why) in cases {
        let (dir, files) = scratch();
        fs::write(files.target(), text).unwrap();
        let error = merge(&entry("a"), &files, &AT_ONCE).unwrap_err();
        assert!(error.to_string().contains(why), "{text:?}: {error}");
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{error:?}"
        );
        let removed = take("a", &files);
        assert!(matches!(
            removed.problems[..],
            [KubeconfigError::Unparsable { .. }]
        ));
        assert_eq!(text_of(files.target()), text);
        only(dir.path(), &["config"]);
    }
    let (_dir, files) = scratch();
    fs::write(files.target(), b"a: \xff\n").unwrap();
    assert!(matches!(
        merge(&entry("a"), &files, &AT_ONCE),
        Err(KubeconfigError::Unparsable { .. })
    ));
    let (_dir, files) = scratch();
    assert!(take("a", &files).problems[0].is_missing());
}

#[test]
fn strange_entries_of_others_do_no_harm() {
    let (_dir, files) = scratch();
    let text = "clusters: null\ncontexts: [7, {}, {name: 3}, {name: x, context: hm}]\nusers:\n";
    fs::write(files.target(), text).unwrap();
    put("a", &files);
    take("a", &files);
    let after = value_of(files.target());
    assert_eq!(
        after["contexts"],
        serde_json::json!([7, {}, {"name": 3}, {"name": "x", "context": "hm"}])
    );
    for empty in ["", "# nothing yet\n", "---\n"] {
        fs::write(files.target(), empty).unwrap();
        assert!(put("a", &files).changed);
    }
}

#[test]
fn fifty_at_a_time_lose_nothing() {
    let (dir, files) = scratch();
    fs::write(files.target(), ODD).unwrap();
    for n in 0..10 {
        put(&format!("old{n}"), &files);
    }
    // Whoever waits is woken by whoever is done; the timeout only guards against a lost wake-up.
    let (turn, done) = (Mutex::new(()), Condvar::new());
    let pause = || {
        let turn = turn.lock().unwrap();
        drop(done.wait_timeout(turn, Duration::from_millis(20)).unwrap());
    };
    let patience = Patience {
        tries: u32::MAX,
        pause: &pause,
    };
    let (files, patience, done) = (&files, &patience, &done);
    std::thread::scope(|scope| {
        for n in 0..40 {
            scope.spawn(move || {
                merge(&entry(&format!("new{n}")), files, patience).unwrap();
                done.notify_one();
            });
        }
        for n in 0..10 {
            scope.spawn(move || {
                let name = format!("old{n}");
                let removed = remove(&name, &entry(&name).server, files, patience);
                done.notify_one();
                assert!(removed.problems.is_empty(), "{removed:?}");
                assert_eq!(removed.files, [files.target()]);
            });
        }
    });
    let mut wanted: Vec<String> = (0..40).map(|n| format!("kubelease-new{n}")).collect();
    wanted.extend(["0123".to_owned(), "work".to_owned()]);
    wanted.sort();
    let after = value_of(files.target());
    let mut clusters = names(&after, "clusters");
    clusters.sort();
    assert_eq!(clusters, wanted);
    let others = (
        names(&after, "contexts").len(),
        names(&after, "users").len(),
    );
    assert_eq!(others, (41, 41));
    only(dir.path(), &["config"]);
    // However they were interleaved, the way back passes all of them and ends where it began.
    let config = document::Config::parse(&text_of(files.target()), files.target()).unwrap();
    let first = config.current();
    let chain: Vec<&str> = std::iter::successors(first, |name| config.previous(name))
        .take(100)
        .collect();
    assert_eq!((chain.len(), chain.last()), (41, Some(&"work")));
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn new_files_are_private_and_old_ones_keep_their_mode() {
        let dir = tempfile::tempdir().unwrap();
        let files = Kubeconfigs::one(dir.path().join("new/deep/config"));
        put("a", &files);
        assert_eq!(mode(files.target()), 0o600);
        assert_eq!(mode(&dir.path().join("new")), 0o700);
        assert_eq!(mode(&dir.path().join("new/deep")), 0o700);
        for kept in [0o640, 0o644, 0o400] {
            fs::set_permissions(files.target(), fs::Permissions::from_mode(kept)).unwrap();
            put("b", &files);
            assert_eq!(mode(files.target()), kept);
            take("b", &files);
            assert_eq!(mode(files.target()), kept);
        }
        let own = dir.path().join("leases/l1/kubeconfig");
        write_file(&own, "a: 1\n").unwrap();
        fs::set_permissions(&own, fs::Permissions::from_mode(0o644)).unwrap();
        write_file(&own, "a: 2\n").unwrap();
        assert_eq!((text_of(&own).as_str(), mode(&own)), ("a: 2\n", 0o600));
        assert_eq!(mode(own.parent().unwrap()), 0o700);
        only(own.parent().unwrap(), &["kubeconfig"]);
    }

    #[test]
    fn links_are_followed_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (link, middle, real) = (
            dir.path().join("link"),
            dir.path().join("middle"),
            dir.path().join("dots/real"),
        );
        fs::create_dir(dir.path().join("dots")).unwrap();
        symlink("middle", &link).unwrap();
        symlink(&real, &middle).unwrap();
        let files = Kubeconfigs::one(&link);
        put("a", &files);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::symlink_metadata(&middle).unwrap().is_symlink());
        assert_eq!(names(&value_of(&real), "clusters"), ["kubelease-a"]);
        take("a", &files);
        assert_eq!(names(&value_of(&real), "clusters"), [""; 0]);
        only(dir.path(), &["dots", "link", "middle"]);
        only(&dir.path().join("dots"), &["real"]);

        symlink("loop", dir.path().join("loop")).unwrap();
        let endless = Kubeconfigs::one(dir.path().join("loop"));
        assert!(matches!(
            merge(&entry("a"), &endless, &AT_ONCE),
            Err(KubeconfigError::Io { .. })
        ));
    }
}
