//! `prices`: what a profile costs, side by side.

use super::{ITEM, PROFILE, QUOTE, alone, assert_keys, assert_no_floats, run, write};
use crate::support::{Bench, said};

#[test]
fn side_by_side() {
    let bench = Bench::new();
    insta::assert_snapshot!(run(&bench, "prices workloads --ttl 3d --explain"), @"
    PROVIDER      REGION  NODES              HOURLY  3D TOTAL  PER DAY  RUNWAY  NOTE
    digitalocean  nyc1    2 × s-2vcpu-4gb  $0.09077     $6.54    $2.18  60d     $6.54 until its end is over the budget of $3.00

    digitalocean in nyc1: 2 × s-2vcpu-4gb (2 CPU, 4 GiB), Kubernetes 1.35.1-do.0, for 3d
      control plane standard           included                      $0.00
      node s-2vcpu-4gb                 2 × $0.035714286/h            $5.14
          518400 node-seconds × $24 / 2419200 s   [gist colinwilson/cd31bde0: DigitalOcean July 2022 price list; monthly values confirmed by later code samples; dstackai/gpuhunt test_digitalocean.py (recorded /v2/sizes: $4/mo = 0.00595/h, i.e. monthly/672 rounded to 5 places) and skypilot catalogs/v6/do/vms.csv (2025)]
      boot disk local                  included                      $0.00
      ipv4 included                    included                      $0.00
      load balancer http               1 × $0.017857143/h            $1.29
          72 started hours × $12 / 672 h   [DigitalOcean docs: Load Balancers Pricing (last edited 28 Feb 2025) (2025-02-28)]
      volume volume                    10 GiB × $0.00014881/h        $0.11
          720 GiB-hours × $0.1 / 672 h   [DigitalOcean docs: Volume Pricing (last edited 14 Nov 2025) (2025-11-14)]
      total for 3d, at $0.09 an hour                                $6.54
    --- stderr
    --- exit 0
    ");
}

#[test]
fn without_an_account_the_list_prices() {
    let bench = Bench::new();
    let said = said(
        alone(&bench)
            .args(["prices", "first-steps"])
            .output()
            .unwrap(),
    )
    .ok();
    assert!(
        said.stdout.contains("list price, no account asked"),
        "{}",
        said.stdout
    );
    assert!(said.stdout.contains("2 × s-2vcpu-4gb"), "{}", said.stdout);
}

#[test]
fn as_json() {
    let bench = Bench::new();
    let view = bench.run(&["prices", "cka", "-o", "json"]).ok().json();
    assert_keys(&view, &["quotes"]);
    for quote in view["quotes"].as_array().unwrap() {
        assert_keys(quote, &QUOTE);
        for item in quote["items"].as_array().unwrap() {
            assert_keys(item, &ITEM);
        }
    }
    assert_no_floats(&view);
}

#[test]
fn a_wish_that_cannot_be_had_is_a_row_with_a_reason() {
    let bench = Bench::new();
    let big = write(&bench, "big.toml", &PROFILE.replace("cpu = 2", "cpu = 64"));
    let said = bench.run(&["prices", &big, "-o", "json"]).ok();
    let quote = &said.json()["quotes"][0];
    assert_eq!(quote["allowed"], false);
    assert!(
        quote["reason"].as_str().unwrap().contains("64 CPUs"),
        "{quote}"
    );
}
