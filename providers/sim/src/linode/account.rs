//! `/account` and `/profile`: who the customer is, what is owed, and what is left of the promotional credit, with its end.
//!
//! The credit pays what was used in months that ended while it was valid. Until then it is shown shrinking as use accrues (assumption: the
//! specification says neither when it is taken off). Taxes do not exist here.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, one};
use super::view::{number, stamp};
use super::{ME, bill, paging};
use crate::message::Reply;
use crate::meter::{Line, Month};
use crate::money::Nanos;

/// Who acts.
pub(super) const USER: &str = "learner";
const EMAIL: &str = "learner@example.com";

/// The bill until now.
pub(super) fn lines(desk: &Desk<'_>) -> Vec<Line> {
    bill::bill(&desk.core.meter.usages(ME, desk.core.now()))
}

fn sum(lines: &[Line], fits: impl Fn(Month) -> bool) -> Nanos {
    let fitting = lines.iter().filter(|l| fits(l.month));
    fitting.map(|l| l.amount).sum()
}

/// Money of the account in one moment.
struct Money {
    /// Owed for finished months, after what the credit paid.
    owed: Nanos,
    /// Used in the current month.
    uninvoiced: Nanos,
    /// Left of the credit, while it is valid.
    left: Option<Nanos>,
}

fn money(desk: &Desk<'_>) -> Money {
    let (now, lines) = (desk.core.now(), lines(desk));
    let account = desk.core.account(ME);
    let this = Month::of(now);
    let credit = account.credit.unwrap_or_default();
    let pays = |month: Month| account.expires_at.is_none_or(|end| month.end() <= end);
    let paid = sum(&lines, |m| m < this && pays(m)).min(credit);
    let valid = account.expires_at.is_none_or(|end| now < end);
    let used = sum(&lines, |m| m == this || pays(m)).min(credit);
    Money {
        owed: sum(&lines, |m| m < this) - paid,
        uninvoiced: sum(&lines, |m| m == this),
        left: (valid && account.credit.is_some()).then(|| credit - used),
    }
}

/// The promotion, while it is valid and not used up.
fn promotions(desk: &Desk<'_>, left: Option<Nanos>) -> Vec<Value> {
    let account = desk.core.account(ME);
    let Some(left) = left.filter(|left| *left > Nanos::ZERO) else {
        return Vec::new();
    };
    let credit = account.credit.unwrap_or_default().cents();
    let mut promotion = json!({
        "credit_monthly_cap": credit, "credit_remaining": left.cents(), "this_month_credit_remaining": left.cents(),
        "description": format!("Receive ${credit} in free credit to use on any services."), "summary": format!("${credit} free credit"),
        "image_url": "https://example.com/promotion.svg", "service_type": "all",
    });
    if let Some(end) = account.expires_at {
        promotion["expire_dt"] = json!(stamp(end));
    }
    vec![promotion]
}

pub(super) fn account(desk: &mut Desk<'_>, _: &Call<'_>) -> Outcome {
    let money = money(desk);
    let capabilities = [
        "Linodes",
        "NodeBalancers",
        "Block Storage",
        "Object Storage",
        "Kubernetes",
        "Kubernetes Enterprise",
        "LKE HA Control Planes",
        "Cloud Firewall",
        "VPCs",
    ];
    one(&json!({
        "active_promotions": promotions(desk, money.left), "active_since": stamp(desk.core.started_at()),
        "balance": number(money.owed), "balance_uninvoiced": number(money.uninvoiced), "billing_source": "linode",
        "capabilities": capabilities, "email": EMAIL, "euuid": "E1AF5EEC-526F-487D-B317EBEB34C87D71", "first_name": "Lee", "last_name": "Learner",
        "company": "", "address_1": "", "address_2": "", "city": "", "state": "", "zip": "", "country": "US", "phone": "", "tax_id": "",
        "credit_card": {"expiry": "01/2030", "last_four": "1111"},
    }))
}

/// Nobody is restricted: no content says all is granted.
pub(super) fn grants(_: &mut Desk<'_>, _: &Call<'_>) -> Outcome {
    Ok(Reply::empty(204))
}

pub(super) fn profile(_: &mut Desk<'_>, _: &Call<'_>) -> Outcome {
    one(&json!({
        "username": USER, "uid": 1_234, "email": EMAIL, "restricted": false, "timezone": "GMT", "email_notifications": false,
        "two_factor_auth": true, "ip_whitelist_enabled": false, "lish_auth_method": "disabled", "authentication_type": "password",
        "authorized_keys": null, "verified_phone_number": null, "tfa_enforced": false,
        "referrals": {"code": "0", "completed": 0, "credit": 0, "pending": 0, "total": 0, "url": "https://example.com/?r=0"},
    }))
}

pub(super) fn settings(_: &mut Desk<'_>, _: &Call<'_>) -> Outcome {
    one(&json!({
        "backups_enabled": false, "interfaces_for_new_linodes": "legacy_config_default_but_linode_allowed", "longview_subscription": "",
        "managed": false, "network_helper": true, "object_storage": "disabled", "maintenance_policy": "linode/migrate", "tfa_enforced": false,
    }))
}

/// Nothing is transferred here; what plans include is not counted either.
pub(super) fn transfer(_: &mut Desk<'_>, _: &Call<'_>) -> Outcome {
    one(&json!({"billable": 0, "quota": 0, "used": 0, "region_transfers": []}))
}

/// Nobody has paid anything: what the credit does not cover is owed.
pub(super) fn payments(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, &[], &[] as &[()], |()| Value::Null)
}

pub(super) fn notifications(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let locked = desk.core.account(ME).status.is_some();
    let notice = json!({
        "type": "ticket_important", "severity": "critical", "label": "Your account is restricted", "message": "Please contact support.",
        "body": null, "when": null, "until": null,
        "entity": {"id": null, "label": null, "type": "account", "url": "/account"},
    });
    let all: &[Value] = if locked { &[notice] } else { &[] };
    paging::page(call, &[], all, Value::clone)
}
