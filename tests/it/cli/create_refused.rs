//! What refuses a `create` before anything is made: names, wishes, money, limits.

use serde_json::json;

use super::{CREDIT, PROFILE, account, assert_keys, plain, run, write};
use crate::support::Bench;

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
    hint: on another cloud it would fit: --provider gke ($0.19)
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
    hint: on another cloud it would fit: --provider gke ($0.19), --provider vultr ($0.24), --provider linode ($0.29), --provider aks ($0.48), --provider eks ($0.58)
    --- exit 5
    ");
    assert_eq!(bench.of_kind("cluster").len(), 0);
}

#[test]
fn a_credit_that_ended_yesterday() {
    let bench = Bench::new();
    let words = "budget set digitalocean 200 --days 1 --from 2026-01-03T08:00:00Z";
    let words: Vec<&str> = words.split(' ').collect();
    bench.run(&words).ok();
    let said = bench
        .run(&["create", "first-steps", "-p", "digitalocean"])
        .code(5);
    insta::assert_snapshot!(plain(&bench, said.stderr.split("error: ").nth(1).unwrap()), @"
    the digitalocean credit ended on 2026-01-04 08:00 UTC
    hint: take a smaller profile, or another cloud: kubelease prices
    hint: on another cloud it would fit: --provider gke ($0.19), --provider vultr ($0.24), --provider linode ($0.29), --provider aks ($0.48), --provider eks ($0.58)
    ");
    assert_eq!(bench.of_kind("cluster").len(), 0);
    let view = bench.run(&["budget", "-o", "json"]).ok().json();
    let credits = view["credits"].as_array().unwrap();
    let ours = credits
        .iter()
        .find(|c| c["provider"] == "digitalocean")
        .unwrap();
    assert_eq!(
        (ours["available"].as_str(), ours["ends_first"].as_str()),
        (Some("0"), Some("expired"))
    );
    assert_eq!(ours["runway_seconds"], 0);
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
    hint: on another cloud it would fit: --provider gke ($0.19), --provider vultr ($0.24), --provider linode ($0.29), --provider aks ($0.48), --provider eks ($0.58)
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
    hint: on another cloud it would fit: --provider gke ($0.19), --provider vultr ($0.24), --provider linode ($0.29), --provider aks ($0.48), --provider eks ($0.58)
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
