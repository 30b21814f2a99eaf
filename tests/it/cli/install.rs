//! `guard install`: what is written, where, that it can be read by what reads it, and that only ours is
//! ever replaced or removed.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::plain;
use crate::support::{Bench, Said, said, tool};

const SECRET: &str = "dop_v1_canary";

/// A `crontab` and a `systemctl` of our own, first in the PATH.
fn fakes(bench: &Bench) {
    let fake = |name: &str, text: &str| {
        let path = bench.path("bin").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    fake(
        "crontab",
        r#"#!/bin/sh
if [ "$1" = "-l" ]; then
  [ -e "$HOME/tab" ] && exec cat "$HOME/tab"
  echo "no crontab for me" >&2; exit 1
fi
[ "$1" = "-" ] && exec cat > "$HOME/tab"
exit 2
"#,
    );
    fake(
        "systemctl",
        "#!/bin/sh\necho \"$@\" >> \"$HOME/systemctl.log\"\n",
    );
}

fn command(bench: &Bench, words: &str) -> Command {
    let mut command = bench.command();
    let path = std::env::var("PATH").unwrap();
    command
        .env("PATH", format!("{}:{path}", bench.path("bin").display()))
        .env("DIGITALOCEAN_ACCESS_TOKEN", SECRET)
        .current_dir(bench.home.path())
        .args(["guard", "install"])
        .args(words.split_whitespace());
    command
}

fn install(bench: &Bench, words: &str) -> Said {
    let said = said(command(bench, words).output().unwrap());
    assert!(!said.stdout.contains(SECRET), "{}", said.stdout);
    assert!(!said.stderr.contains(SECRET), "{}", said.stderr);
    said
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn files(bench: &Bench) -> Vec<String> {
    let mut open = vec![bench.home.path().to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(bench.home.path()).unwrap();
                found.push(name.to_str().unwrap().to_owned());
            }
        }
    }
    found.retain(|f| !f.starts_with("bin/"));
    found.sort();
    found
}

#[test]
fn shown_is_not_written() {
    let bench = Bench::new();
    fakes(&bench);
    for kind in ["", "--cron", "--systemd", "--github", "--kubernetes"] {
        let said = install(&bench, kind).ok();
        assert!(
            said.stdout.contains("# kubelease guard:"),
            "{}",
            said.stdout
        );
        assert!(
            said.stderr.contains("nothing was written"),
            "{}",
            said.stderr
        );
    }
    assert_eq!(files(&bench), Vec::<String>::new());
    let said = install(&bench, "--cron").ok();
    insta::assert_snapshot!(plain(&bench, &said.stdout), @r"
    # crontab
    # kubelease guard: begin (kubelease guard install --cron --remove)
    */15 * * * * set -a; . 'HOME/.config/kubelease/guard.env'; 'kubelease' --home 'HOME' guard tick >/dev/null
    # kubelease guard: end
    ");
}

/// The line of the crontab, run as cron runs it, is a tick.
#[test]
fn the_crontab_runs_a_tick_and_is_given_back() {
    let bench = Bench::new();
    fakes(&bench);
    std::fs::write(bench.path("tab"), "5 4 * * * backup\n").unwrap();
    install(&bench, "--cron --apply --every 30m").ok();
    let once = read(&bench.path("tab"));
    assert!(once.starts_with("5 4 * * * backup\n"), "{once}");
    install(&bench, "--cron --apply --every 30m").ok();
    assert_eq!(read(&bench.path("tab")), once, "again changes nothing");
    let env = bench.path(".config/kubelease/guard.env");
    assert_eq!(
        std::fs::metadata(&env).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(read(&env).contains(&format!("DIGITALOCEAN_ACCESS_TOKEN=\"{SECRET}\"\n")));
    bench.create("digitalocean", "lab").ok();
    bench.advance("5h");
    let line = once.lines().find(|l| l.contains("guard tick")).unwrap();
    let line = line
        .strip_prefix("*/30 * * * * ")
        .unwrap()
        .replace("\\%", "%");
    let status = Command::new("sh")
        .args(["-c", &line])
        .env_clear()
        .status()
        .unwrap();
    assert!(status.success(), "{line}");
    bench.assert_clean();
    let removed = install(&bench, "--cron --remove").ok();
    assert!(
        removed.stdout.contains("removed crontab"),
        "{}",
        removed.stdout
    );
    assert_eq!(read(&bench.path("tab")), "5 4 * * * backup\n");
    assert!(!env.exists(), "nobody reads the credentials any more");
    let again = install(&bench, "--cron --remove").ok();
    assert!(again.stdout.contains("nothing of ours"), "{}", again.stdout);
}

/// A crontab that cannot be read is not replaced.
#[test]
fn a_crontab_that_fails_is_left_alone() {
    let bench = Bench::new();
    fakes(&bench);
    std::fs::write(
        bench.path("bin/crontab"),
        "#!/bin/sh\n[ \"$1\" = - ] && cat > \"$HOME/tab\"\necho not allowed >&2\nexit 1\n",
    )
    .unwrap();
    let said = install(&bench, "--cron --apply").code(3);
    assert!(said.stderr.contains("not allowed"), "{}", said.stderr);
    assert!(!bench.path("tab").exists());
}

#[test]
fn credentials_that_others_can_read_are_refused() {
    let bench = Bench::new();
    fakes(&bench);
    let env = bench.path(".config/kubelease/guard.env");
    std::fs::create_dir_all(env.parent().unwrap()).unwrap();
    std::fs::write(&env, "DIGITALOCEAN_ACCESS_TOKEN=mine\n").unwrap();
    std::fs::set_permissions(&env, std::fs::Permissions::from_mode(0o644)).unwrap();
    let said = install(&bench, "--cron --apply").code(3);
    assert!(said.stderr.contains("chmod 600"), "{}", said.stderr);
    std::fs::set_permissions(&env, std::fs::Permissions::from_mode(0o600)).unwrap();
    install(&bench, "--cron --apply").ok();
    assert_eq!(
        read(&env),
        "DIGITALOCEAN_ACCESS_TOKEN=mine\n",
        "kept as it is"
    );
    // It is not ours, so it is not ours to remove.
    install(&bench, "--cron --remove").code(5);
    assert!(env.exists());
}

#[test]
fn systemd_takes_the_units() {
    let bench = Bench::new();
    fakes(&bench);
    install(&bench, "--systemd --apply --every 20m").ok();
    let folder = bench.path(".config/systemd/user");
    let (service, timer) = (
        folder.join("kubelease-guard.service"),
        folder.join("kubelease-guard.timer"),
    );
    assert!(read(&timer).contains("OnUnitActiveSec=1200s"));
    assert_eq!(
        read(&bench.path("systemctl.log")),
        "--user daemon-reload\n--user enable --now kubelease-guard.timer\n"
    );
    if tool("systemd-analyze", "KUBELEASE_REQUIRE_SYSTEMD") {
        // The judge itself needs a folder for the user's manager.
        let judge = Command::new("systemd-analyze")
            .args(["verify", "--user", "--man=no"])
            .args([&service, &timer])
            .env("XDG_RUNTIME_DIR", bench.home.path())
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&judge.stderr).into_owned();
        let ours: Vec<&str> = words
            .lines()
            .filter(|l| l.contains("kubelease-guard"))
            .collect();
        assert!(judge.status.success() && ours.is_empty(), "{words}");
    }
    let before = files(&bench);
    install(&bench, "--systemd --apply --every 20m").ok();
    assert_eq!(files(&bench), before);
    install(&bench, "--systemd --remove").ok();
    assert!(!service.exists() && !timer.exists());
    assert!(read(&bench.path("systemctl.log")).contains("disable --now"));
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// The workflow names secrets and holds none, keeps the ledger even when a tick fails, and lands where
/// GitHub looks from wherever in the repository it is asked for.
#[test]
fn the_workflow_is_yaml_and_refers_to_secrets() {
    let bench = Bench::new();
    fakes(&bench);
    std::fs::create_dir_all(bench.path("repo/.git")).unwrap();
    std::fs::create_dir_all(bench.path("repo/deep/down")).unwrap();
    let mut asked = command(&bench, "--github --apply --every 30m");
    said(
        asked
            .current_dir(bench.path("repo/deep/down"))
            .output()
            .unwrap(),
    )
    .ok();
    let file = bench.path("repo/.github/workflows/kubelease-guard.yml");
    let workflow = yaml(&read(&file));
    assert_eq!(workflow["on"]["schedule"][0]["cron"], "*/30 * * * *");
    let steps = workflow["jobs"]["tick"]["steps"].as_array().unwrap();
    let tick = steps.iter().find(|s| s["name"] == "Tick").unwrap();
    assert_eq!(
        tick["env"]["DIGITALOCEAN_ACCESS_TOKEN"],
        "${{ secrets.DIGITALOCEAN_ACCESS_TOKEN }}"
    );
    let last = steps.last().unwrap();
    assert_eq!(last["if"], "always()", "{last}");
    assert_eq!(last["with"]["path"], steps[0]["with"]["path"]);
    assert!(!read(&file).contains(SECRET));
    let theirs = bench.path("repo/.github/workflows/kubelease-guard.yml");
    std::fs::write(&theirs, "name: mine\n").unwrap();
    for words in ["--github --apply", "--github --remove"] {
        let mut asked = command(&bench, words);
        said(asked.current_dir(bench.path("repo")).output().unwrap()).code(5);
        assert_eq!(read(&theirs), "name: mine\n");
    }
}

#[test]
fn the_cronjob_is_yaml_and_refers_to_a_secret() {
    let bench = Bench::new();
    fakes(&bench);
    let mut asked = command(
        &bench,
        "--kubernetes --every 1h --apply --image registry.example/kl:1",
    );
    said(
        asked
            .env("GOOGLE_APPLICATION_CREDENTIALS", "/k.json")
            .output()
            .unwrap(),
    )
    .ok();
    let text = read(&bench.path("kubelease-guard.yaml"));
    let documents: Vec<Value> = text.split("\n---\n").map(yaml).collect();
    let kinds: Vec<&str> = documents
        .iter()
        .map(|d| d["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["PersistentVolumeClaim", "CronJob"]);
    let spec = &documents[1]["spec"];
    assert_eq!(
        (&spec["schedule"], &spec["concurrencyPolicy"]),
        (&"0 * * * *".into(), &"Forbid".into())
    );
    let pod = &spec["jobTemplate"]["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(container["image"], "registry.example/kl:1");
    assert_eq!(
        container["envFrom"][0]["secretRef"]["name"],
        "kubelease-guard"
    );
    assert_eq!(container["env"][1]["value"], "/google/google.json");
    assert_eq!(
        pod["volumes"][1]["secret"]["secretName"],
        "kubelease-guard-google"
    );
    assert!(!text.contains(SECRET));
    install(&bench, "--kubernetes --remove").ok();
    assert!(!bench.path("kubelease-guard.yaml").exists());
}

#[test]
fn what_cannot_be_is_refused() {
    let bench = Bench::new();
    fakes(&bench);
    for words in [
        "--every 7m",
        "--every 0m",
        "--every soon",
        "--github --every 1m",
        "--systemd --every 10s",
        "--cron --systemd",
        "--apply --remove",
    ] {
        install(&bench, words).code(2);
    }
    let mut asked = command(&bench, "--cron");
    let said = said(asked.env("AWS_SESSION_TOKEN", "canary").output().unwrap()).ok();
    assert!(
        said.stderr.contains("AWS_SESSION_TOKEN ends within hours"),
        "{}",
        said.stderr
    );
}
