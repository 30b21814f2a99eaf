//! Who we are, on which plan, and what is left of the credit. Asks nothing that costs money: Cost
//! Explorer bills every request.

use chrono::{DateTime, Utc};
use kubelease_core::{Account, CreditReading, Error, Kind, Money};
use kubelease_http::Effect;
use serde::Deserialize;
use serde_json::json;

use super::quotas;
use crate::api::wire::{Caller, Wrapped};
use crate::api::{Api, Call};
use crate::config::Service;

const CALL: &str = "freetier:GetAccountPlanState";

/// What the free tier says of the account.
#[derive(Debug)]
pub(super) enum Plan {
    Known(PlanState),
    /// The account is older than plans, or may not ask.
    Unknown(String),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlanState {
    #[serde(default)]
    account_plan_type: String,
    #[serde(default)]
    account_plan_status: String,
    account_plan_remaining_credits: Option<Amount>,
    account_plan_expiration_date: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Amount {
    /// Its digits are read as they are written: money is no float.
    amount: serde_json::Number,
    #[serde(default)]
    unit: String,
}

impl PlanState {
    pub(super) fn is_free(&self) -> bool {
        self.account_plan_type == "FREE"
    }

    fn remaining(&self) -> Option<Money> {
        let left = self.account_plan_remaining_credits.as_ref()?;
        let dollars = left.unit.is_empty() || left.unit == "USD";
        left.amount.to_string().parse().ok().filter(|_| dollars)
    }

    fn ends(&self) -> Option<DateTime<Utc>> {
        self.account_plan_expiration_date.as_deref()?.parse().ok()
    }
}

/// Asks for the account's plan. Only wrong credentials are an error: older accounts have no plan, and a
/// role need not be allowed to ask.
pub(super) async fn plan(api: &Api) -> Result<Plan, Error> {
    let place = (Service::FreeTier, api.config.region.as_str());
    let target = "AWSFreeTierService.GetAccountPlanState";
    let (operation, effect) = ("read account plan", Effect::Repeatable);
    match api.json(place, target, operation, &json!({}), effect).await {
        Ok(answer) => match serde_json::from_value(answer) {
            Ok(state) => Ok(Plan::Known(state)),
            Err(_) => Ok(Plan::Unknown("plan not understood".to_owned())),
        },
        Err(error) if error.kind == Kind::Unauthenticated => Err(error),
        Err(error) if error.is_not_found() => {
            Ok(Plan::Unknown("no plan (older account)".to_owned()))
        }
        Err(error) if error.kind == Kind::PermissionDenied => Ok(Plan::Unknown(format!(
            "plan unknown: no permission for {CALL}"
        ))),
        Err(error) => Ok(Plan::Unknown(format!("plan unknown: {}", error.message))),
    }
}

/// The account.
pub(crate) async fn account(api: &Api) -> Result<Account, Error> {
    let (action, operation) = ("GetCallerIdentity", "read identity");
    let call = Call::read(
        Service::Sts,
        &api.config.region,
        action,
        operation,
        "sts:GetCallerIdentity",
    );
    let (caller, plan, limits) = tokio::join!(
        api.ask::<Wrapped<Caller>>(call),
        plan(api),
        Box::pin(quotas::limits(api))
    );
    let caller = caller?.result;
    let (status, credit) = match plan? {
        Plan::Known(state) => (
            format!(
                "{} plan, {}",
                state.account_plan_type, state.account_plan_status
            ),
            CreditReading {
                remaining: state.remaining(),
                month_to_date: None,
                expires_at: state.ends(),
                source: CALL.to_owned(),
            },
        ),
        Plan::Unknown(why) => (
            why,
            CreditReading {
                source: CALL.to_owned(),
                ..CreditReading::default()
            },
        ),
    };
    let credential_expires_at = api.keys.expires_at().await;
    let status = match credential_expires_at {
        None if api.keys.are_of_a_session().await => {
            format!("{status}; session credentials, which end within 36 hours and do not say when")
        }
        _ => status,
    };
    Ok(Account {
        identity: format!("{} (account {})", caller.arn, caller.account),
        status,
        credential_expires_at,
        limits,
        credit,
    })
}
