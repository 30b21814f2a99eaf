//! Free credit, where an API has it: only billing accounts of the Microsoft Customer Agreement. A free trial is an older kind of
//! account (`MicrosoftOnlineServicesProgram`) and has no such API. Assumption: other offers are of the newer kind when the account's
//! settings name a credit.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, one, refused, stamp};
use super::{ME, bill, catalog, paging};
use crate::message::Reply;
use crate::money::Nanos;

/// The made-up billing account and profile.
const ACCOUNT: &str = "5eed0000-0000-4000-8000-0000000000b1";
const PROFILE: &str = "SIMP-0001-BG7-PGB";

/// An amount as a JSON number.
pub(super) fn number(amount: Nanos) -> Value {
    serde_json::from_str(&amount.to_string()).unwrap_or_default()
}

/// What was billed until now.
fn billed(desk: &Desk<'_>) -> Nanos {
    let usages = desk.core.meter.usages(ME, desk.core.now());
    bill::bill(&usages)
        .into_iter()
        .map(|line| line.amount)
        .sum()
}

/// Whether a credit was given and is used up.
pub(super) fn is_spent(desk: &Desk<'_>) -> bool {
    desk.core
        .account(ME)
        .credit
        .is_some_and(|credit| credit <= billed(desk))
}

/// The credit, if this account has an API for it.
fn credit(desk: &Desk<'_>) -> Option<Nanos> {
    let account = desk.core.account(ME);
    account.credit.filter(|_| !catalog::is_free_trial(account))
}

pub(super) fn accounts(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let id = format!("/providers/Microsoft.Billing/billingAccounts/{ACCOUNT}");
    let modern = credit(desk).is_some();
    let kind = if modern {
        "MicrosoftCustomerAgreement"
    } else {
        "MicrosoftOnlineServicesProgram"
    };
    let mut properties = json!({"displayName": "Simulated account", "agreementType": kind, "accountType": "Individual", "accountStatus": "Active"});
    let expanded = call
        .param("$expand")
        .is_some_and(|e| e.to_lowercase().contains("billingprofiles"));
    if modern && expanded {
        let profile = json!({"id": format!("{id}/billingProfiles/{PROFILE}"), "name": PROFILE, "properties": {"displayName": "Simulated profile", "currency": "USD"}});
        properties["billingProfiles"] = json!({"value": [profile]});
    }
    paging::page(
        call,
        vec![
            json!({"id": id, "name": ACCOUNT, "type": "Microsoft.Billing/billingAccounts", "properties": properties}),
        ],
    )
}

/// Refuses what is not the account's profile.
fn entered(call: &Call<'_>) -> Result<(), super::call::Refused> {
    if call.id(0) == ACCOUNT && call.id(1) == PROFILE {
        return Ok(());
    }
    Err(refused(
        404,
        "NotFound",
        "The billing profile could not be found.",
    ))
}

fn money(amount: Nanos) -> Value {
    json!({"currency": "USD", "value": number(amount)})
}

/// `currentBalance` is that of the last invoice (here: the whole grant); the estimate knows what was used since.
pub(super) fn summary(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    entered(call)?;
    let Some(credit) = credit(desk) else {
        return Ok(Reply::empty(204));
    };
    let used = billed(desk).min(credit);
    let (expired, left) = match desk.core.account(ME).expires_at {
        Some(end) if end <= desk.core.now() => (credit - used, Nanos::ZERO),
        _ => (Nanos::ZERO, credit - used),
    };
    one(&json!({"properties": {
        "balanceSummary": {"currentBalance": money(credit), "estimatedBalance": money(left)},
        "pendingCreditAdjustments": money(Nanos::ZERO), "expiredCredit": money(expired), "pendingEligibleCharges": money(used)}}))
}

pub(super) fn lots(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    entered(call)?;
    let Some(credit) = credit(desk) else {
        return paging::page(call, Vec::new());
    };
    let end = desk.core.account(ME).expires_at;
    let status = if end.is_some_and(|e| e <= desk.core.now()) {
        "Expired"
    } else {
        "Active"
    };
    let mut properties = json!({"originalAmount": money(credit), "closedBalance": money(credit), "source": "PromotionalCredit",
        "startDate": stamp(desk.core.started_at()), "poNumber": "", "status": status});
    if let Some(end) = end {
        properties["expirationDate"] = json!(stamp(end));
    }
    paging::page(call, vec![json!({"properties": properties})])
}
