//! `/v2/account`: the balance of finished months, negative while credit is left, and what this month has cost so far. Remaining credit is
//! `-balance - pending_charges`; when it ends is nowhere to be read.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::call::{Call, Desk, Outcome, keyed};
use super::view::{number, stamp};
use super::{ME, bill};
use crate::meter::{Line, Month};
use crate::money::Nanos;

const ACLS: [&str; 13] = [
    "manage_users",
    "subscriptions_view",
    "subscriptions",
    "billing",
    "support",
    "provisioning",
    "dns",
    "abuse",
    "upgrade",
    "firewall",
    "alerts",
    "objstore",
    "loadbalancer",
];

/// The bill until a moment.
pub(super) fn lines(desk: &Desk<'_>, until: DateTime<Utc>) -> Vec<Line> {
    bill::bill(&desk.core.meter.usages(ME, until))
}

pub(super) fn sum(lines: &[Line], fits: impl Fn(Month) -> bool) -> Nanos {
    let fitting = lines.iter().filter(|l| fits(l.month));
    fitting.map(|l| l.amount).sum()
}

/// Credit that ended unused, once it has ended.
pub(super) fn expired(desk: &Desk<'_>) -> Option<(DateTime<Utc>, Nanos)> {
    let account = desk.core.account(ME);
    let (credit, end) = account.credit.zip(account.expires_at)?;
    if end > desk.core.now() {
        return None;
    }
    let left = credit - sum(&lines(desk, end), |_| true);
    (left > Nanos::ZERO).then_some((end, left))
}

pub(super) fn account(desk: &mut Desk<'_>, _: &Call<'_>) -> Outcome {
    let now = desk.core.now();
    let lines = lines(desk, now);
    let this = Month::of(now);
    let credit = desk.core.account(ME).credit.unwrap_or_default();
    let lost = expired(desk).map_or(Nanos::ZERO, |(_, left)| left);
    let balance = sum(&lines, |month| month < this) - credit + lost;
    let pending = sum(&lines, |month| month == this);
    let account = json!({
        "name": "Learner", "email": "learner@example.com", "acls": ACLS, "balance": number(&balance.cents()),
        "pending_charges": number(&pending.cents()), "last_payment_date": stamp(desk.core.started_at()), "last_payment_amount": 0,
    });
    keyed(200, "account", account)
}
