//! `create`: quote, hold, create, wait, kubeconfig; and what refuses it before anything is made.

use serde_json::json;

use super::{
    CREDIT, ITEM, LEASE, PROFILE, QUOTE, account, assert_keys, assert_no_floats, plain, run, write,
};
use crate::support::Bench;

#[test]
fn first_steps() {
    let bench = Bench::new();
    insta::assert_snapshot!(run(&bench, "create first-steps --provider digitalocean --name lab --ttl 4h"), @"
    lab is ready on digitalocean (nyc1, 2 × s-2vcpu-4gb), ends in 3h 54m at 2026-01-05 12:00 UTC, $0.27 held
    export KUBECONFIG=HOME/kubeconfigs/lab.yaml
    --- stderr
    digitalocean in nyc1: 2 × s-2vcpu-4gb (2 CPU, 4 GiB), Kubernetes 1.35.1-do.0, for 4h
      control plane standard           included                      $0.00
      node s-2vcpu-4gb                 2 × $0.035714286/h            $0.29
      boot disk local                  included                      $0.00
      ipv4 included                    included                      $0.00
      total for 4h, at $0.07 an hour                                $0.29
    holding $0.29 of $190.00 available on the digitalocean credit
    lab: cluster provisioning, 0s so far (usually about 5m 30s), at most $0.00 so far
    lab: cluster provisioning, 1m 3s so far (usually about 5m 30s), at most $0.02 so far
    lab: cluster provisioning, 2m 30s so far (usually about 5m 30s), at most $0.02 so far
    lab: cluster provisioning, 3m 30s so far (usually about 5m 30s), at most $0.02 so far
    lab: cluster running, 0 of 2 nodes ready, 4m so far (usually about 5m 30s), at most $0.02 so far
    lab: cluster running, 1 of 2 nodes ready, 5m so far (usually about 5m 30s), at most $0.02 so far
    warning: no guard tick was seen in the last hour: run `kubelease guard tick` from cron, or `kubelease guard run`
    --- exit 0
    ");
    assert!(bench.path("kubeconfigs/lab.yaml").exists());
}

#[test]
fn as_json() {
    let bench = Bench::new();
    let said = bench.create("digitalocean", "lab").ok();
    let view = said.json();
    assert_keys(&view, &["lease"]);
    assert_keys(&view["lease"], &LEASE);
    assert_no_floats(&view);
    let lease = &view["lease"];
    assert_eq!(lease["status"], "ready");
    assert_eq!(lease["created_at"], "2026-01-05T08:00:00Z");
    assert_eq!(lease["ready_at"], "2026-01-05T08:05:30Z");
    assert_eq!(lease["expires_at"], "2026-01-05T12:00:00Z");
    assert_eq!(lease["hourly"], "0.071428572");
    assert!(
        lease["endpoint"]
            .as_str()
            .unwrap()
            .starts_with("https://127.0.0.1:")
    );
}

#[test]
fn a_dry_run_makes_nothing() {
    let bench = Bench::new();
    insta::assert_snapshot!(run(&bench, "create workloads -p digitalocean --dry-run --explain"), @"
    digitalocean in nyc1: 2 × s-2vcpu-4gb (2 CPU, 4 GiB), Kubernetes 1.35.1-do.0, for 4h
      control plane standard           included                      $0.00
      node s-2vcpu-4gb                 2 × $0.035714286/h            $0.29
          28800 node-seconds × $24 / 2419200 s   [gist colinwilson/cd31bde0: DigitalOcean July 2022 price list; monthly values confirmed by later code samples; dstackai/gpuhunt test_digitalocean.py (recorded /v2/sizes: $4/mo = 0.00595/h, i.e. monthly/672 rounded to 5 places) and skypilot catalogs/v6/do/vms.csv (2025)]
      boot disk local                  included                      $0.00
      ipv4 included                    included                      $0.00
      load balancer http               1 × $0.017857143/h            $0.07
          4 started hours × $12 / 672 h   [DigitalOcean docs: Load Balancers Pricing (last edited 28 Feb 2025) (2025-02-28)]
      volume volume                    10 GiB × $0.00014881/h        $0.01
          40 GiB-hours × $0.1 / 672 h   [DigitalOcean docs: Volume Pricing (last edited 14 Nov 2025) (2025-11-14)]
      total for 4h, at $0.09 an hour                                $0.36
    --- stderr
    --- exit 0
    ");
    let said = bench.run(&[
        "create",
        "workloads",
        "-p",
        "digitalocean",
        "--dry-run",
        "-o",
        "json",
    ]);
    let view = said.ok().json();
    assert_keys(&view, &["quotes"]);
    assert_keys(&view["quotes"][0], &QUOTE);
    for item in view["quotes"][0]["items"].as_array().unwrap() {
        assert_keys(item, &ITEM);
    }
    assert_no_floats(&view);
    assert!(
        bench.requests().iter().all(|r| r["method"] == "GET"),
        "{:?}",
        bench.requests()
    );
    let leases = bench.run(&["list", "--ended", "-o", "json"]).ok().json();
    assert_eq!(leases["leases"], json!([]));
}

#[test]
fn without_waiting_the_guard_goes_on() {
    let bench = Bench::new();
    insta::assert_snapshot!(run(&bench, "create first-steps -p digitalocean -n lab --no-wait"), @"
    lab is creating on digitalocean (nyc1, 2 × s-2vcpu-4gb), ends in 4h at 2026-01-05 12:00 UTC, $0.29 held
    --- stderr
    digitalocean in nyc1: 2 × s-2vcpu-4gb (2 CPU, 4 GiB), Kubernetes 1.35.1-do.0, for 4h
      control plane standard           included                      $0.00
      node s-2vcpu-4gb                 2 × $0.035714286/h            $0.29
      boot disk local                  included                      $0.00
      ipv4 included                    included                      $0.00
      total for 4h, at $0.07 an hour                                $0.29
    holding $0.29 of $190.00 available on the digitalocean credit
    lab: cluster provisioning, 0s so far (usually about 5m 30s), at most $0.00 so far
    lab is being made; the guard goes on with it
    warning: no guard tick was seen in the last hour: run `kubelease guard tick` from cron, or `kubelease guard run`
    --- exit 0
    ");
    let refused = run(&bench, "kubeconfig lab");
    insta::assert_snapshot!(refused, @"
    --- stderr
    error: lab is still being made
    hint: look again: kubelease show lab
    --- exit 5
    ");
    bench.advance("10m");
    let report = bench.tick().ok().json();
    assert_eq!(
        report["report"]["recovered"],
        json!([{ "name": "lab", "state": "ready" }])
    );
    bench.run(&["kubeconfig", "lab"]).ok();
}

#[test]
fn a_wait_that_is_over_leaves_the_lease_intact() {
    let bench = Bench::new();
    insta::assert_snapshot!(run(&bench, "create first-steps -p digitalocean -n lab --timeout 1m"), @"
    --- stderr
    digitalocean in nyc1: 2 × s-2vcpu-4gb (2 CPU, 4 GiB), Kubernetes 1.35.1-do.0, for 4h
      control plane standard           included                      $0.00
      node s-2vcpu-4gb                 2 × $0.035714286/h            $0.29
      boot disk local                  included                      $0.00
      ipv4 included                    included                      $0.00
      total for 4h, at $0.07 an hour                                $0.29
    holding $0.29 of $190.00 available on the digitalocean credit
    lab: cluster provisioning, 0s so far (usually about 5m 30s), at most $0.00 so far
    lab: cluster provisioning, 1m so far (usually about 5m 30s), at most $0.02 so far
    error: not ready after 1m
    hint: the lease goes on; look again: kubelease show lab
    --- exit 124
    ");
    bench.advance("10m");
    bench.tick().ok();
    assert_eq!(bench.of_kind("cluster").len(), 1);
    let lease = bench.run(&["show", "lab", "-o", "json"]).ok().json();
    assert_eq!(lease["lease"]["status"], "ready");
}

#[test]
fn a_name_is_made_up_when_none_is_given() {
    let bench = Bench::new();
    let said = bench
        .run(&["create", "first-steps", "-p", "digitalocean", "-o", "json"])
        .ok();
    let name = said.json()["lease"]["name"].as_str().unwrap().to_owned();
    let tail = name.strip_prefix("first-steps-").unwrap();
    assert_eq!(tail.len(), 5, "{name}");
}

#[test]
fn a_name_is_free_again_when_its_lease_has_ended() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    insta::assert_snapshot!(run(&bench, "create first-steps -p digitalocean -n lab"), @"
    --- stderr
    digitalocean in nyc1: 2 × s-2vcpu-4gb (2 CPU, 4 GiB), Kubernetes 1.35.1-do.0, for 4h
      control plane standard           included                      $0.00
      node s-2vcpu-4gb                 2 × $0.035714286/h            $0.29
      boot disk local                  included                      $0.00
      ipv4 included                    included                      $0.00
      total for 4h, at $0.07 an hour                                $0.29
    holding $0.29 of $189.71 available on the digitalocean credit
    error: a lease called `lab` exists
    hint: choose another: --name NAME
    --- exit 2
    ");
    assert_eq!(bench.of_kind("cluster").len(), 1);
    bench.run(&["delete", "lab"]).ok();
    bench.create("digitalocean", "lab").ok();
}

#[test]
fn the_config_file_may_name_the_cloud_and_a_cap() {
    let bench = Bench::new();
    write(
        &bench,
        "config.toml",
        "provider = \"digitalocean\"\nbudget_max = \"0.10\"\n",
    );
    insta::assert_snapshot!(run(&bench, "create first-steps"), @"
    --- stderr
    digitalocean in nyc1: 2 × s-2vcpu-4gb (2 CPU, 4 GiB), Kubernetes 1.35.1-do.0, for 4h
      control plane standard           included                      $0.00
      node s-2vcpu-4gb                 2 × $0.035714286/h            $0.29
      boot disk local                  included                      $0.00
      ipv4 included                    included                      $0.00
      total for 4h, at $0.07 an hour                                $0.29
    holding $0.29 of $190.00 available on the digitalocean credit
    error: $0.29 until its end is over the budget of $0.10
    hint: this would fit: --ttl 1h15m
    --- exit 5
    ");
}

#[test]
fn without_a_cloud_there_is_a_hint() {
    let bench = Bench::new();
    insta::assert_snapshot!(run(&bench, "create first-steps"), @"
    --- stderr
    error: which cloud? --provider is missing
    hint: compare them first: kubelease prices
    --- exit 2
    ");
}

#[test]
fn a_name_too_long_for_the_cloud() {
    let bench = Bench::new();
    let name = "A".repeat(64);
    let said = bench.run(&["create", "first-steps", "-p", "digitalocean", "-n", &name]);
    assert!(bench.requests().iter().all(|r| r["method"] == "GET"));
    let said = said.code(2);
    insta::assert_snapshot!(plain(&bench, &said.stderr).lines().rev().take(2).collect::<Vec<_>>().join("\n"), @"
    hint: for example --name aaaaaaaaaaaaaaaaaaaa
    error: `AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA` has 64 characters; this cloud takes at most 63
    ");
    let name = said
        .stderr
        .rsplit("--name ")
        .next()
        .unwrap()
        .trim()
        .to_owned();
    bench
        .run(&[
            "create",
            "first-steps",
            "-p",
            "digitalocean",
            "-n",
            &name,
            "--no-wait",
        ])
        .ok();
    assert!(said.stderr.contains("63"));
}

#[test]
fn a_name_that_is_none() {
    let bench = Bench::new();
    for name in [
        "Lab", "la b", "-lab", "lab-", "läb", "1lab", "l;rm", "../lab",
    ] {
        let arg = format!("--name={name}");
        let said = bench
            .run(&["create", "first-steps", "-p", "digitalocean", &arg])
            .code(2);
        assert!(said.stderr.contains("is not a name"), "{}", said.stderr);
        let hint = said.stderr.rsplit("--name ").next().unwrap().trim();
        assert!(
            hint.starts_with('l') && hint.is_ascii() && !hint.ends_with('-'),
            "{hint}"
        );
    }
    assert_eq!(bench.of_kind("cluster").len(), 0);
}

#[test]
fn what_the_cloud_does_not_have() {
    let bench = Bench::new();
    insta::assert_snapshot!(run(&bench, "create first-steps -p hetzner"), @"
    --- stderr
    error: invalid value 'hetzner' for '--provider <PROVIDER>': `hetzner` is not a provider: gke, eks, aks, digitalocean, linode or vultr

    For more information, try '--help'.
    --- exit 2
    ");
    insta::assert_snapshot!(run(&bench, "create first-steps -p digitalocean --region mars"), @"
    --- stderr
    error: digitalocean has no region `mars`
    hint: use --region with one of nyc1, nyc2, nyc3, ams3, sfo2, sfo3, sgp1, lon1, fra1, tor1, blr1, syd1
    --- exit 3
    ");
    let size = write(
        &bench,
        "size.toml",
        &format!("{PROFILE}[provider.digitalocean]\nsize = \"s-huge\"\n"),
    );
    let said = bench.run(&["create", &size, "-p", "digitalocean"]).code(3);
    assert!(
        said.stderr
            .contains("error: digitalocean has no size `s-huge`"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("hint: use one of ") && said.stderr.contains("s-2vcpu-4gb"));
    let old = write(
        &bench,
        "old.toml",
        &PROFILE.replace("\"stable\"", "\"1.18\""),
    );
    insta::assert_snapshot!(run(&bench, &format!("create {old} -p digitalocean")), @r#"
    --- stderr
    error: digitalocean offers no Kubernetes 1.18
    hint: set kubernetes = "stable" or one of 1.35, 1.34, 1.33
    --- exit 3
    "#);
    let big = write(&bench, "big.toml", &PROFILE.replace("cpu = 2", "cpu = 64"));
    insta::assert_snapshot!(run(&bench, &format!("create {big} -p digitalocean")), @"
    --- stderr
    error: no size of digitalocean in nyc1 has 64 CPUs and 4096 MiB of memory
    hint: the largest there is s-4vcpu-8gb-amd with 4 CPUs and 8 GiB
    --- exit 3
    ");
    assert_eq!(bench.of_kind("cluster").len(), 0);
}

#[test]
fn a_ttl_over_the_profile_or_no_ttl_at_all() {
    let bench = Bench::new();
    insta::assert_snapshot!(run(&bench, "create first-steps -p digitalocean --ttl 13h"), @"
    --- stderr
    error: --ttl 13h is over the profile's max_ttl of 12h
    hint: use --ttl 12h or less
    --- exit 5
    ");
    insta::assert_snapshot!(run(&bench, "create first-steps -p digitalocean --ttl soon"), @"
    --- stderr
    error: `soon` is not a duration: write for example `45m`, `4h`, `1h30m` or `2d`
    --- exit 2
    ");
    insta::assert_snapshot!(run(&bench, "create first-steps -p digitalocean --ttl -4h"), @"
    --- stderr
    error: unexpected argument '-4' found

      tip: to pass '-4' as a value, use '-- -4'

    Usage: kubelease create [OPTIONS] <PROFILE>

    For more information, try '--help'.
    --- exit 2
    ");
}

#[test]
fn a_budget_too_small_names_the_longest_ttl() {
    let bench = Bench::new();
    insta::assert_snapshot!(run(&bench, "create first-steps -p digitalocean --budget 0.20"), @"
    --- stderr
    digitalocean in nyc1: 2 × s-2vcpu-4gb (2 CPU, 4 GiB), Kubernetes 1.35.1-do.0, for 4h
      control plane standard           included                      $0.00
      node s-2vcpu-4gb                 2 × $0.035714286/h            $0.29
      boot disk local                  included                      $0.00
      ipv4 included                    included                      $0.00
      total for 4h, at $0.07 an hour                                $0.29
    holding $0.29 of $190.00 available on the digitalocean credit
    error: $0.29 until its end is over the budget of $0.20
    hint: this would fit: --ttl 2h45m, or count = 1 in the profile
    --- exit 5
    ");
    bench
        .run(&[
            "create",
            "first-steps",
            "-p",
            "digitalocean",
            "--budget",
            "0.20",
            "--ttl",
            "2h30m",
        ])
        .ok();
}

#[test]
fn a_credit_too_small_names_the_longest_ttl_that_fits() {
    let bench = Bench::new();
    bench.run(&["budget", "set", "digitalocean", "0.25"]).ok();
    insta::assert_snapshot!(run(&bench, "create first-steps -p digitalocean"), @"
    --- stderr
    digitalocean in nyc1: 2 × s-2vcpu-4gb (2 CPU, 4 GiB), Kubernetes 1.35.1-do.0, for 4h
      control plane standard           included                      $0.00
      node s-2vcpu-4gb                 2 × $0.035714286/h            $0.29
      boot disk local                  included                      $0.00
      ipv4 included                    included                      $0.00
      total for 4h, at $0.07 an hour                                $0.29
    holding $0.29 of $0.24 available on the digitalocean credit
    error: $0.29 until its end does not fit: $0.24 of the digitalocean credit is available ($0.00 spent, $0.00 held, $0.01 kept back)
    hint: this would fit: --ttl 3h15m, or count = 1 in the profile
    --- exit 5
    ");
    assert_eq!(bench.of_kind("cluster").len(), 0);
}

#[test]
fn a_credit_that_ends_too_soon() {
    let bench = Bench::new();
    bench
        .run(&[
            "budget",
            "set",
            "digitalocean",
            "200",
            "--days",
            "1",
            "--from",
            "2026-01-04T10:00:00Z",
        ])
        .ok();
    insta::assert_snapshot!(run(&bench, "create first-steps -p digitalocean"), @"
    --- stderr
    digitalocean in nyc1: 2 × s-2vcpu-4gb (2 CPU, 4 GiB), Kubernetes 1.35.1-do.0, for 4h
      control plane standard           included                      $0.00
      node s-2vcpu-4gb                 2 × $0.035714286/h            $0.29
      boot disk local                  included                      $0.00
      ipv4 included                    included                      $0.00
      total for 4h, at $0.07 an hour                                $0.29
    holding $0.29 of $190.00 available on the digitalocean credit
    error: the digitalocean credit ends on 2026-01-05 10:00 UTC, before the lease would
    hint: this would fit: --ttl 2h
    --- exit 5
    ");
}

#[test]
fn a_quota_too_small_is_found_before_anything_is_made() {
    let bench = Bench::new();
    account(&bench, &json!({ "quotas": { "droplets": 1 } }));
    insta::assert_snapshot!(run(&bench, "create first-steps -p digitalocean"), @"
    --- stderr
    error: the account's droplet_limit is 1 with 0 in use; this needs 2 more
    hint: the largest shape that fits has 1 node(s): set count = 1 in the profile
    --- exit 5
    ");
    assert!(bench.requests().iter().all(|r| r["method"] == "GET"));
    let one = write(
        &bench,
        "one.toml",
        &PROFILE.replace("count = 2", "count = 1"),
    );
    bench.run(&["create", &one, "-p", "digitalocean"]).ok();
}

#[test]
fn holds_and_spend_stay_within_the_credit() {
    let bench = Bench::new();
    bench.run(&["budget", "set", "digitalocean", "0.65"]).ok();
    bench.create("digitalocean", "one").ok();
    bench.create("digitalocean", "two").ok();
    bench.create("digitalocean", "three").code(5);
    let view = bench.run(&["budget", "-o", "json"]).ok().json();
    assert_keys(&view["credits"][0], &CREDIT);
}
