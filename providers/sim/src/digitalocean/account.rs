//! `/v2/account` and the balance. The API never tells the credit or its end as such, only sums: a negative balance is credit left.

use serde_json::json;

use super::call::{Call, Desk, Outcome};
use super::credentials::EMAIL;
use super::pool_wish::DROPLET_LIMIT;
use super::view::stamp;
use super::{ME, bill};
use crate::message::Reply;
use crate::meter::{Line, Month};
use crate::money::Nanos;

pub(super) fn account(desk: &mut Desk<'_>, _: &Call<'_>) -> Outcome {
    let account = desk.core.account(ME);
    let status = account.status.as_deref().unwrap_or("active");
    Ok(Reply::json(
        200,
        &json!({"account": {
            "droplet_limit": account.quota("droplets", DROPLET_LIMIT), "floating_ip_limit": 3, "reserved_ip_limit": 3,
            "volume_limit": account.quota("volumes", 10), "email": EMAIL, "name": "Learner", "uuid": desk.state.account_uuid,
            "email_verified": true, "status": status, "status_message": if status == "active" { "" } else { status },
            "team": {"uuid": desk.state.team_uuid, "name": "My Team"},
        }}),
    ))
}

/// The bill until a moment.
pub(super) fn lines(desk: &Desk<'_>, until: chrono::DateTime<chrono::Utc>) -> Vec<Line> {
    bill::bill(&desk.core.meter.usages(ME, until))
}

fn sum(lines: &[Line], fits: impl Fn(Month) -> bool) -> Nanos {
    lines
        .iter()
        .filter(|l| fits(l.month))
        .map(|l| l.amount)
        .sum()
}

/// Credit that ended unused, once it has ended.
pub(super) fn expired(desk: &Desk<'_>) -> Option<(chrono::DateTime<chrono::Utc>, Nanos)> {
    let account = desk.core.account(ME);
    let (credit, end) = account.credit.zip(account.expires_at)?;
    let left = credit - sum(&lines(desk, end), |_| true);
    (end <= desk.core.now() && left > Nanos::ZERO).then_some((end, left))
}

/// What the finished months and the credit make: positive is owed, negative is credit left.
pub(super) fn balance(desk: &mut Desk<'_>, _: &Call<'_>) -> Outcome {
    let now = desk.core.now();
    let lines = lines(desk, now);
    let this = Month::of(now);
    let usage = sum(&lines, |month| month == this);
    let credit = desk.core.account(ME).credit.unwrap_or_default();
    let lost = expired(desk).map_or(Nanos::ZERO, |(_, left)| left);
    let account = sum(&lines, |month| month < this) - credit + lost;
    Ok(Reply::json(
        200,
        &json!({
            "month_to_date_balance": (account + usage).cents(), "account_balance": account.cents(),
            "month_to_date_usage": usage.cents(), "generated_at": stamp(now),
        }),
    ))
}
