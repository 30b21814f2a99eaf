//! Bad days: credentials that end halfway, a full disk, a cloud that is down for a day, a delete that never
//! ends, other people's ledgers, and a thousand strangers with names like ours.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Bench, clouds, said, sample, tool};

/// From the nth request on, every one is answered with that status.
fn from_the(bench: &Bench, cloud: &str, nth: usize, status: u16) {
    bench.fault(json!({
        "provider": cloud, "match": "* /**", "nth": nth, "times": 1_000_000, "action": "status", "status": status
    }));
}

/// How many requests an undisturbed delete takes.
fn delete_takes(cloud: &str) -> usize {
    let bench = Bench::only(cloud);
    bench.create(cloud, "lab").ok();
    let before = bench.requests().len();
    bench.run(&["delete", "lab", "--yes"]).ok();
    bench.requests().len() - before
}

/// The token ends in the middle of a teardown: told as such, and what is left is ended by the next one that
/// has credentials. A tick says that something may remain, for a person has to renew them.
#[test]
fn credentials_that_expire_during_a_teardown() {
    for cloud in sample() {
        let halfway = delete_takes(cloud) / 2;
        for nth in [1, halfway] {
            let bench = Bench::only(cloud);
            bench.create(cloud, "lab").ok();
            from_the(&bench, cloud, nth, 401);
            let delete = bench.run(&["delete", "lab", "--yes"]).code(4);
            assert!(
                delete.stderr.contains("kubelease delete lab"),
                "{}",
                delete.stderr
            );
            let shown = bench.run(&["show", "lab", "-o", "json"]).ok().json();
            assert_eq!(shown["lease"]["status"], "ending", "{cloud} {nth}");
            let tick = bench.tick().code(8).json();
            let errors = tick["report"]["errors"].as_array().unwrap();
            assert!(
                errors.iter().any(|e| e["credentials"] == true),
                "{cloud} {nth}: {tick}"
            );
            bench.clear_faults();
            bench.tick().ok();
            bench.assert_clean();
        }
    }
}

/// One cloud is down for a day. The others are served on time, it is told every time, and when it is back
/// everything is caught up and the books are right.
#[test]
fn a_cloud_that_is_down_for_a_day() {
    for down in sample() {
        let up = if down == "linode" { "vultr" } else { "linode" };
        let bench = Bench::only(down);
        let both = format!("providers = [\"{down}\", \"{up}\"]\n");
        std::fs::write(bench.path("config.toml"), both).unwrap();
        bench.create(down, "down").ok();
        bench.create(up, "up").ok();
        bench.tick().ok();
        from_the(&bench, down, 1, 503);
        for hour in [2, 10, 18, 26] {
            bench.advance(if hour == 2 { "2h" } else { "8h" });
            // Before its time an unseen lease is only a failing cloud, after it money runs.
            let tick = bench.tick().code(if hour <= 2 { 6 } else { 8 }).json();
            let errors = tick["report"]["errors"].as_array().unwrap();
            assert!(
                errors.iter().any(|e| e["at"] == down),
                "{down}, {hour} h: {tick}"
            );
            let listed = bench.run(&["list", "-o", "json"]).ok().json();
            let live: Vec<&Value> = listed["leases"]
                .as_array()
                .unwrap()
                .iter()
                .map(|l| &l["name"])
                .collect();
            match hour {
                2 => assert_eq!(live.len(), 2, "{down}: {live:?}"),
                _ => assert_eq!(live, [&json!("down")], "{down}, {hour} h"),
            }
        }
        bench.clear_faults();
        bench.tick().ok();
        bench.assert_clean();
    }
}

/// Stuck after a bound, with ids and consoles, on every cloud; every later tick tries again.
#[test]
fn a_delete_that_never_ends() {
    for cloud in sample() {
        let bench = Bench::only(cloud);
        bench.create(cloud, "lab").ok();
        let pattern = match cloud {
            "eks" => "DELETE /clusters/*",
            "aks" => "DELETE /**",
            "gke" => "DELETE /**/clusters/*",
            _ => "DELETE /**",
        };
        bench.fault(json!({
            "provider": cloud, "match": pattern, "rate": "1", "seed": 1, "action": "in_use"
        }));
        bench.advance("5h");
        for _ in 0..2 {
            let before = bench.requests().len();
            let tick = bench.tick().code(8).json();
            let left = tick["report"]["ended"][0]["leftovers"]
                .as_array()
                .unwrap()
                .clone();
            assert!(!left.is_empty(), "{cloud}: {tick}");
            for thing in &left {
                assert!(
                    thing["id"].as_str().is_some_and(|id| !id.is_empty()),
                    "{cloud}: {thing}"
                );
                assert!(
                    thing["console"].as_str().unwrap().starts_with("https://"),
                    "{cloud}: {thing}"
                );
            }
            let tries = bench.requests().split_off(before);
            assert!(
                tries.iter().any(|r| r["method"] == "DELETE"),
                "{cloud}: it was not tried again"
            );
            let shown = bench.run(&["show", "lab", "-o", "json"]).ok().json();
            assert_eq!(shown["lease"]["status"], "stuck", "{cloud}");
            bench.advance("1h");
        }
        bench.clear_faults();
        // What was stuck holds up a tick only briefly: a slow cloud is done by the next one.
        bench.tick();
        bench.advance("30m");
        bench.tick().ok();
        bench.assert_clean();
    }
}

/// The disk is full: told in one line, and nothing is created whose intent is not on disk.
#[test]
fn a_full_disk() {
    let mount = Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"])
        .output();
    if !tool("unshare", "KUBELEASE_REQUIRE_UNSHARE") || !mount.is_ok_and(|o| o.status.success()) {
        eprintln!("NOT RUN: no file system of our own can be mounted here");
        return;
    }
    let bench = Bench::new();
    // A file system of a megabyte that only these commands see.
    let script = r#"
        mount -t tmpfs -o size=1m none "$HOME" || exit 99
        "$KL" budget set digitalocean 50 >/dev/null || exit 98
        dd if=/dev/zero of="$HOME/fill" bs=1k 2>/dev/null
        "$KL" create first-steps -p digitalocean -n lab -o json; echo "full: $?"
        "$KL" guard tick -o json; echo "tick: $?"
        rm "$HOME/fill"
        "$KL" create first-steps -p digitalocean -n lab -o json || exit 97
        dd if=/dev/zero of="$HOME/fill" bs=1k 2>/dev/null
        "$KL" delete lab --yes; echo "delete: $?"
        rm "$HOME/fill"
        "$KL" delete lab --yes >/dev/null; echo "again: $?"
        "$KL" list -o json
    "#;
    let mut command = Command::new("unshare");
    command
        .args(["-rm", "sh", "-c", script])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("KL", env!("CARGO_BIN_EXE_kubelease"))
        .env("HOME", bench.home.path())
        .env("KUBELEASE_HOME", bench.home.path())
        .env("KUBELEASE_SIM", &bench.sim.control);
    let said = said(command.output().unwrap()).ok();
    let words = ["full: 3", "again: 0", "\"leases\": []"];
    for word in words {
        assert!(said.stdout.contains(word), "{word} in {said:?}");
    }
    // What a tick without leases writes may still fit into the log that the database has on disk.
    let tick = ["tick: 3", "tick: 0"]
        .iter()
        .any(|w| said.stdout.contains(w));
    assert!(tick, "{said:?}");
    assert!(
        !said.stdout.contains("delete: 0"),
        "nothing of it could be written down: {said:?}"
    );
    let full = format!(
        "the disk of the ledger {}/ledger.db is full",
        bench.home.path().display()
    );
    assert!(said.stderr.contains(&full), "{said:?}");
    assert!(said.stderr.contains("hint: make room"), "{said:?}");
    let made = bench
        .requests()
        .into_iter()
        .filter(|r| r["method"] == "POST" && r["path"] == "/v2/kubernetes/clusters");
    assert_eq!(
        made.count(),
        1,
        "one only: the first was refused before it was asked for"
    );
    assert_eq!(bench.world(true), Vec::<Value>::new());
}

/// Two ledgers with the same credentials: neither touches what the other's lease still has, and a lease
/// whose time on the tag is over is ended by whoever comes first.
#[test]
fn two_ledgers_of_one_account() {
    for cloud in sample() {
        let mut bench = Bench::only(cloud);
        bench.create(cloud, "ours").ok();
        let home = std::mem::replace(&mut bench.home, tempfile::TempDir::new().unwrap());
        bench.create(cloud, "theirs").ok();
        bench.run(&["extend", "theirs", "6h"]).ok();
        for _ in 0..2 {
            bench.advance("20m");
            bench.tick().ok();
            assert_eq!(bench.of_kind("cluster").len(), 2, "{cloud}: both are live");
        }
        // Ours ends by its tag, at the hands of the other ledger; theirs goes on.
        bench.advance("4h");
        let tick = bench.tick().ok().json();
        assert!(
            tick["report"]["ended"].to_string().contains("adopted-"),
            "{cloud}: {tick}"
        );
        let left = bench.of_kind("cluster");
        assert_eq!(left.len(), 1, "{cloud}: {left:?}");
        let theirs = bench.run(&["show", "theirs", "-o", "json"]).ok().json();
        assert_eq!(left[0]["owner"], theirs["lease"]["id"], "{cloud}");
        let other = std::mem::replace(&mut bench.home, home);
        bench.tick().ok();
        let ours = bench.run(&["show", "ours", "-o", "json"]).ok().json();
        assert_eq!(ours["lease"]["status"], "ended", "{cloud}: {ours}");
        assert_eq!(bench.of_kind("cluster").len(), 1, "{cloud}: not theirs");
        bench.home = other;
        bench.run(&["delete", "theirs", "--yes"]).ok();
        assert_eq!(bench.world(true), Vec::<Value>::new(), "{cloud}");
    }
}

/// A thousand things of others with names like ours, in six accounts: guards with and without a ledger,
/// and a sweep, end what is ours and touch nothing else.
#[test]
fn a_thousand_strangers_with_names_like_ours() {
    let bench = Bench::new();
    let clouds = clouds();
    let each = 1000_usize.div_ceil(clouds.len());
    for cloud in &clouds {
        let things: Vec<Value> = (0..each)
            .map(|n| {
                let kind = ["volume", "load_balancer", "volume"][n % 3];
                json!({ "kind": kind, "name": format!("kubelease-lab-{n}") })
            })
            .collect();
        bench.foreign(cloud, Value::Array(things));
    }
    bench.advance("1h");
    let strangers = bench.strangers();
    assert!(strangers.len() >= 1000, "{}", strangers.len());
    for cloud in &clouds {
        bench.create(cloud, &format!("lab-{cloud}")).ok();
    }
    bench.advance("1h");
    bench.tick().ok();
    let other = bench.elsewhere();
    other.tick(&bench);
    bench.advance("4h");
    bench.tick().ok();
    other.tick(&bench);
    bench.run(&["sweep", "--apply"]).ok();
    assert_eq!(bench.world(true), Vec::<Value>::new());
    assert_eq!(bench.strangers(), strangers, "untouched");
    bench.assert_clean();
}
