//! `prices`: what a profile costs, side by side.

use super::{ITEM, PROFILE, QUOTE, alone, assert_keys, assert_no_floats, run, write};
use crate::support::{Bench, said};

#[test]
fn side_by_side() {
    let bench = Bench::new();
    insta::assert_snapshot!(run(&bench, "prices workloads --ttl 3d --explain"), @"
    PROVIDER      REGION   NODES                HOURLY  3D TOTAL  PER DAY  RUNWAY   NOTE
    digitalocean  nyc1     2 × s-2vcpu-4gb    $0.09077     $6.54    $2.18  60d      $6.54 until its end is over the budget of $3.00
    linode        us-east  2 × g6-standard-2   $0.0885     $6.37    $2.12  44d 17h  $6.37 until its end is over the budget of $3.00
    vultr         ewr      2 × vc2-2c-4gb     $0.07648     $5.51    $1.84  30d      $5.51 until its end is over the budget of $3.00

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

    linode in us-east: 2 × g6-standard-2 (2 CPU, 4 GiB), Kubernetes 1.35, for 3d
      control plane standard           included                      $0.00
      node g6-standard-2               2 × $0.036/h                  $5.18
          144 started hours × $0.036   [linode/linodego test/integration/fixtures/TestTypes_List.yaml (recorded GET /linode/types) (2024-07-11)]
      boot disk local                  included                      $0.00
      ipv4 node                        included                      $0.00
      load balancer nodebalancer       1 × $0.015/h                  $1.08
          72 started hours × $0.015   [linode/linodego fixtures TestNodeBalancerType_List.yaml (recorded GET /nodebalancers/types) (2025-08-22)]
      volume volume                    10 GiB × $0.00015/h           $0.11
          720 GiB-hours × $0.00015   [linode/linodego fixtures TestVolumeType_List.yaml (recorded GET /volumes/types) (2024-09-04)]
      total for 3d, at $0.09 an hour                                $6.37

    vultr in ewr: 2 × vc2-2c-4gb (2 CPU, 4 GiB), Kubernetes v1.35.0+1, for 3d
      control plane standard           included                      $0.00
      node vc2-2c-4gb                  2 × $0.03/h                   $4.32
          144 started hours × $0.03   [gmartindelc/mail-server-poc terraform/PLAN_IDS.md (dump of GET /v2/plans); Copy of vultr.com/pricing in fernandobandeira/djinn; rvnheaxf/vultr-pricing-analysis README (third-party copy of the price grid) (2026-07-18)]
      boot disk local                  included                      $0.00
      ipv4 node                        included                      $0.00
      load balancer load-balancer      1 × $0.015/h                  $1.08
          72 started hours × $0.015   [Copy of vultr.com/pricing in fernandobandeira/djinn; rvnheaxf/vultr-pricing-analysis README (third-party copy of the price grid) (2026-07-18)]
      volume nvme                      10 GiB × $0.00014881/h        $0.11
          720 GiB-hours × $0.1 / 672 h   [SpareCores/sc-crawler src/sc_crawler/vendors/_vultr.py (block storage, IPv4, traffic; cites Vultr docs); Copy of vultr.com/pricing in fernandobandeira/djinn (2026-07-15)]
      total for 3d, at $0.08 an hour                                $5.51
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
