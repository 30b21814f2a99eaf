//! The operations of the specification that this module plays: method, path, permission, handler. Anything else is a loud 501, also
//! making instances: a client of clusters never does. Also what every request meets first: token, permission, rate limit, a locked
//! account.

use super::call::{Call, Desk, Outcome, Refused, refused, usual};
use super::{
    account, billing, block_actions, blocks, clusters, credentials, firewalls, instances, linked,
    load_balancers, networks, offers, pools, rate, reserved_ips, snapshots,
};
use crate::account::Access;
use crate::message::{Reply, Request};
use crate::provider::Provider;

type Handler = fn(&mut Desk<'_>, &Call<'_>) -> Outcome;

/// One operation.
struct Route {
    method: &'static str,
    path: &'static str,
    /// The vendor's word for the permission; empty for what is open to everybody, `*` for any token.
    acl: &'static str,
    handler: Handler,
}

const fn route(
    method: &'static str,
    path: &'static str,
    acl: &'static str,
    handler: Handler,
) -> Route {
    Route {
        method,
        path,
        acl,
        handler,
    }
}

const LOOK: &str = "subscriptions_view";
const MAKE: &str = "provisioning";
const CHANGE: &str = "subscriptions";
const ANY: &str = "*";

/// Fixed paths come before paths with variables that would also fit.
#[rustfmt::skip] // one line each: this is a table
const ROUTES: &[Route] = &[
    route("GET", "/v2/regions", "", offers::regions),
    route("GET", "/v2/regions/{}/availability", "", offers::availability),
    route("GET", "/v2/plans", "", offers::plans),
    route("GET", "/v2/kubernetes/versions", "", offers::versions),
    route("GET", "/v2/account", ANY, account::account),
    route("GET", "/v2/billing/history", "billing", billing::history),
    route("GET", "/v2/billing/invoices", "billing", billing::list),
    route("GET", "/v2/billing/invoices/{}", "billing", billing::get),
    route("GET", "/v2/billing/invoices/{}/items", "billing", billing::items),
    route("GET", "/v2/billing/pending-charges", "billing", billing::pending),
    route("GET", "/v2/kubernetes/clusters", LOOK, clusters::list),
    route("POST", "/v2/kubernetes/clusters", MAKE, clusters::create),
    route("GET", "/v2/kubernetes/clusters/{}", LOOK, clusters::get),
    route("PUT", "/v2/kubernetes/clusters/{}", CHANGE, clusters::update),
    route("DELETE", "/v2/kubernetes/clusters/{}", CHANGE, clusters::delete),
    route("DELETE", "/v2/kubernetes/clusters/{}/delete-with-linked-resources", CHANGE, linked::delete),
    route("GET", "/v2/kubernetes/clusters/{}/resources", LOOK, linked::list),
    route("GET", "/v2/kubernetes/clusters/{}/config", LOOK, credentials::config),
    route("GET", "/v2/kubernetes/clusters/{}/available-upgrades", LOOK, clusters::upgrades),
    route("POST", "/v2/kubernetes/clusters/{}/upgrades", CHANGE, clusters::upgrade),
    route("GET", "/v2/kubernetes/clusters/{}/node-pools", LOOK, pools::list),
    route("POST", "/v2/kubernetes/clusters/{}/node-pools", MAKE, pools::create),
    route("GET", "/v2/kubernetes/clusters/{}/node-pools/{}", LOOK, pools::get),
    route("PATCH", "/v2/kubernetes/clusters/{}/node-pools/{}", CHANGE, pools::update),
    route("DELETE", "/v2/kubernetes/clusters/{}/node-pools/{}", CHANGE, pools::delete),
    route("DELETE", "/v2/kubernetes/clusters/{}/node-pools/{}/nodes/{}", CHANGE, pools::delete_node),
    route("POST", "/v2/kubernetes/clusters/{}/node-pools/{}/nodes/{}/recycle", CHANGE, pools::recycle),
    route("GET", "/v2/instances", LOOK, instances::list),
    route("GET", "/v2/instances/{}", LOOK, instances::get),
    route("PATCH", "/v2/instances/{}", CHANGE, instances::update),
    route("DELETE", "/v2/instances/{}", CHANGE, instances::delete),
    route("GET", "/v2/blocks", LOOK, blocks::list),
    route("POST", "/v2/blocks", MAKE, blocks::create),
    route("GET", "/v2/blocks/{}", LOOK, blocks::get),
    route("PATCH", "/v2/blocks/{}", CHANGE, blocks::update),
    route("DELETE", "/v2/blocks/{}", CHANGE, blocks::delete),
    route("POST", "/v2/blocks/{}/attach", CHANGE, block_actions::attach),
    route("POST", "/v2/blocks/{}/detach", CHANGE, block_actions::detach),
    route("GET", "/v2/load-balancers", "loadbalancer", load_balancers::list),
    route("POST", "/v2/load-balancers", "loadbalancer", load_balancers::create),
    route("GET", "/v2/load-balancers/{}", "loadbalancer", load_balancers::get),
    route("PATCH", "/v2/load-balancers/{}", "loadbalancer", load_balancers::update),
    route("DELETE", "/v2/load-balancers/{}", "loadbalancer", load_balancers::delete),
    route("GET", "/v2/vpcs", LOOK, networks::list),
    route("POST", "/v2/vpcs", MAKE, networks::create),
    route("GET", "/v2/vpcs/{}", LOOK, networks::get),
    route("PUT", "/v2/vpcs/{}", CHANGE, networks::update),
    route("DELETE", "/v2/vpcs/{}", CHANGE, networks::delete),
    route("GET", "/v2/firewalls", "firewall", firewalls::list),
    route("POST", "/v2/firewalls", "firewall", firewalls::create),
    route("GET", "/v2/firewalls/{}", "firewall", firewalls::get),
    route("PUT", "/v2/firewalls/{}", "firewall", firewalls::update),
    route("DELETE", "/v2/firewalls/{}", "firewall", firewalls::delete),
    route("GET", "/v2/reserved-ips", LOOK, reserved_ips::list),
    route("POST", "/v2/reserved-ips", MAKE, reserved_ips::create),
    route("GET", "/v2/reserved-ips/{}", LOOK, reserved_ips::get),
    route("PATCH", "/v2/reserved-ips/{}", CHANGE, reserved_ips::update),
    route("DELETE", "/v2/reserved-ips/{}", CHANGE, reserved_ips::delete),
    route("GET", "/v2/snapshots", LOOK, snapshots::list),
    route("POST", "/v2/snapshots", MAKE, snapshots::create),
    route("GET", "/v2/snapshots/{}", LOOK, snapshots::get),
    route("PUT", "/v2/snapshots/{}", CHANGE, snapshots::update),
    route("DELETE", "/v2/snapshots/{}", CHANGE, snapshots::delete),
];

/// The variable segments of `path` if it fits `pattern`.
fn variables(pattern: &str, path: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut given = path.split('/');
    for wanted in pattern.split('/') {
        let segment = given.next()?;
        match wanted {
            "{}" if segment.is_empty() => return None,
            "{}" => found.push(segment),
            fixed if fixed == segment => {}
            _ => return None,
        }
    }
    let rest_is_empty = given.all(str::is_empty);
    rest_is_empty.then(|| found.into_iter().map(crate::message::decode).collect())
}

fn find(request: &Request) -> Option<(&'static Route, Vec<String>)> {
    let of_method = ROUTES.iter().filter(|r| r.method == request.method);
    of_method
        .filter_map(|r| variables(r.path, &request.path).map(|ids| (r, ids)))
        .next()
}

/// Answers a request.
pub(super) fn answer(desk: &mut Desk<'_>, request: &Request) -> Reply {
    let Some((route, ids)) = find(request) else {
        return Reply::not_simulated(Provider::Vultr, &request.method, &request.path);
    };
    let call = Call { request, ids };
    let outcome = admit(desk, request, route).and_then(|()| (route.handler)(desk, &call));
    outcome.unwrap_or_else(|refused| refused.reply())
}

/// Rate limit, token, permission, state of the account.
fn admit(desk: &mut Desk<'_>, request: &Request, route: &Route) -> Result<(), Refused> {
    let fits_rate = rate::count(desk);
    let account = desk.core.account(Provider::Vultr);
    if account.rate_limit && !fits_rate {
        return Err(usual(429));
    }
    if route.acl.is_empty() {
        return Ok(());
    }
    let token = request.bearer();
    let access = token.map_or(Access::None, |token| account.access(token));
    if let Access::None = access {
        return Err(usual(401));
    }
    if route.acl != ANY && !access.grants(route.acl) {
        return Err(refused(
            403,
            format!(
                "Forbidden: this API key lacks the permission {}.",
                route.acl
            ),
        ));
    }
    // A locked account can look and delete, but make nothing (assumption).
    let locked = account.status.as_deref() == Some("locked");
    if locked && matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") {
        return Err(refused(
            403,
            "Your account is locked. Please contact support.",
        ));
    }
    Ok(())
}

/// Paths that end in a fixed word but tell one thing.
const SINGLE: [&str; 5] = [
    "/account",
    "/config",
    "/versions",
    "/available-upgrades",
    "/availability",
];

/// Whether a request reads a list.
pub(super) fn is_list(request: &Request) -> bool {
    let plural =
        |path: &str| !path.ends_with("{}") && SINGLE.iter().all(|single| !path.ends_with(single));
    request.method == "GET" && find(request).is_some_and(|(route, _)| plural(route.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str) -> Request {
        Request {
            method: "GET".into(),
            path: path.into(),
            ..Request::default()
        }
    }

    #[test]
    fn every_route_finds_itself() {
        for route in ROUTES {
            let request = Request {
                method: route.method.into(),
                path: route.path.replace("{}", "x"),
                ..Request::default()
            };
            let found = find(&request).map(|(r, _)| r.path);
            assert_eq!(found, Some(route.path), "{} {}", route.method, route.path);
        }
    }

    #[test]
    fn variables_are_decoded_and_never_empty() {
        assert_eq!(
            variables("/v2/blocks/{}", "/v2/blocks/a%3Ab"),
            Some(vec!["a:b".to_owned()])
        );
        assert_eq!(variables("/v2/blocks/{}", "/v2/blocks/"), None);
        assert_eq!(variables("/v2/blocks", "/v2/blocks/"), Some(Vec::new()));
        assert_eq!(variables("/v2/blocks/{}", "/v2/blocks/a/b"), None);
    }

    #[test]
    fn lists_are_told_from_single_things() {
        for path in [
            "/v2/kubernetes/clusters",
            "/v2/kubernetes/clusters/x/resources",
            "/v2/kubernetes/clusters/x/node-pools",
            "/v2/blocks",
            "/v2/billing/pending-charges",
        ] {
            assert!(is_list(&get(path)), "{path}");
        }
        for path in [
            "/v2/account",
            "/v2/kubernetes/clusters/x",
            "/v2/kubernetes/versions",
            "/v2/kubernetes/clusters/x/config",
            "/v2/nothing",
        ] {
            assert!(!is_list(&get(path)), "{path}");
        }
    }
}
