//! `doctor`: who we are, what we may do, and whether anybody watches.

use serde_json::json;

use super::{account, alone, assert_keys, plain, run};
use crate::support::{Bench, said};

#[test]
fn healthy() {
    let bench = Bench::new();
    insta::assert_snapshot!(run(&bench, "doctor"), @"
    gke  project active; billed to billingAccounts/01A2B3-C4D5E6-F70819; fixed access token, at most an hour
      identity    project simulated-project (simulated-project)
      credential  no end known
      quota       CPUS in us-central1: 0 of 72 in use
      quota       IN_USE_ADDRESSES in us-central1: 0 of 69 in use
      quota       INSTANCES in us-central1: 0 of 720 in use
      quota       DISKS_TOTAL_GB in us-central1: 0 of 4096 in use
      quota       SSD_TOTAL_GB in us-central1: 0 of 2048 in use
      this month  - (no API tells what is left of the free trial: see https://console.cloud.google.com/billing)
    eks  no plan (older account)
      identity    arn:aws:iam::111122223333:user/learner (account 111122223333)
      credential  no end known
      quota       vCPU limit for running on-demand standard instances (L-1216C47A) in us-east-1: 0 of 32 in use
      quota       vCPU limit for standard spot instances (L-34B43A08) in us-east-1: 0 of 32 in use
      this month  - (freetier:GetAccountPlanState)
    aks  Enabled, PayAsYouGo_2014-09-01
      identity    Simulated subscription (5eed0000-0000-4000-8000-0000000000a5)
      credential  no end known
      quota       Total Regional vCPUs, as nodes of 2 vCPUs in the region with the most room: 0 of 10 in use
      quota       Total Regional vCPUs in eastus: 0 of 20 in use
      this month  - (Azure has no call for the credit of a free account (the portal shows it): the grant minus our own ledger counts)
    digitalocean  active
      identity    learner@example.com (team My Team)
      credential  no end known
      quota       droplet_limit: 0 of 10 in use
      this month  0 (GET /v2/customers/my/balance of 2026-01-05T08:00:00Z)
    linode  active since 2026-01-05
      identity    learner@example.com
      credential  no end known
      this month  0 (GET /v4/account: active_promotions and balance)
    vultr  active
      identity    learner@example.com (Learner)
      credential  no end known
      this month  0 (GET /v2/account)
    ledger  HOME/ledger.db
    clock   2026-01-05T08:00:00Z (simulated)
    guard   never seen
    --- stderr
    --- exit 0
    ");
    let view = bench.run(&["doctor", "-o", "json"]).ok().json();
    assert_keys(
        &view,
        &["clouds", "ledger", "clock", "simulated", "guard_last_seen"],
    );
}

#[test]
fn nobody_watches() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let said = bench.run(&["doctor"]).code(9);
    insta::assert_snapshot!(plain(&bench, &said.stderr), @"warning: 1 lease(s) and no guard in the last hour: install one with `kubelease guard install --apply`");
    bench.tick().ok();
    bench.run(&["doctor"]).ok();
}

#[test]
fn a_locked_account_and_a_wrong_token() {
    let bench = Bench::new();
    account(&bench, &json!({ "status": "locked" }));
    let said = bench.run(&["doctor", "digitalocean"]).ok();
    assert!(
        said.stdout.starts_with("digitalocean  locked"),
        "{}",
        said.stdout
    );
    account(
        &bench,
        &json!({ "tokens": [{ "token": "other", "scopes": ["*"] }] }),
    );
    insta::assert_snapshot!(run(&bench, "doctor digitalocean"), @"
    digitalocean  error
      read account on digitalocean failed: Unable to authenticate you. (Unauthenticated, request ID)
    ledger  HOME/ledger.db
    clock   2026-01-05T08:00:00Z (simulated)
    guard   never seen
    --- stderr
    --- exit 4
    ");
}

#[test]
fn no_credentials_are_no_fault_until_asked_for() {
    let bench = Bench::new();
    let all = said(alone(&bench).args(["doctor"]).output().unwrap()).ok();
    assert!(
        all.stdout.contains("digitalocean  no credentials"),
        "{}",
        all.stdout
    );
    assert!(
        all.stdout.contains("set DIGITALOCEAN_ACCESS_TOKEN"),
        "{}",
        all.stdout
    );
    said(
        alone(&bench)
            .args(["doctor", "digitalocean"])
            .output()
            .unwrap(),
    )
    .code(4);
    // A cloud that this build does not have, or that does not exist.
    bench.run(&["doctor", "hetzner"]).code(2);
}

/// How long the credentials live, and that a lease outlives them.
#[test]
fn credentials_that_end() {
    let bench = Bench::new();
    bench.create("eks", "lab").ok();
    bench.tick().ok();
    let keys = [
        ("AWS_ACCESS_KEY_ID", "simulated"),
        ("AWS_SECRET_ACCESS_KEY", "simulated"),
        ("AWS_SESSION_TOKEN", "session-canary"),
    ];
    let doctor = |more: &[(&str, &str)]| {
        let mut command = bench.command();
        command.envs(keys).envs(more.iter().copied());
        said(command.args(["doctor", "eks"]).output().unwrap())
    };
    let silent = doctor(&[]).ok();
    assert!(
        silent.stdout.contains("credential  no end known"),
        "{}",
        silent.stdout
    );
    assert!(
        silent.stdout.contains("do not say when"),
        "{}",
        silent.stdout
    );
    let short = doctor(&[("AWS_CREDENTIAL_EXPIRATION", "2026-01-05T11:00:00Z")]).code(9);
    assert!(
        short.stdout.contains("(2026-01-05T11:00:00Z)"),
        "{}",
        short.stdout
    );
    assert!(
        short.stdout.contains("credential  ends in 2h"),
        "{}",
        short.stdout
    );
    assert!(
        short.stderr.contains("before the lease lab"),
        "{}",
        short.stderr
    );
    let long = doctor(&[("AWS_CREDENTIAL_EXPIRATION", "2026-01-05T20:00:00Z")]).ok();
    assert!(!long.stderr.contains("before the lease"), "{}", long.stderr);
}
