//! `/accounts/{provider}`: credit, quotas, tokens, foreign resources. Keys a `PUT` leaves out keep their value.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Answer, bad_request, body, not_found};
use crate::account::Account;
use crate::message::{Reply, Request};
use crate::provider::Provider;
use crate::shared::Shared;

fn provider_of(text: &str) -> Result<Provider, super::Refused> {
    text.parse().map_err(|message: String| not_found(message))
}

pub(super) fn show(shared: &Arc<Shared>, provider: &str) -> Answer {
    let provider = provider_of(provider)?;
    Ok(shared.with(|world| Reply::json(200, world.core.account(provider))))
}

pub(super) fn set(shared: &Arc<Shared>, provider: &str, request: &Request) -> Answer {
    let provider = provider_of(provider)?;
    let asked: Map<String, Value> = body(request)?;
    shared.with(|world| {
        let adopt = asked.contains_key("foreign");
        let current = serde_json::to_value(world.core.account(provider))
            .map_err(|e| bad_request(e.to_string()))?;
        let mut fields = match current {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        fields.extend(asked);
        let mut account: Account = serde_json::from_value(Value::Object(fields))
            .map_err(|e| bad_request(e.to_string()))?;
        for change in &mut account.prices {
            if change.percent > 10_000 {
                return Err(bad_request(
                    "a price is at most 10000 percent of the table's",
                ));
            }
            change.from.get_or_insert(world.core.now());
        }
        world
            .set_account(provider, account, adopt)
            .map_err(bad_request)?;
        Ok(Reply::json(200, world.core.account(provider)))
    })
}
