//! The directory's token endpoint, and where a client finds it. Any secret gets a token unless the account names its tokens; then
//! only those are secrets. Tokens last an hour.

use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};

use super::ME;
use super::call::{Call, Desk, Outcome, one, refused};
use super::state::Login;
use crate::account::Access;
use crate::message::{Reply, decode};

const LIFE: i64 = 3_599;
/// Assertions stand for a secret that only the directory could check.
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The fields of a form, where `+` is a space.
fn form(body: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(body);
    let plain = |part: &str| decode(&part.replace('+', " "));
    let pairs = text.split('&').filter(|p| !p.is_empty());
    pairs
        .map(|p| p.split_once('=').unwrap_or((p, "")))
        .map(|(k, v)| (plain(k), plain(v)))
        .collect()
}

fn denied(desk: &Desk<'_>, status: u16, error: &str, number: u32, words: &str) -> Reply {
    let at = desk.core.now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let body = json!({"error": error, "error_description": format!("AADSTS{number}: {words}"), "error_codes": [number],
        "timestamp": at, "trace_id": "00000000-0000-4000-8000-000000000000",
        "correlation_id": "00000000-0000-4000-8000-000000000000"});
    Reply::json(status, &body)
}

pub(super) fn token(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let form = form(&call.request.body);
    let field = |name: &str| {
        let found = form.iter().find(|(k, _)| k == name);
        found.map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    };
    let Some(grant) = field("grant_type") else {
        return Ok(denied(
            desk,
            400,
            "invalid_request",
            900_144,
            "The request body must contain the following parameter: 'grant_type'.",
        ));
    };
    if grant != "client_credentials" {
        let words = format!("The app requested an unsupported grant type '{grant}'.");
        return Ok(denied(desk, 400, "unsupported_grant_type", 70_003, &words));
    }
    for name in ["client_id", "scope"] {
        if field(name).is_none() {
            let words = format!("The request body must contain the following parameter: '{name}'.");
            return Ok(denied(desk, 400, "invalid_request", 900_144, &words));
        }
    }
    let assertion =
        field("client_assertion").filter(|_| field("client_assertion_type") == Some(ASSERTION));
    let Some(secret) = field("client_secret").or(assertion) else {
        let words = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
        return Ok(denied(desk, 401, "invalid_client", 7_000_218, words));
    };
    if matches!(desk.core.account(ME).access(secret), Access::None) {
        return Ok(denied(
            desk,
            401,
            "invalid_client",
            7_000_215,
            "Invalid client secret provided.",
        ));
    }
    let (secret, now) = (secret.to_owned(), desk.core.now());
    let token = format!("sim.{}", desk.core.ids.secret());
    desk.state.logins.retain(|l| l.until > now);
    desk.state.logins.push(Login {
        token: token.clone(),
        secret,
        until: now + TimeDelta::seconds(LIFE),
    });
    one(
        &json!({"token_type": "Bearer", "expires_in": LIFE, "ext_expires_in": LIFE, "access_token": token}),
    )
}

/// Where everything of this cloud is: here.
pub(super) fn endpoints(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    if call.param("api-version").is_none() {
        let message =
            "The api-version query parameter (?api-version=) is required for all requests.";
        return Err(refused(400, "MissingApiVersionParameter", message));
    }
    let base = call.request.base();
    let view: Value = json!({
        "name": "AzureCloud", "resourceManager": base, "portal": base,
        "authentication": {"loginEndpoint": base, "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": "common", "identityProvider": "AAD"},
        "suffixes": {"acrLoginServer": "azurecr.io", "storage": "core.windows.net", "keyVaultDns": "vault.azure.net"},
        "graph": base, "graphAudience": base, "batch": base, "media": base,
    });
    one(&view)
}
