//! `show`: one lease with its history and money.

use super::{LEASE, assert_keys, assert_no_floats, run};
use crate::support::Bench;

#[test]
fn a_life() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.advance("1h");
    bench.tick().ok();
    insta::assert_snapshot!(run(&bench, "show lab"), @"
    name        lab
    lease       <lease-id>
    status      ready
    cluster     lab on digitalocean in nyc1
    nodes       2 × s-2vcpu-4gb
    kubernetes  1.35.1-do.0
    created     1h 5m ago
    expires     in 2h 54m (2026-01-05T12:00:00Z)
    cost        $0.07 so far, $0.07 an hour, $0.21 held
    endpoint    https://127.0.0.1:PORT

    AT                    EVENT     WHAT                                          DETAIL
    2026-01-05T08:00:00Z  planned   cluster lab
    2026-01-05T08:00:00Z  started   step 0
    2026-01-05T08:00:00Z  accepted  cluster 08b4fda8-c892-450e-a3bb-5b72ae9ba855
    2026-01-05T08:05:30Z  ready     step 0
    --- stderr
    --- exit 0
    ");
    bench.run(&["delete", "lab"]).ok();
    insta::assert_snapshot!(run(&bench, "show lab"), @"
    name        lab
    lease       <lease-id>
    status      ended
    cluster     lab on digitalocean in nyc1
    nodes       2 × s-2vcpu-4gb
    kubernetes  1.35.1-do.0
    created     1h 7m ago
    ended       now (2026-01-05T09:07:07Z)
    cost        $0.07 so far, $0.00 an hour, $0.00 held
    reason      asked
    endpoint    https://127.0.0.1:PORT

    AT                    EVENT       WHAT                                          DETAIL
    2026-01-05T08:00:00Z  planned     cluster lab
    2026-01-05T08:00:00Z  started     step 0
    2026-01-05T08:00:00Z  accepted    cluster 08b4fda8-c892-450e-a3bb-5b72ae9ba855
    2026-01-05T08:05:30Z  ready       step 0
    2026-01-05T09:05:30Z  destroying  cluster 08b4fda8-c892-450e-a3bb-5b72ae9ba855
    2026-01-05T09:06:47Z  destroying  droplet 500000007
    2026-01-05T09:06:47Z  destroying  droplet 500000008
    2026-01-05T09:06:47Z  destroying  cluster 08b4fda8-c892-450e-a3bb-5b72ae9ba855
    2026-01-05T09:06:47Z  destroyed   cluster 08b4fda8-c892-450e-a3bb-5b72ae9ba855
    2026-01-05T09:06:52Z  destroying  tag kubelease-lease:<lease-id>
    2026-01-05T09:06:52Z  destroying  tag kubelease-expires:<lease-id>:1767614400
    2026-01-05T09:06:52Z  destroying  droplet 500000007
    2026-01-05T09:06:52Z  destroying  droplet 500000008
    2026-01-05T09:06:52Z  destroyed   droplet 500000007
    2026-01-05T09:06:52Z  destroyed   droplet 500000008
    2026-01-05T09:06:57Z  destroying  tag kubelease-lease:<lease-id>
    2026-01-05T09:06:57Z  destroying  tag kubelease-expires:<lease-id>:1767614400
    2026-01-05T09:06:57Z  destroyed   tag kubelease-lease:<lease-id>
    2026-01-05T09:06:57Z  destroyed   tag kubelease-expires:<lease-id>:1767614400
    --- stderr
    --- exit 0
    ");
}

#[test]
fn as_json() {
    let bench = Bench::new();
    let made = bench.create("digitalocean", "lab").ok().json();
    let id = made["lease"]["id"].as_str().unwrap();
    let view = bench.run(&["show", id, "-o", "json"]).ok().json();
    assert_keys(&view, &["lease", "journal"]);
    assert_keys(&view["lease"], &LEASE);
    for entry in view["journal"].as_array().unwrap() {
        assert_keys(entry, &["at", "step", "event", "kind", "id", "detail"]);
    }
    assert_no_floats(&view);
}

#[test]
fn an_unknown_name_lists_the_known_ones() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    insta::assert_snapshot!(run(&bench, "show lap"), @"
    --- stderr
    error: there is no lease `lap`
    hint: there are: lab
    --- exit 7
    ");
}
