//! Owners: who a lease is for, what each has spent, and how much of a credit each may take.

use super::run_with;
use crate::support::Bench;

fn create(bench: &Bench, name: &str, more: &[&str]) -> crate::support::Said {
    let args = [
        "create",
        "first-steps",
        "-p",
        "digitalocean",
        "-n",
        name,
        "--no-wait",
        "-o",
        "json",
    ];
    bench.run(&[&args[..], more].concat())
}

#[test]
fn a_lease_is_for_who_is_named_last_and_nearest() {
    let bench = Bench::new();
    let config = bench.path("config.toml");
    std::fs::write(&config, "owner = \"class\"").unwrap();
    let owner = |said: crate::support::Said| said.ok().json()["lease"]["owner"].clone();
    assert_eq!(owner(create(&bench, "a", &[])), "class");
    assert_eq!(owner(create(&bench, "b", &["--owner", "ada"])), "ada");
    let list = bench
        .run(&["list", "--owner", "ada", "-o", "json"])
        .ok()
        .json();
    assert_eq!(list["leases"].as_array().unwrap().len(), 1);
    assert_eq!(list["leases"][0]["name"], "b");
    let table = bench.run(&["list"]).ok().stdout;
    assert!(
        table.contains("OWNER") && table.contains("class"),
        "{table}"
    );

    bench
        .run(&["create", "first-steps", "--owner", "a b"])
        .code(2);
    let said = run_with(&bench, &["list"], &[("KUBELEASE_OWNER", "a\u{1b}[31m")]).code(3);
    assert!(!said.stderr.contains('\u{1b}'), "{}", said.stderr);
    std::fs::write(&config, "owner = \"a b\"").unwrap();
    bench.run(&["list"]).code(3);
    std::fs::remove_file(&config).unwrap();
    bench.run(&["delete", "a", "b", "--yes"]).ok();
    bench.assert_clean();
}

#[test]
fn a_share_of_the_credit_is_not_outspent() {
    let bench = Bench::new();
    bench
        .run(&["budget", "set", "digitalocean", "0.50", "--owner", "ada"])
        .ok();
    create(&bench, "a", &["--owner", "ada"]).ok();
    let refused = create(&bench, "b", &["--owner", "ada"]).code(5);
    let why = "a hold of $0.29 does not fit the share of ada on digitalocean: $0.21 of $0.50 is available";
    assert!(refused.stderr.contains(why), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: "), "{}", refused.stderr);
    create(&bench, "c", &["--owner", "bob"]).ok();
    let budget = bench.run(&["budget", "-o", "json"]).ok().json();
    assert_eq!(budget["shares"][0]["owner"], "ada");
    assert_eq!(budget["shares"][0]["amount"], "0.5");
    assert_eq!(budget["shares"][0]["spent"], "0");
    bench.advance("1h");
    bench.tick().ok();
    bench.run(&["extend", "a", "4h"]).code(5);
    let sum = |args: &[&str]| bench.run(args).ok().json()["total"].clone();
    let all = sum(&["spend", "-o", "json"]);
    let ada = sum(&["spend", "--owner", "ada", "-o", "json"]);
    assert_ne!(ada, all);
    let table = bench.run(&["spend", "--by", "owner"]).ok().stdout;
    assert!(table.contains("ada") && table.contains("bob"), "{table}");
    let table = bench.run(&["budget"]).ok().stdout;
    assert!(table.contains("SHARE"), "{table}");
    bench
        .run(&["budget", "set", "gke", "1", "--owner", "ada", "--days", "3"])
        .code(2);
    bench
        .run(&["budget", "set", "gke", "-1", "--owner", "ada"])
        .code(2);
    bench.run(&["delete", "a", "c", "--yes"]).ok();
    bench.assert_clean();
}
