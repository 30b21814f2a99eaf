//! Rate limits as token buckets: those of the container service by kind of request (AKS documentation), and those of the resource
//! manager for the whole subscription. Enforced only when the account says so, since virtual time stands still in most tests.

use super::ME;
use super::call::{Call, Desk, Refused, refused};
use crate::message::Reply;

/// A bucket: how many tokens it holds, and how many thousandths come back each second.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    size: i64,
    refill: i64,
}

const WRITE: Bucket = Bucket {
    size: 200,
    refill: 10_000,
};
const READ: Bucket = Bucket {
    size: 250,
    refill: 25_000,
};
const PUT: Bucket = Bucket {
    size: 20,
    refill: 17,
};
const GET: Bucket = Bucket {
    size: 60,
    refill: 1_000,
};
const LIST: Bucket = Bucket {
    size: 500,
    refill: 1_000,
};
const OPERATION: Bucket = Bucket {
    size: 200,
    refill: 2_000,
};
/// "After a handful of calls", says experience; the number is an assumption.
const COST: Bucket = Bucket {
    size: 4,
    refill: 67,
};
const THOUSAND: i64 = 1_000;

/// The header in which cost management says how long to wait.
const COST_WAIT: &str = "x-ms-ratelimit-microsoft.costmanagement-qpu-retry-after";

/// The bucket of the resource manager a request takes from: its name and header.
fn manager(method: &str) -> (&'static str, &'static str, Bucket) {
    match method {
        "GET" | "HEAD" => ("reads", "x-ms-ratelimit-remaining-subscription-reads", READ),
        "DELETE" => (
            "deletes",
            "x-ms-ratelimit-remaining-subscription-deletes",
            WRITE,
        ),
        _ => (
            "writes",
            "x-ms-ratelimit-remaining-subscription-writes",
            WRITE,
        ),
    }
}

/// The service's own bucket a request takes from.
fn service(call: &Call<'_>) -> Option<(String, Bucket)> {
    let path = call.request.path.to_lowercase();
    if path.ends_with("/microsoft.costmanagement/query") {
        return Some(("cost".to_owned(), COST));
    }
    let (scope, rest) = path.split_once("/providers/microsoft.containerservice/")?;
    let in_group = scope.contains("/resourcegroups/");
    let parts: Vec<&str> = rest.split('/').filter(|p| !p.is_empty()).collect();
    let (name, bucket) = match (call.request.method.as_str(), parts.as_slice()) {
        ("PUT", ["managedclusters", _, "agentpools", ..]) => ("put-pool", PUT),
        ("PUT", ["managedclusters", ..]) => ("put-cluster", PUT),
        ("GET", ["managedclusters"]) if in_group => ("list-group", GET),
        ("GET", ["managedclusters"]) => ("list", LIST),
        ("GET", ["managedclusters", _]) => ("get-cluster", GET),
        ("GET", ["locations", _, "operations" | "operationresults", ..]) => {
            ("operation", OPERATION)
        }
        _ => ("other", GET),
    };
    // Limits are per cluster where the path names one, else per scope.
    let subject = match parts.as_slice() {
        ["managedclusters", cluster, ..] => format!("{scope}/{cluster}"),
        _ => scope.to_owned(),
    };
    Some((format!("{name}:{subject}"), bucket))
}

/// Takes a token; the seconds to wait when there is none.
fn take(desk: &mut Desk<'_>, name: &str, bucket: Bucket) -> Result<i64, i64> {
    let now = desk.core.now();
    let full = bucket.size * THOUSAND;
    let entry = desk
        .state
        .buckets
        .entry(name.to_owned())
        .or_insert((full, now));
    let gained = (now - entry.1)
        .num_milliseconds()
        .saturating_mul(bucket.refill)
        / THOUSAND;
    if gained > 0 {
        *entry = (entry.0.saturating_add(gained).min(full), now);
    }
    if entry.0 < THOUSAND {
        let missing = THOUSAND - entry.0;
        return Err((missing + bucket.refill - 1) / bucket.refill);
    }
    entry.0 -= THOUSAND;
    Ok(entry.0 / THOUSAND)
}

/// Counts a request against both kinds of limits.
pub(super) fn admit(desk: &mut Desk<'_>, call: &Call<'_>) -> Result<(), Refused> {
    if !desk.core.account(ME).rate_limit {
        return Ok(());
    }
    let (name, _, bucket) = manager(&call.request.method);
    let throttled = |code: &str, wait: i64, header| Refused {
        retry_after: Some(wait.max(1)),
        wait_header: header,
        ..refused(
            429,
            code,
            "The request is being throttled as the limit has been reached for this kind of request. Please try again later.",
        )
    };
    take(desk, name, bucket)
        .map_err(|wait| throttled("SubscriptionRequestsThrottled", wait, None))?;
    if let Some((name, bucket)) = service(call) {
        let header = (name == "cost").then_some(COST_WAIT);
        take(desk, &name, bucket).map_err(|wait| throttled("Throttled", wait, header))?;
    }
    Ok(())
}

/// The resource manager's header with what is left, and the ids of the request.
pub(super) fn with_headers(desk: &mut Desk<'_>, method: &str, reply: Reply) -> Reply {
    let (name, header, bucket) = manager(method);
    let left = desk
        .state
        .buckets
        .get(name)
        .map_or(bucket.size - 1, |(tokens, _)| tokens / THOUSAND);
    desk.state.requests += 1;
    let id = crate::ids::mix(desk.state.requests);
    let id = format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        id >> 32,
        (id >> 16) & 0xffff,
        id & 0xfff,
        id >> 52,
        id & 0xffff_ffff_ffff
    );
    reply
        .with(header, left.to_string())
        .with("x-ms-request-id", id.clone())
        .with("x-ms-correlation-request-id", id)
}
