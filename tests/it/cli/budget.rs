//! `budget`: the free credit of each cloud.

use super::{CREDIT, assert_keys, assert_no_floats, run};
use crate::support::{Bench, money};

#[test]
fn assumed_then_declared() {
    let bench = Bench::new();
    insta::assert_snapshot!(run(&bench, "budget"), @"
    PROVIDER       CREDIT  SPENT   HELD  AVAILABLE     BURN  RUNWAY  FIRST    ENDS                  SOURCE
    gke           $300.00  $0.00  $0.00    $294.00  $0.00/h  90d     expired  2026-04-05 (in 90d)   assumed: Google Cloud Free Trial
    eks           $200.00  $0.00  $0.00    $160.00  $0.00/h  183d    expired  2026-07-07 (in 183d)  assumed: AWS Free Tier credits (accounts since 2025-07-15)
    aks           $200.00  $0.00  $0.00    $196.00  $0.00/h  30d     expired  2026-02-04 (in 30d)   assumed: Azure free account credit
    digitalocean  $200.00  $0.00  $0.00    $190.00  $0.00/h  60d     expired  2026-03-06 (in 60d)   assumed: DigitalOcean sign-up credit
    linode        $100.00  $0.00  $0.00     $95.00  $0.00/h  60d     expired  2026-03-06 (in 60d)   assumed: Akamai Cloud promotional credit
    vultr         $250.00  $0.00  $0.00    $237.50  $0.00/h  30d     expired  2026-02-04 (in 30d)   assumed: Vultr sign-up promotion
    --- stderr
    --- exit 0
    ");
    insta::assert_snapshot!(run(&bench, "budget set digitalocean 50 --days 30 --from 2026-01-01"), @"
    PROVIDER       CREDIT  SPENT   HELD  AVAILABLE     BURN  RUNWAY   FIRST    ENDS                     SOURCE
    gke           $300.00  $0.00  $0.00    $294.00  $0.00/h  90d      expired  2026-04-05 (in 90d)      assumed: Google Cloud Free Trial
    eks           $200.00  $0.00  $0.00    $160.00  $0.00/h  183d     expired  2026-07-07 (in 183d)     assumed: AWS Free Tier credits (accounts since 2025-07-15)
    aks           $200.00  $0.00  $0.00    $196.00  $0.00/h  30d      expired  2026-02-04 (in 30d)      assumed: Azure free account credit
    digitalocean   $50.00  $0.00  $0.00     $47.50  $0.00/h  25d 16h  expired  2026-01-31 (in 25d 16h)  declared
    linode        $100.00  $0.00  $0.00     $95.00  $0.00/h  60d      expired  2026-03-06 (in 60d)      assumed: Akamai Cloud promotional credit
    vultr         $250.00  $0.00  $0.00    $237.50  $0.00/h  30d      expired  2026-02-04 (in 30d)      assumed: Vultr sign-up promotion
    --- stderr
    --- exit 0
    ");
    bench.create("digitalocean", "lab").ok();
    bench.advance("1h");
    bench.tick().ok();
    insta::assert_snapshot!(run(&bench, "budget"), @"
    PROVIDER       CREDIT  SPENT   HELD  AVAILABLE     BURN  RUNWAY   FIRST    ENDS                     SOURCE
    gke           $300.00  $0.00  $0.00    $294.00  $0.00/h  90d      expired  2026-04-05 (in 90d)      assumed: Google Cloud Free Trial
    eks           $200.00  $0.00  $0.00    $160.00  $0.00/h  183d     expired  2026-07-07 (in 183d)     assumed: AWS Free Tier credits (accounts since 2025-07-15)
    aks           $200.00  $0.00  $0.00    $196.00  $0.00/h  30d      expired  2026-02-04 (in 30d)      assumed: Azure free account credit
    digitalocean   $50.00  $0.07  $0.21     $47.21  $0.07/h  25d 14h  expired  2026-01-31 (in 25d 14h)  declared
    linode        $100.00  $0.00  $0.00     $95.00  $0.00/h  60d      expired  2026-03-06 (in 60d)      assumed: Akamai Cloud promotional credit
    vultr         $250.00  $0.00  $0.00    $237.50  $0.00/h  30d      expired  2026-02-04 (in 30d)      assumed: Vultr sign-up promotion
    --- stderr
    --- exit 0
    ");
}

#[test]
fn as_json() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let view = bench.run(&["budget", "-o", "json"]).ok().json();
    assert_keys(&view, &["credits", "shares"]);
    let credit = &view["credits"][0];
    assert_keys(credit, &CREDIT);
    assert_no_floats(&view);
    let parts = money(&credit["spent"])
        + money(&credit["held"])
        + money(&credit["available"])
        + money(&credit["margin"]);
    assert_eq!(parts.to_string(), credit["amount"].as_str().unwrap());
}

#[test]
fn what_is_no_credit() {
    let bench = Bench::new();
    insta::assert_snapshot!(run(&bench, "budget set digitalocean 5,0"), @r#"
    --- stderr
    error: invalid value '5,0' for '<AMOUNT>': `,` is not allowed in an amount: write dollars with a point, for example "2.00"

    For more information, try '--help'.
    --- exit 2
    "#);
    bench
        .run(&["budget", "set", "digitalocean", "--", "-5"])
        .code(2);
    bench.run(&["budget", "set", "digitalocean", "1e3"]).code(2);
    bench
        .run(&["budget", "set", "digitalocean", "0.0000000001"])
        .code(2);
    insta::assert_snapshot!(run(&bench, "budget set digitalocean 5 --from yesterday"), @"
    --- stderr
    error: `yesterday` is no date
    hint: use 2026-11-01 or 2026-11-01T08:00:00Z
    --- exit 2
    ");
    insta::assert_snapshot!(run(&bench, "budget set digitalocean 5 --days 1 --from 2020-01-01"), @"
    PROVIDER       CREDIT  SPENT   HELD  AVAILABLE     BURN  RUNWAY  FIRST    ENDS                       SOURCE
    gke           $300.00  $0.00  $0.00    $294.00  $0.00/h  90d     expired  2026-04-05 (in 90d)        assumed: Google Cloud Free Trial
    eks           $200.00  $0.00  $0.00    $160.00  $0.00/h  183d    expired  2026-07-07 (in 183d)       assumed: AWS Free Tier credits (accounts since 2025-07-15)
    aks           $200.00  $0.00  $0.00    $196.00  $0.00/h  30d     expired  2026-02-04 (in 30d)        assumed: Azure free account credit
    digitalocean    $5.00  $0.00  $0.00      $0.00  $0.00/h  0s      expired  2020-01-02 (2195d 8h ago)  declared
    linode        $100.00  $0.00  $0.00     $95.00  $0.00/h  60d     expired  2026-03-06 (in 60d)        assumed: Akamai Cloud promotional credit
    vultr         $250.00  $0.00  $0.00    $237.50  $0.00/h  30d     expired  2026-02-04 (in 30d)        assumed: Vultr sign-up promotion
    --- stderr
    warning: this credit of digitalocean has ended already
    --- exit 0
    ");
}
