//! Where tokens come from: `/token` (refresh tokens and signed assertions), `/sts` (tokens of others), the metadata server; what a token
//! says (`/tokeninfo`); and whose tokens the clusters take.
//!
//! Signatures of assertions are not checked (the simulator has no key), and tokens do not expire: Google's own clients measure the life of
//! a token with the machine's clock, which virtual time outruns.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use super::ME;
use super::call::Desk;
use super::state::{Issued, State};
use crate::account::Access;
use crate::core::Core;
use crate::message::{Reply, Request, decode};

/// Life of a token in seconds.
const LIFE: i64 = 3_599;
const SCOPE: &str =
    "https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/userinfo.email";
const EMAIL: &str = "kubelease@practice-proj.iam.gserviceaccount.com";

/// What the bearer of a token may do.
pub(super) fn access<'a>(state: &State, core: &'a Core, token: &str) -> Access<'a> {
    match core.account(ME).access(token) {
        Access::None if state.tokens.contains_key(token) => Access::All,
        found => found,
    }
}

/// A cluster takes the account's access tokens, but no assertion a service account signed itself.
pub(super) fn cluster_user(state: &State, core: &Core, token: &str) -> Option<String> {
    if is_assertion(token) {
        return None;
    }
    if let Some(issued) = state.tokens.get(token) {
        return Some(issued.email.clone());
    }
    match access(state, core, token) {
        Access::None => None,
        Access::All => Some(EMAIL.to_owned()),
        Access::Scopes(scopes) => {
            let fits = |s: &String| s == "*" || s.ends_with("cloud-platform");
            scopes.iter().any(fits).then(|| EMAIL.to_owned())
        }
    }
}

fn is_assertion(token: &str) -> bool {
    token.starts_with("eyJ") && token.matches('.').count() == 2
}

/// Answers what has to do with tokens; none for everything else.
pub(super) fn answer(desk: &mut Desk<'_>, request: &Request) -> Option<Reply> {
    let reply = match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/token" | "/oauth2/v4/token") => exchange(desk, request),
        ("POST", "/sts" | "/v1/token") => federate(desk, request),
        (_, "/tokeninfo" | "/oauth2/v1/tokeninfo" | "/oauth2/v3/tokeninfo") => info(desk, request),
        ("GET", path) if path.starts_with("/computeMetadata/v1/") => metadata(desk, request)?,
        _ => return None,
    };
    Some(reply)
}

/// The fields of a form or a JSON object.
fn fields(request: &Request) -> Map<String, Value> {
    if let Ok(map) = request.json() {
        return map;
    }
    let text = String::from_utf8_lossy(&request.body).replace('+', " ");
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(key, value)| (decode(key), decode(value).into()))
        .collect()
}

fn wrong(error: &str, description: &str) -> Reply {
    Reply::json(
        400,
        &json!({"error": error, "error_description": description}),
    )
}

fn issue(desk: &mut Desk<'_>, email: &str, scope: &str) -> Reply {
    let token = format!("ya29.{}", desk.core.ids.secret());
    let issued = Issued {
        until: desk.core.now() + TimeDelta::seconds(LIFE),
        email: email.to_owned(),
        scope: scope.to_owned(),
    };
    desk.state.tokens.insert(token.clone(), issued);
    Reply::json(
        200,
        &json!({"access_token": token, "expires_in": LIFE, "token_type": "Bearer", "scope": scope}),
    )
}

fn exchange(desk: &mut Desk<'_>, request: &Request) -> Reply {
    let fields = fields(request);
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("grant_type") {
        "refresh_token" if !text("refresh_token").is_empty() => {
            let known = desk.core.account(ME).access(text("refresh_token"));
            if matches!(known, Access::None) {
                return wrong("invalid_grant", "Token has been expired or revoked.");
            }
            issue(desk, EMAIL, SCOPE)
        }
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => match claims(text("assertion")) {
            Some((email, scope)) => issue(desk, &email, &scope),
            None => wrong("invalid_grant", "Invalid JWT Signature."),
        },
        "refresh_token" => wrong(
            "invalid_request",
            "Missing required parameter: refresh_token",
        ),
        _ => wrong("unsupported_grant_type", "Invalid grant_type"),
    }
}

/// Issuer and scope of an assertion.
fn claims(assertion: &str) -> Option<(String, String)> {
    let payload = assertion
        .split('.')
        .nth(1)
        .filter(|_| is_assertion(assertion))?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let issuer = claims["iss"].as_str()?.to_owned();
    Some((issuer, claims["scope"].as_str().unwrap_or(SCOPE).to_owned()))
}

fn federate(desk: &mut Desk<'_>, request: &Request) -> Reply {
    let fields = fields(request);
    if !fields.contains_key("subject_token") && !fields.contains_key("subjectToken") {
        return wrong("invalid_request", "subject_token is required");
    }
    let mut reply = issue(desk, EMAIL, SCOPE);
    if let Some(mut body) = reply.value() {
        body["issued_token_type"] = json!("urn:ietf:params:oauth:token-type:access_token");
        reply = Reply::json(200, &body);
    }
    reply
}

fn info(desk: &Desk<'_>, request: &Request) -> Reply {
    let token = request
        .param("access_token")
        .or_else(|| Some(fields(request).get("access_token")?.as_str()?.to_owned()))
        .unwrap_or_default();
    if is_assertion(&token) || matches!(access(desk.state, desk.core, &token), Access::None) {
        return wrong("invalid_token", "Invalid Value");
    }
    let now = desk.core.now();
    let issued = desk.state.tokens.get(&token);
    let until = issued.map_or(now + TimeDelta::seconds(LIFE), |i| i.until);
    let left = (until - now).num_seconds().max(0);
    Reply::json(
        200,
        &json!({
            "azp": "kubelease.apps.googleusercontent.com", "aud": "kubelease.apps.googleusercontent.com",
            "scope": issued.map_or(SCOPE, |i| &i.scope), "email": issued.map_or(EMAIL, |i| &i.email), "email_verified": "true",
            "exp": until.timestamp().to_string(), "expires_in": left.to_string(), "access_type": "offline",
        }),
    )
}

/// The metadata server of a machine in the project, as far as clients ask it for credentials.
fn metadata(desk: &mut Desk<'_>, request: &Request) -> Option<Reply> {
    const ACCOUNT: &str = "/computeMetadata/v1/instance/service-accounts/default/";
    if request.header("metadata-flavor") != Some("Google") {
        return Some(Reply::text(
            403,
            "text/html",
            "Missing required header \"Metadata-Flavor\": \"Google\"".to_owned(),
        ));
    }
    let text = |body: &str| Reply::text(200, "application/text", body.to_owned());
    let reply = match request.path.as_str() {
        "/computeMetadata/v1/universe/universe-domain" => text("googleapis.com"),
        "/computeMetadata/v1/project/project-id" => text("practice-proj"),
        path => match path.strip_prefix(ACCOUNT)? {
            "token" => issue(desk, EMAIL, SCOPE),
            "email" => text(EMAIL),
            "scopes" => text(&SCOPE.replace(' ', "\n")),
            _ => return None,
        },
    };
    Some(reply.with("Metadata-Flavor", "Google"))
}
