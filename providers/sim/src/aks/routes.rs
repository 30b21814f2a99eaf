//! The operations that this module plays: method, path, handler. Anything else is a loud 501. Paths have no case.
//! Beyond the trimmed specification, because careful clients use them: locks, scale sets, security groups, networks and their
//! usages (all from the vendor's public reference), and `PATCH` of tags of any resource.

use super::call::{Call, Desk, Outcome};
use super::kinds::Kind;
use super::{ME, admit, rate};
use super::{
    balance, cluster_put, clusters, cost, credentials, groups, locks, login, offers, operations,
};
use super::{pools, power, resources, retail, subscriptions, things, usages};
use crate::message::{Reply, Request, decode};

type Handler = fn(&mut Desk<'_>, &Call<'_>) -> Outcome;

/// One operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    method: &'static str,
    /// In lower case.
    path: &'static str,
    handler: Handler,
    /// Whether it reads a list.
    list: bool,
    /// Whether it needs neither a token nor, as its only kind, an api-version.
    pub(super) open: bool,
}

const fn one(method: &'static str, path: &'static str, handler: Handler) -> Route {
    Route {
        method,
        path,
        handler,
        list: false,
        open: false,
    }
}

const fn list(path: &'static str, handler: Handler) -> Route {
    Route {
        list: true,
        ..one("GET", path, handler)
    }
}

const fn open(method: &'static str, path: &'static str, handler: Handler) -> Route {
    Route {
        open: true,
        ..one(method, path, handler)
    }
}

#[rustfmt::skip] // one line each: this is a table
const ROUTES: &[Route] = &[
    open("POST", "/{}/oauth2/v2.0/token", login::token),
    open("GET", "/metadata/endpoints", login::endpoints),
    open("GET", "/api/retail/prices", retail::prices),
    list("/providers/microsoft.billing/billingaccounts", balance::accounts),
    one("GET", "/providers/microsoft.billing/billingaccounts/{}/billingprofiles/{}/providers/microsoft.consumption/credits/balancesummary", balance::summary),
    list("/providers/microsoft.billing/billingaccounts/{}/billingprofiles/{}/providers/microsoft.consumption/lots", balance::lots),
    list("/subscriptions", subscriptions::list),
    one("GET", "/subscriptions/{}", subscriptions::get),
    list("/subscriptions/{}/locations", subscriptions::locations),
    list("/subscriptions/{}/providers", subscriptions::providers),
    one("GET", "/subscriptions/{}/providers/{}", subscriptions::provider),
    one("POST", "/subscriptions/{}/providers/{}/register", subscriptions::register),
    one("GET", "/subscriptions/{}/operationresults/{}", operations::group_result),
    list("/subscriptions/{}/resources", resources::list),
    list("/subscriptions/{}/resourcegroups", groups::list),
    one("HEAD", "/subscriptions/{}/resourcegroups/{}", groups::exists),
    one("GET", "/subscriptions/{}/resourcegroups/{}", groups::get),
    one("PUT", "/subscriptions/{}/resourcegroups/{}", groups::put),
    one("PATCH", "/subscriptions/{}/resourcegroups/{}", groups::patch),
    one("DELETE", "/subscriptions/{}/resourcegroups/{}", groups::delete),
    list("/subscriptions/{}/resourcegroups/{}/resources", resources::list_group),
    list("/subscriptions/{}/providers/microsoft.authorization/locks", locks::list),
    one("POST", "/subscriptions/{}/providers/microsoft.costmanagement/query", cost::query),
    one("POST", "/subscriptions/{}/resourcegroups/{}/providers/microsoft.costmanagement/query", cost::query),
    list("/subscriptions/{}/providers/microsoft.compute/skus", offers::skus),
    list("/subscriptions/{}/providers/microsoft.compute/locations/{}/usages", usages::compute),
    list("/subscriptions/{}/providers/microsoft.network/locations/{}/usages", usages::network),
    one("GET", "/subscriptions/{}/providers/microsoft.containerservice/locations/{}/kubernetesversions", offers::versions),
    one("GET", "/subscriptions/{}/providers/{}/locations/{}/operations/{}", operations::status),
    one("GET", "/subscriptions/{}/providers/{}/locations/{}/operationresults/{}", operations::result),
    list("/subscriptions/{}/providers/microsoft.containerservice/managedclusters", clusters::list),
    list("/subscriptions/{}/resourcegroups/{}/providers/microsoft.containerservice/managedclusters", clusters::list_group),
    one("GET", "/subscriptions/{}/resourcegroups/{}/providers/microsoft.containerservice/managedclusters/{}", clusters::get),
    one("PUT", "/subscriptions/{}/resourcegroups/{}/providers/microsoft.containerservice/managedclusters/{}", cluster_put::put),
    one("PATCH", "/subscriptions/{}/resourcegroups/{}/providers/microsoft.containerservice/managedclusters/{}", clusters::patch),
    one("DELETE", "/subscriptions/{}/resourcegroups/{}/providers/microsoft.containerservice/managedclusters/{}", clusters::delete),
    one("POST", "/subscriptions/{}/resourcegroups/{}/providers/microsoft.containerservice/managedclusters/{}/stop", power::stop),
    one("POST", "/subscriptions/{}/resourcegroups/{}/providers/microsoft.containerservice/managedclusters/{}/start", power::start),
    one("POST", "/subscriptions/{}/resourcegroups/{}/providers/microsoft.containerservice/managedclusters/{}/abort", power::abort),
    one("POST", "/subscriptions/{}/resourcegroups/{}/providers/microsoft.containerservice/managedclusters/{}/listclusteradmincredential", credentials::admin),
    one("POST", "/subscriptions/{}/resourcegroups/{}/providers/microsoft.containerservice/managedclusters/{}/listclusterusercredential", credentials::user),
    one("GET", "/subscriptions/{}/resourcegroups/{}/providers/microsoft.containerservice/managedclusters/{}/upgradeprofiles/default", offers::upgrade_profile),
    list("/subscriptions/{}/resourcegroups/{}/providers/microsoft.containerservice/managedclusters/{}/agentpools", pools::list),
    one("GET", "/subscriptions/{}/resourcegroups/{}/providers/microsoft.containerservice/managedclusters/{}/agentpools/{}", pools::get),
    one("PUT", "/subscriptions/{}/resourcegroups/{}/providers/microsoft.containerservice/managedclusters/{}/agentpools/{}", pools::put),
    one("DELETE", "/subscriptions/{}/resourcegroups/{}/providers/microsoft.containerservice/managedclusters/{}/agentpools/{}", pools::delete),
    list("/subscriptions/{}/resourcegroups/{}/providers/microsoft.compute/virtualmachinescalesets/{}/virtualmachines", things::machines),
];

/// Operations on things of a [`Kind`]: the last variables are namespace, type and name.
#[rustfmt::skip]
const THINGS: &[Route] = &[
    list("/subscriptions/{}/providers/{}/{}", things::list),
    list("/subscriptions/{}/resourcegroups/{}/providers/{}/{}", things::list_group),
    one("GET", "/subscriptions/{}/resourcegroups/{}/providers/{}/{}/{}", things::get),
    one("PATCH", "/subscriptions/{}/resourcegroups/{}/providers/{}/{}/{}", things::patch),
    one("DELETE", "/subscriptions/{}/resourcegroups/{}/providers/{}/{}/{}", things::delete),
];

/// Operations on locks: the path before this is what they protect.
const LOCKS: &str = "/providers/microsoft.authorization/locks";

/// The variable segments of `path` if it fits `pattern`.
fn variables(pattern: &str, path: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut given = path.split('/');
    for wanted in pattern.split('/') {
        let segment = given.next()?;
        match wanted {
            "{}" if segment.is_empty() => return None,
            "{}" => found.push(decode(segment)),
            fixed if fixed.eq_ignore_ascii_case(segment) => {}
            _ => return None,
        }
    }
    given.all(str::is_empty).then_some(found)
}

fn among(routes: &'static [Route], request: &Request) -> Option<(Route, Vec<String>)> {
    let mut of_method = routes.iter().filter(|r| r.method == request.method);
    of_method.find_map(|r| variables(r.path, &request.path).map(|ids| (*r, ids)))
}

/// A lock's route: its scope (without the subscription) and name are the variables after the subscription.
fn lock_route(request: &Request) -> Option<(Route, Vec<String>)> {
    let lower = request.path.to_ascii_lowercase();
    let at = lower.find(LOCKS)?;
    let below = lower.strip_prefix("/subscriptions/")?;
    let subscription_end = lower.len() - below.len() + below.find('/')?;
    let subscription = &request.path["/subscriptions/".len()..subscription_end];
    let scope = request.path.get(subscription_end..at)?;
    let name = request.path[at + LOCKS.len()..].trim_matches('/');
    let ids = vec![subscription.to_owned(), decode(scope), decode(name)];
    let route = match (request.method.as_str(), name.is_empty()) {
        ("GET", true) => list("", locks::list_scope),
        ("GET", false) => one("GET", "", locks::get),
        ("PUT", false) => one("PUT", "", locks::put),
        ("DELETE", false) => one("DELETE", "", locks::delete),
        _ => return None,
    };
    (!name.contains('/')).then_some((route, ids))
}

/// The route of a request, with its variables; the subscription, if it has one, is the first.
fn find(request: &Request) -> Option<(Route, Vec<String>)> {
    let thing = || {
        let (route, ids) = among(THINGS, request)?;
        let kind_at = ids.len() - if route.list { 2 } else { 3 };
        Kind::find(&ids[kind_at], &ids[kind_at + 1])?;
        Some((route, ids))
    };
    among(ROUTES, request)
        .or_else(|| lock_route(request))
        .or_else(thing)
}

/// Answers a request.
pub(super) fn answer(desk: &mut Desk<'_>, request: &Request) -> Reply {
    let Some((route, mut ids)) = find(request) else {
        return Reply::not_simulated(ME, &request.method, &request.path);
    };
    let in_subscription = request
        .path
        .to_ascii_lowercase()
        .starts_with("/subscriptions/");
    let subscription = (in_subscription && !ids.is_empty()).then(|| ids.remove(0));
    let call = Call { request, ids };
    let outcome = admit::admit(desk, &call, &route, subscription.as_deref());
    let outcome = outcome.and_then(|()| (route.handler)(desk, &call));
    let reply = outcome.unwrap_or_else(|refused| refused.reply());
    let reply = if request.method == "HEAD" {
        // An answer to HEAD has no body, whatever it says.
        Reply {
            headers: reply.headers,
            ..Reply::empty(reply.status)
        }
    } else {
        reply
    };
    if route.open {
        return reply;
    }
    rate::with_headers(desk, &request.method, reply)
}

/// Whether a request reads a list.
pub(super) fn is_list(request: &Request) -> bool {
    find(request).is_some_and(|(route, _)| route.list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str) -> Request {
        Request {
            method: method.into(),
            path: path.into(),
            ..Request::default()
        }
    }

    #[test]
    fn every_route_finds_itself_in_any_case() {
        for route in ROUTES {
            let path = route.path.replace("{}", "x");
            for path in [path.clone(), path.to_uppercase()] {
                let found = find(&request(route.method, &path)).map(|(r, _)| r.path);
                assert_eq!(found, Some(route.path), "{} {path}", route.method);
            }
        }
    }

    #[test]
    fn things_and_locks_are_found_by_type_and_scope() {
        let disks = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks";
        assert!(is_list(&request("GET", disks)));
        assert!(!is_list(&request("GET", &format!("{disks}/d"))));
        assert!(
            find(&request(
                "GET",
                "/subscriptions/s/providers/Microsoft.Sql/servers"
            ))
            .is_none()
        );
        let lock = format!("{disks}/d/providers/Microsoft.Authorization/locks/keep");
        let (_, ids) = find(&request("PUT", &lock)).unwrap_or_else(|| panic!("{lock}"));
        assert_eq!(
            ids,
            [
                "s",
                "/resourceGroups/g/providers/Microsoft.Compute/disks/d",
                "keep"
            ]
        );
    }
}
