//! `create`: quote, hold, create, wait, kubeconfig.

use serde_json::json;

use super::{ITEM, LEASE, QUOTE, assert_keys, assert_no_floats, run, write};
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
    warning: no guard tick was seen in the last hour: install one with `kubelease guard install --apply`
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
          4 started hours × $12 / 672 h   [DigitalOcean docs: Load Balancers Pricing (last edited 28 Feb 2025) (2025-02-28, over 90 days old)]
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
    warning: no guard tick was seen in the last hour: install one with `kubelease guard install --apply`
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
