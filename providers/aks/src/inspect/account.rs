//! What kind of subscription it is and how much of its quotas is used. Judges no budget: the credit of a
//! free account is shown by no API.

use futures_util::future::join_all;
use kubelease_core::{Account, CreditReading, Error, Limit};

use crate::api::Api;
use crate::api::offers::{Quotas, Subscription};
use crate::prices::{self, REGIONS};

/// The least worker has two vCPUs (a system pool takes no smaller machine).
const LEAST_VCPUS: u32 = 2;

const NO_API: &str = "Azure has no call for the credit of a free account (the portal shows it): the grant minus our own ledger counts";

/// Who we are and what may stop a create.
pub(crate) async fn account(api: &Api) -> Result<Account, Error> {
    let (subscription, quotas) = tokio::join!(
        api.subscription(),
        join_all(REGIONS.map(|(region, _)| api.quotas(region))),
    );
    let subscription = subscription?;
    // Quotas that cannot be read limit nothing that we know of; the create is checked again.
    let known: Vec<(&str, Quotas)> = REGIONS
        .into_iter()
        .zip(quotas)
        .filter_map(|((region, _), quotas)| Some((region, quotas.ok()?)))
        .collect();
    let id = &subscription.subscription_id;
    Ok(Account {
        identity: match subscription.display_name.as_str() {
            "" => id.clone(),
            name => format!("{name} ({id})"),
        },
        status: status(&subscription),
        credential_expires_at: api.horizon,
        limits: limits(&known),
        credit: CreditReading {
            source: NO_API.to_owned(),
            ..CreditReading::default()
        },
    })
}

/// `Enabled, free trial (4 vCPUs a region, no more), spending limit on`.
fn status(subscription: &Subscription) -> String {
    let policies = &subscription.subscription_policies;
    let mut words = vec![subscription.state.clone()];
    if is_trial(&policies.quota_id) {
        words.push("free trial (4 vCPUs a region, no more)".to_owned());
    } else if !policies.quota_id.is_empty() {
        words.push(policies.quota_id.clone());
    }
    if policies.spending_limit.eq_ignore_ascii_case("on") {
        words.push("spending limit on".to_owned());
    }
    if !subscription.state.eq_ignore_ascii_case("enabled") {
        words.push("nothing can be created: see https://portal.azure.com".to_owned());
    }
    words.retain(|w| !w.is_empty());
    kubelease_core::error::printable(&words.join(", "))
}

fn is_trial(quota_id: &str) -> bool {
    quota_id.to_ascii_lowercase().starts_with("freetrial")
}

/// Quotas count per region. The number of nodes is that of the region with the most room, so that nobody
/// is kept from it; the catalog leaves out what a region has no room for.
fn limits(known: &[(&str, Quotas)]) -> Vec<Limit> {
    let cores =
        |(region, quotas): &(&str, Quotas)| Some((region.to_string(), quotas.left("cores")?));
    let all: Vec<(String, (u32, u32))> = known.iter().filter_map(cores).collect();
    let mut limits = Vec::new();
    let roomiest = all.iter().max_by_key(|(_, (left, limit))| (*left, *limit));
    if let Some((_, (left, limit))) = roomiest {
        let most = limit / LEAST_VCPUS;
        limits.push(Limit {
            what: "nodes",
            vendor_name: "Total Regional vCPUs, as nodes of 2 vCPUs in the region with the most room",
            most,
            used: most.saturating_sub(left / LEAST_VCPUS),
            region: None,
        });
    }
    let default = all
        .iter()
        .find(|(region, _)| region == prices::DEFAULT_REGION);
    if let Some((_, (left, limit))) = default {
        limits.push(Limit {
            what: "vcpus",
            vendor_name: "Total Regional vCPUs",
            most: *limit,
            used: limit.saturating_sub(*left),
            region: Some(prices::DEFAULT_REGION.to_owned()),
        });
    }
    limits
}
