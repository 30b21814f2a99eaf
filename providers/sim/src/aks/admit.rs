//! What every request meets before its handler: api-version, token, subscription, rate limit, a disabled subscription.

use chrono::{Months, NaiveDate};

use super::call::{Call, Desk, Refused, refused, usual};
use super::routes::Route;
use super::state::same;
use super::{ME, catalog, rate};
use crate::account::Access;
use crate::core::Core;

/// Refuses what the front door of the resource manager refuses.
pub(super) fn admit(
    desk: &mut Desk<'_>,
    call: &Call<'_>,
    route: &Route,
    subscription: Option<&str>,
) -> Result<(), Refused> {
    if route.open {
        return Ok(());
    }
    bearer(desk, call)?;
    version(desk, call)?;
    if let Some(id) = subscription {
        enter(desk, id)?;
    }
    rate::admit(desk, call)?;
    writable(desk, call)
}

/// Who asks: a token of the login endpoint, or one of the account.
fn bearer(desk: &Desk<'_>, call: &Call<'_>) -> Result<(), Refused> {
    let Some(token) = call.request.bearer().filter(|t| !t.is_empty()) else {
        let message = "Authentication failed. The 'Authorization' header is missing.";
        return Err(refused(401, "AuthenticationFailed", message));
    };
    let account = desk.core.account(ME);
    let login = desk.state.logins.iter().find(|l| l.token == token);
    if login.is_some_and(|l| l.until <= desk.core.now()) {
        let message = "The access token expiry UTC time is earlier than current UTC time.";
        return Err(refused(401, "ExpiredAuthenticationToken", message));
    }
    let access = account.access(login.map_or(token, |l| l.secret.as_str()));
    let writes = !matches!(call.request.method.as_str(), "GET" | "HEAD");
    match access {
        Access::None => Err(usual(401)),
        Access::All => Ok(()),
        // The scopes are the vendor's built-in roles.
        Access::Scopes(_) if access.grants("Contributor") || access.grants("Owner") => Ok(()),
        Access::Scopes(_) if access.grants("Reader") && !writes => Ok(()),
        Access::Scopes(_) => Err(usual(403)),
    }
}

/// Whether a bearer token is one that this account's directory gave out and that still works.
pub(super) fn is_member(logins: &[super::state::Login], core: &Core, token: &str) -> bool {
    let login = logins
        .iter()
        .find(|l| l.token == token && l.until > core.now());
    login.is_some_and(|l| !matches!(core.account(ME).access(&l.secret), Access::None))
        || core.account(ME).tokens.iter().any(|t| t.token == token)
}

/// The resource provider a path belongs to.
fn namespace(path: &str) -> String {
    let lower = path.to_ascii_lowercase();
    let after = lower
        .rsplit_once("/providers/")
        .map(|(_, rest)| rest.to_owned());
    let rest = after.unwrap_or_else(|| "microsoft.resources".to_owned());
    rest.split('/').next().unwrap_or_default().to_owned()
}

/// A calendar date, with `-preview` perhaps. Previews of the container service end a year after their date (its published support
/// rule); other versions are taken whatever their date, since clients are newer and older than this text.
fn version(desk: &Desk<'_>, call: &Call<'_>) -> Result<(), Refused> {
    let Some(text) = call.param("api-version").filter(|v| !v.is_empty()) else {
        let message =
            "The api-version query parameter (?api-version=) is required for all requests.";
        return Err(refused(400, "MissingApiVersionParameter", message));
    };
    let lower = text.to_ascii_lowercase();
    let preview = lower.strip_suffix("-preview");
    let day = preview.unwrap_or(&lower);
    let date = NaiveDate::parse_from_str(day, "%Y-%m-%d")
        .ok()
        .filter(|_| day.len() == 10);
    let namespace = namespace(&call.request.path);
    let service = namespace == "microsoft.containerservice";
    let today = desk.core.now().date_naive();
    let retired = |date: NaiveDate| date + Months::new(12) < today;
    match date {
        Some(date) if service && preview.is_some() && retired(date) => {
            Err(unknown_version(call, &text))
        }
        Some(_) => Ok(()),
        None if service => Err(unknown_version(call, &text)),
        None => {
            let message = format!(
                "The api-version '{text}' is invalid. The supported versions are '2025-04-01,2024-11-01,2022-12-01'."
            );
            Err(refused(400, "InvalidApiVersionParameter", message))
        }
    }
}

fn unknown_version(call: &Call<'_>, text: &str) -> Refused {
    let path = call.request.path.to_ascii_lowercase();
    let (kind, place) = if path.contains("/locations/") {
        ("locations", "")
    } else {
        ("managedClusters", "westeurope")
    };
    let message = format!(
        "No registered resource provider found for location '{place}' and API version '{text}' for type '{kind}'. The supported \
         api-versions are '2024-09-01, 2025-01-01, 2025-05-01, 2025-08-01, 2025-10-01'. The supported locations are '{}'.",
        super::prices::PRICES.regions.join(", ")
    );
    refused(400, "NoRegisteredProviderFound", message)
}

/// The account's subscription is the first one that is asked for; any other does not exist.
fn enter(desk: &mut Desk<'_>, id: &str) -> Result<(), Refused> {
    let is_guid = id.len() == 36 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if !is_guid {
        let message =
            format!("The provided subscription identifier '{id}' is malformed or invalid.");
        return Err(refused(400, "InvalidSubscriptionId", message));
    }
    let known = desk.state.subscription.get_or_insert_with(|| id.to_owned());
    if same(known, id) {
        return Ok(());
    }
    let message = format!("The subscription '{id}' could not be found.");
    Err(refused(404, "SubscriptionNotFound", message))
}

/// `Enabled`, `Disabled`, `Warned`... A free trial is disabled when its credit has ended.
pub(super) fn state(desk: &Desk<'_>) -> String {
    let account = desk.core.account(ME);
    if let Some(status) = &account.status {
        return status.clone();
    }
    let expired = account.expires_at.is_some_and(|end| end <= desk.core.now());
    let ended = catalog::is_free_trial(account) && (expired || super::balance::is_spent(desk));
    if ended { "Disabled" } else { "Enabled" }.to_owned()
}

/// A disabled or warned subscription can be read, and things in it deleted.
fn writable(desk: &Desk<'_>, call: &Call<'_>) -> Result<(), Refused> {
    let lower = call.request.path.to_ascii_lowercase();
    let reads = matches!(call.request.method.as_str(), "GET" | "HEAD" | "DELETE")
        || lower.ends_with("/query")
        || lower.ends_with("credential");
    if reads || state(desk) == "Enabled" {
        return Ok(());
    }
    let message = format!(
        "The subscription '{}' is disabled and therefore marked as read only. You cannot perform any write actions on this \
         subscription until it is re-enabled.",
        desk.state.subscription()
    );
    Err(refused(409, "ReadOnlyDisabledSubscription", message))
}
