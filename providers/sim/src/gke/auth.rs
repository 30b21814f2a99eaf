//! What every request meets first: the token and its scopes, the project's name, the rate limit, a service or billing that is off.

use super::ME;
use super::call::{Api, Call, Desk, Refused, api_of, compute, google, invalid, usual};
use super::{bill, tokens};
use crate::account::Access;
use crate::money::Nanos;

/// Requests a minute: container API, compute API (assumption: documented defaults of the kind "requests per minute per user").
const LIMITS: [u32; 2] = [600, 1_500];

const CLOUD_PLATFORM: &str = "cloud-platform";

/// Refuses what must not come further.
pub(super) fn admit(desk: &mut Desk<'_>, call: &Call<'_>) -> Result<(), Refused> {
    let request = call.request;
    let api = api_of(&request.path);
    let reading = request.method == "GET";
    let token = request.bearer().unwrap_or_default();
    match tokens::access(desk.state, desk.core, token) {
        Access::None => return Err(usual(401, api)),
        Access::All => {}
        Access::Scopes(scopes) if grants(scopes, api, reading) => {}
        Access::Scopes(_) => return Err(too_narrow(api)),
    }
    if !is_project(&call.project) {
        return Err(invalid(format!(
            "Invalid resource name: project \"{}\".",
            call.project
        )));
    }
    let limited = desk.core.account(ME).rate_limit;
    if !count(desk, api) && limited {
        return Err(match api {
            Api::Google => usual(429, api),
            // The compute API says it with another status.
            Api::Compute => compute(403, "rateLimitExceeded", usual(429, api).message),
        });
    }
    let of_service = ["/locations/", "/zones/", "/compute/"];
    if of_service.iter().any(|part| request.path.contains(part)) {
        service_on(desk, call)?;
    }
    let deleting = request.method == "DELETE";
    if !reading && !deleting && !billing_on(desk) {
        return Err(off(
            call,
            "BILLING_DISABLED",
            format!(
                "This API method requires billing to be enabled. Please enable billing on project #{} by visiting https://console.developers.google.com/billing/enable?project={} then retry.",
                call.project, call.project
            ),
        ));
    }
    Ok(())
}

/// Six to thirty lower-case letters, digits and dashes, or a project number.
fn is_project(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let number = (1..=19).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_digit());
    let named = (6..=30).contains(&name.len())
        && name.bytes().all(plain)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-');
    number || named
}

fn grants(scopes: &[String], api: Api, reading: bool) -> bool {
    let wanted: &[&str] = match (api, reading) {
        (Api::Google, true) => &[CLOUD_PLATFORM, "cloud-platform.read-only"],
        (Api::Google, false) => &[CLOUD_PLATFORM],
        (Api::Compute, true) => &[
            CLOUD_PLATFORM,
            "cloud-platform.read-only",
            "compute",
            "compute.readonly",
        ],
        (Api::Compute, false) => &[CLOUD_PLATFORM, "compute"],
    };
    let short = |scope: &str| scope.rsplit('/').next().unwrap_or_default().to_owned();
    scopes
        .iter()
        .any(|s| s == "*" || wanted.contains(&short(s).as_str()))
}

fn too_narrow(api: Api) -> Refused {
    let message = "Request had insufficient authentication scopes.";
    match api {
        Api::Google => Refused {
            info: Some("ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
            ..google(403, "PERMISSION_DENIED", message)
        },
        Api::Compute => compute(403, "insufficientPermissions", message),
    }
}

/// Something of the project is switched off.
fn off(call: &Call<'_>, reason: &'static str, message: String) -> Refused {
    match api_of(&call.request.path) {
        Api::Google => Refused {
            info: Some(reason),
            ..google(403, "PERMISSION_DENIED", message)
        },
        Api::Compute => compute(403, "accessNotConfigured", message),
    }
}

fn service_on(desk: &Desk<'_>, call: &Call<'_>) -> Result<(), Refused> {
    if desk.core.account(ME).status.as_deref() != Some("service_disabled") {
        return Ok(());
    }
    let (title, name) = match api_of(&call.request.path) {
        Api::Google => ("Kubernetes Engine API", "container.googleapis.com"),
        Api::Compute => ("Compute Engine API", "compute.googleapis.com"),
    };
    let project = &call.project;
    Err(off(
        call,
        "SERVICE_DISABLED",
        format!(
            "{title} has not been used in project {project} before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/{name}/overview?project={project} then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry."
        ),
    ))
}

/// A free trial ends with its credit or its last day, whichever comes first.
pub(super) fn billing_on(desk: &Desk<'_>) -> bool {
    let account = desk.core.account(ME);
    if account.status.as_deref() == Some("billing_disabled") {
        return false;
    }
    if account.plan.as_deref() != Some("free_trial") {
        return true;
    }
    let now = desk.core.now();
    let expired = account.expires_at.is_some_and(|end| now >= end);
    let spent = || -> Nanos {
        let lines = bill::bill(&desk.core.meter.usages(ME, now));
        lines.into_iter().map(|l| l.amount).sum()
    };
    !expired && account.credit.is_none_or(|credit| spent() < credit)
}

/// Counts a request; `false` when it is one too many.
fn count(desk: &mut Desk<'_>, api: Api) -> bool {
    let minute = desk.core.now().timestamp() / 60;
    if desk.state.minute != minute {
        desk.state.minute = minute;
        desk.state.requests = [0; 2];
    }
    let place = usize::from(api == Api::Compute);
    let used = &mut desk.state.requests[place];
    // Past the limit nothing more is counted: the number stays small while limits are not enforced.
    let room = *used < LIMITS[place];
    if room {
        *used += 1;
    }
    room
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_projects() {
        for (name, fits) in [
            ("practice-proj", true),
            ("123456789", true),
            ("short", false),
            ("Practice", false),
            ("practice-", false),
        ] {
            assert_eq!(is_project(name), fits, "{name}");
        }
    }

    #[test]
    fn scopes() {
        let scope = |s: &str| vec![format!("https://www.googleapis.com/auth/{s}")];
        assert!(grants(&scope("cloud-platform"), Api::Google, false));
        assert!(grants(&scope("compute.readonly"), Api::Compute, true));
        assert!(!grants(&scope("compute.readonly"), Api::Compute, false));
        assert!(!grants(&scope("compute"), Api::Google, true));
        assert!(grants(&["*".to_owned()], Api::Google, false));
    }
}
