//! Service Quotas, as far as machines go: how many virtual processors may run, on demand and as spot, each by itself. What is
//! shown is what a launch is held against. Changing quotas is not played.
//!
//! `vcpus` of the account's settings is the on-demand quota (32 unless set: that of young accounts varies), `spot_vcpus` that of spot (as
//! much as on demand unless set).

use serde_json::{Value, json};

use super::call::{ACCOUNT, Call, Desk};
use super::machines::is_going;
use super::state::{Kind, Thing};
use super::wire::{Outcome, refused};
use super::{ME, prices};

/// A quota on running machines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quota {
    code: &'static str,
    name: &'static str,
    spot: bool,
}

/// Machines of the standard families; no other family is sold here.
const QUOTAS: [Quota; 2] = [
    Quota {
        code: "L-1216C47A",
        name: "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
        spot: false,
    },
    Quota {
        code: "L-34B43A08",
        name: "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests",
        spot: true,
    },
];

/// What AWS gives a new account.
const DEFAULT: u64 = 5;

/// How many virtual processors of a purchase may run in a region.
fn most(desk: &Desk<'_>, spot: bool) -> u64 {
    let account = desk.core.account(ME);
    let on_demand = account.quota("vcpus", 32);
    if spot {
        account.quota("spot_vcpus", on_demand)
    } else {
        on_demand
    }
}

/// Whether so many more virtual processors fit.
pub(super) fn has_room(desk: &Desk<'_>, region: &str, spot: bool, more: u32) -> bool {
    let is_spot = |i: &Thing| i.text("instanceLifecycle") == "spot";
    let running = desk
        .state
        .of(Kind::Instance)
        .filter(|i| i.region == region && !is_going(i) && is_spot(i) == spot);
    let have: u32 = running
        .filter_map(|i| prices::size(i.text("instanceType")))
        .map(|s| s.vcpus)
        .sum();
    u64::from(have + more) <= most(desk, spot)
}

/// Why a launch over the quota fails, in the words of a scaling activity.
pub(super) fn refusal(spot: bool) -> String {
    let words = if spot {
        "MaxSpotInstanceCountExceeded - Max spot instance count exceeded."
    } else {
        "VcpuLimitExceeded - You have requested more vCPU capacity than your current vCPU limit allows for the instance bucket that the specified instance type belongs to."
    };
    format!("{words} Launching EC2 instance failed.")
}

fn view(quota: Quota, region: &str, value: u64) -> Value {
    let Quota { code, name, .. } = quota;
    // A double by the description, written the way AWS writes it.
    let value: Value = serde_json::from_str(&format!("{value}.0")).unwrap_or_default();
    json!({
        "ServiceCode": "ec2", "ServiceName": "Amazon Elastic Compute Cloud (Amazon EC2)", "QuotaCode": code, "QuotaName": name,
        "QuotaArn": format!("arn:aws:servicequotas:{region}:{ACCOUNT}:ec2/{code}"), "Value": value, "Unit": "None",
        "Adjustable": true, "GlobalQuota": false, "QuotaAppliedAtLevel": "ACCOUNT",
    })
}

/// The quota that a call names.
fn named(call: &Call<'_>) -> Result<Quota, super::wire::Refused> {
    let (service, code) = (call.text("ServiceCode"), call.text("QuotaCode"));
    for (field, value) in [("serviceCode", service), ("quotaCode", code)] {
        if value.is_empty() {
            let words = format!(
                "1 validation error detected: Value null at '{field}' failed to satisfy constraint: Member must not be null"
            );
            return Err(refused(400, "ValidationException", words));
        }
    }
    let found = QUOTAS.into_iter().find(|q| q.code == code);
    found.filter(|_| service == "ec2").ok_or_else(|| {
        let words = "The request failed because the specified service quota does not exist.";
        refused(400, "NoSuchResourceException", words)
    })
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let quota = named(call)?;
    let value = most(desk, quota.spot);
    Ok(json!({"Quota": view(quota, &call.region, value)}))
}

pub(super) fn default(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let quota = named(call)?;
    Ok(json!({"Quota": view(quota, &call.region, DEFAULT)}))
}

/// All quotas of a service, of which EC2's are those above; another service's are not played and so none.
pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let ec2 = call.text("ServiceCode") == "ec2";
    let all: Vec<Value> = QUOTAS
        .into_iter()
        .filter(|_| ec2)
        .map(|q| view(q, &call.region, most(desk, q.spot)))
        .collect();
    Ok(json!({"Quotas": all}))
}
