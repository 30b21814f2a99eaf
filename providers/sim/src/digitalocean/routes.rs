//! The operations of the specification that this module plays: method, path, scope, handler. Anything else is a loud 501.
//! Also what every request meets first: token, scope, rate limit, a locked account.

use super::call::{Call, Desk, Outcome, refused, usual};
use super::{
    account, associated, clusters, credentials, droplets, firewalls, invoices, load_balancers,
    networks, offers, pools,
};
use super::{projects, rate, reserved_ips, snapshots, tags, volume_actions, volumes};
use crate::account::Access;
use crate::message::{Reply, Request};
use crate::provider::Provider;

type Handler = fn(&mut Desk<'_>, &Call<'_>) -> Outcome;

/// One operation.
struct Route {
    method: &'static str,
    path: &'static str,
    scope: &'static str,
    handler: Handler,
}

const fn route(
    method: &'static str,
    path: &'static str,
    scope: &'static str,
    handler: Handler,
) -> Route {
    Route {
        method,
        path,
        scope,
        handler,
    }
}

/// Fixed paths come before paths with variables that would also fit.
#[rustfmt::skip] // one line each: this is a table
const ROUTES: &[Route] = &[
    route("GET", "/v2/account", "account:read", account::account),
    route("GET", "/v2/customers/my/balance", "billing:read", account::balance),
    route("GET", "/v2/customers/my/billing_history", "billing:read", invoices::history),
    route("GET", "/v2/customers/my/invoices", "billing:read", invoices::list),
    route("GET", "/v2/customers/my/invoices/{}", "billing:read", invoices::items),
    route("GET", "/v2/customers/my/invoices/{}/summary", "billing:read", invoices::summary),
    route("GET", "/v2/regions", "regions:read", offers::regions),
    route("GET", "/v2/sizes", "sizes:read", offers::sizes),
    route("GET", "/v2/kubernetes/options", "kubernetes:read", offers::options),
    route("GET", "/v2/kubernetes/clusters", "kubernetes:read", clusters::list),
    route("POST", "/v2/kubernetes/clusters", "kubernetes:create", clusters::create),
    route("GET", "/v2/kubernetes/clusters/{}", "kubernetes:read", clusters::get),
    route("PUT", "/v2/kubernetes/clusters/{}", "kubernetes:update", clusters::update),
    route("DELETE", "/v2/kubernetes/clusters/{}", "kubernetes:delete", clusters::delete),
    route("GET", "/v2/kubernetes/clusters/{}/destroy_with_associated_resources", "kubernetes:read", associated::list),
    route("DELETE", "/v2/kubernetes/clusters/{}/destroy_with_associated_resources/selective", "kubernetes:delete", associated::selective),
    route("DELETE", "/v2/kubernetes/clusters/{}/destroy_with_associated_resources/dangerous", "kubernetes:delete", associated::dangerous),
    route("GET", "/v2/kubernetes/clusters/{}/kubeconfig", "kubernetes:access_cluster", credentials::kubeconfig),
    route("GET", "/v2/kubernetes/clusters/{}/credentials", "kubernetes:access_cluster", credentials::credentials),
    route("GET", "/v2/kubernetes/clusters/{}/user", "kubernetes:read", credentials::user),
    route("GET", "/v2/kubernetes/clusters/{}/upgrades", "kubernetes:read", clusters::upgrades),
    route("POST", "/v2/kubernetes/clusters/{}/upgrade", "kubernetes:update", clusters::upgrade),
    route("GET", "/v2/kubernetes/clusters/{}/status_messages", "kubernetes:read", clusters::status_messages),
    route("GET", "/v2/kubernetes/clusters/{}/node_pools", "kubernetes:read", pools::list),
    route("POST", "/v2/kubernetes/clusters/{}/node_pools", "kubernetes:update", pools::create),
    route("GET", "/v2/kubernetes/clusters/{}/node_pools/{}", "kubernetes:read", pools::get),
    route("PUT", "/v2/kubernetes/clusters/{}/node_pools/{}", "kubernetes:update", pools::update),
    route("DELETE", "/v2/kubernetes/clusters/{}/node_pools/{}", "kubernetes:update", pools::delete),
    route("POST", "/v2/kubernetes/clusters/{}/node_pools/{}/recycle", "kubernetes:delete", pools::recycle),
    route("DELETE", "/v2/kubernetes/clusters/{}/node_pools/{}/nodes/{}", "kubernetes:update", pools::delete_node),
    route("GET", "/v2/load_balancers", "load_balancer:read", load_balancers::list),
    route("POST", "/v2/load_balancers", "load_balancer:create", load_balancers::create),
    route("GET", "/v2/load_balancers/{}", "load_balancer:read", load_balancers::get),
    route("PUT", "/v2/load_balancers/{}", "load_balancer:update", load_balancers::update),
    route("DELETE", "/v2/load_balancers/{}", "load_balancer:delete", load_balancers::delete),
    route("GET", "/v2/volumes", "block_storage:read", volumes::list),
    route("POST", "/v2/volumes", "block_storage:create", volumes::create),
    route("DELETE", "/v2/volumes", "block_storage:delete", volumes::delete_by_name),
    route("GET", "/v2/volumes/snapshots/{}", "block_storage_snapshot:read", snapshots::get),
    route("DELETE", "/v2/volumes/snapshots/{}", "block_storage_snapshot:delete", snapshots::delete),
    route("GET", "/v2/volumes/{}", "block_storage:read", volumes::get),
    route("DELETE", "/v2/volumes/{}", "block_storage:delete", volumes::delete),
    route("GET", "/v2/volumes/{}/actions", "block_storage_action:read", volume_actions::list),
    route("POST", "/v2/volumes/{}/actions", "block_storage_action:create", volume_actions::create),
    route("GET", "/v2/volumes/{}/actions/{}", "block_storage_action:read", volume_actions::get),
    route("GET", "/v2/volumes/{}/snapshots", "block_storage_snapshot:read", snapshots::list_of_volume),
    route("POST", "/v2/volumes/{}/snapshots", "block_storage_snapshot:create", snapshots::create),
    route("GET", "/v2/snapshots", "snapshot:read", snapshots::list),
    route("GET", "/v2/snapshots/{}", "snapshot:read", snapshots::get),
    route("DELETE", "/v2/snapshots/{}", "snapshot:delete", snapshots::delete),
    route("GET", "/v2/actions", "actions:read", volume_actions::list_all),
    route("GET", "/v2/actions/{}", "actions:read", volume_actions::get_any),
    route("GET", "/v2/droplets", "droplet:read", droplets::list),
    route("DELETE", "/v2/droplets", "droplet:delete", droplets::delete_by_tag),
    route("GET", "/v2/droplets/{}", "droplet:read", droplets::get),
    route("DELETE", "/v2/droplets/{}", "droplet:delete", droplets::delete),
    route("GET", "/v2/firewalls", "firewall:read", firewalls::list),
    route("POST", "/v2/firewalls", "firewall:create", firewalls::create),
    route("GET", "/v2/firewalls/{}", "firewall:read", firewalls::get),
    route("PUT", "/v2/firewalls/{}", "firewall:update", firewalls::update),
    route("DELETE", "/v2/firewalls/{}", "firewall:delete", firewalls::delete),
    route("GET", "/v2/vpcs", "vpc:read", networks::list),
    route("POST", "/v2/vpcs", "vpc:create", networks::create),
    route("GET", "/v2/vpcs/{}", "vpc:read", networks::get),
    route("PUT", "/v2/vpcs/{}", "vpc:update", networks::update),
    route("PATCH", "/v2/vpcs/{}", "vpc:update", networks::patch),
    route("DELETE", "/v2/vpcs/{}", "vpc:delete", networks::delete),
    route("GET", "/v2/vpcs/{}/members", "vpc:read", networks::members),
    route("GET", "/v2/tags", "tag:read", tags::list),
    route("POST", "/v2/tags", "tag:create", tags::create),
    route("GET", "/v2/tags/{}", "tag:read", tags::get),
    route("DELETE", "/v2/tags/{}", "tag:delete", tags::delete),
    route("POST", "/v2/tags/{}/resources", "tag:create", tags::assign),
    route("DELETE", "/v2/tags/{}/resources", "tag:delete", tags::unassign),
    route("GET", "/v2/reserved_ips", "reserved_ip:read", reserved_ips::list),
    route("POST", "/v2/reserved_ips", "reserved_ip:create", reserved_ips::create),
    route("GET", "/v2/reserved_ips/{}", "reserved_ip:read", reserved_ips::get),
    route("DELETE", "/v2/reserved_ips/{}", "reserved_ip:delete", reserved_ips::delete),
    route("GET", "/v2/projects", "project:read", projects::list),
    route("GET", "/v2/projects/default", "project:read", projects::default),
    route("GET", "/v2/projects/default/resources", "project:read", projects::resources),
    route("GET", "/v2/projects/{}", "project:read", projects::get),
    route("GET", "/v2/projects/{}/resources", "project:read", projects::resources),
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
        return Reply::not_simulated(Provider::Digitalocean, &request.method, &request.path);
    };
    let call = Call { request, ids };
    let outcome = admit(desk, request, route).and_then(|()| (route.handler)(desk, &call));
    let retry_after =
        matches!(&outcome, Err(r) if r.status == 429).then(|| rate::seconds_to_next_minute(desk));
    let reply = outcome.unwrap_or_else(|refused| desk.refuse(&refused));
    let reply = rate::with_headers(desk, reply);
    match retry_after {
        Some(seconds) => reply.with("retry-after", seconds.to_string()),
        None => reply,
    }
}

/// Token, scope, rate limit, state of the account.
fn admit(
    desk: &mut Desk<'_>,
    request: &Request,
    route: &Route,
) -> Result<(), super::call::Refused> {
    let account = desk.core.account(Provider::Digitalocean);
    let access = request
        .bearer()
        .map_or(Access::None, |token| account.access(token));
    if let Access::None = access {
        return Err(usual(401));
    }
    let (limited, locked) = (
        account.rate_limit,
        account.status.as_deref() == Some("locked"),
    );
    if !access.grants(route.scope) {
        return Err(refused(
            403,
            format!("You are missing the required permission {}.", route.scope),
        ));
    }
    if !rate::count(desk) && limited {
        return Err(usual(429));
    }
    // A locked account can look and delete, but make nothing (assumption: the specification only names the status).
    if locked && matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") {
        return Err(refused(
            403,
            "Your account is locked. Please contact support.",
        ));
    }
    Ok(())
}

/// Whether a request reads a list: what `meta.total` is part of.
pub(super) fn is_list(request: &Request) -> bool {
    let last_is_fixed = |route: &Route| !route.path.ends_with("{}");
    let single = [
        "/account",
        "/balance",
        "/options",
        "/default",
        "/kubeconfig",
        "/credentials",
        "/user",
        "/upgrades",
        "/summary",
        "/status_messages",
    ];
    request.method == "GET"
        && find(request).is_some_and(|(route, _)| {
            last_is_fixed(route) && single.iter().all(|s| !route.path.ends_with(s))
        })
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
            variables("/v2/tags/{}", "/v2/tags/k8s%3Aa"),
            Some(vec!["k8s:a".to_owned()])
        );
        assert_eq!(variables("/v2/tags/{}", "/v2/tags/"), None);
        assert_eq!(variables("/v2/tags", "/v2/tags/"), Some(Vec::new()));
        assert_eq!(variables("/v2/tags/{}", "/v2/tags/a/b"), None);
    }

    #[test]
    fn lists_are_told_from_single_things() {
        for path in [
            "/v2/kubernetes/clusters",
            "/v2/volumes",
            "/v2/vpcs/x/members",
            "/v2/kubernetes/clusters/x/destroy_with_associated_resources",
            "/v2/snapshots",
        ] {
            assert!(is_list(&get(path)), "{path}");
        }
        for path in [
            "/v2/account",
            "/v2/kubernetes/clusters/x",
            "/v2/kubernetes/options",
            "/v2/kubernetes/clusters/x/kubeconfig",
            "/v2/nothing",
        ] {
            assert!(!is_list(&get(path)), "{path}");
        }
    }
}
