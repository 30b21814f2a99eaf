//! The operations of the specification that this module plays: method, path, scope, handler. Anything else is a loud 501.
//! Also what every request meets first: token, scope, rate limit, a locked account. Two operations are not in the trimmed specification
//! but in the vendor's public reference, and clients of clusters use them: `PUT /nodebalancers/{id}` and `POST /volumes/{id}/attach`.

use super::call::{Call, Desk, Outcome, Refused, refused, usual};
use super::{ME, nodebalancers, offers, pools, rate, tags, volumes, vpcs};
use super::{account, acl, clusters, events, firewalls, instances, invoices, kubeconfig};
use crate::account::Access;
use crate::message::{Reply, Request};

type Handler = fn(&mut Desk<'_>, &Call<'_>) -> Outcome;

/// One operation.
struct Route {
    method: &'static str,
    /// Below `/v4` or `/v4beta`.
    path: &'static str,
    /// Empty for what needs no token.
    scope: &'static str,
    handler: Handler,
    /// Whether it reads a list.
    list: bool,
}

const fn one(
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
        list: false,
    }
}

const fn list(path: &'static str, scope: &'static str, handler: Handler) -> Route {
    Route {
        method: "GET",
        path,
        scope,
        handler,
        list: true,
    }
}

/// The scope of what any valid token may do.
const ANY: &str = "*";

/// Fixed paths come before paths with variables that would also fit.
#[rustfmt::skip] // one line each: this is a table
const ROUTES: &[Route] = &[
    one("GET", "/account", "account:read_only", account::account),
    list("/account/availability", "account:read_only", offers::services),
    one("GET", "/account/availability/{}", "account:read_only", offers::services_of),
    list("/account/events", "events:read_only", events::list),
    one("GET", "/account/events/{}", "events:read_only", events::get),
    one("POST", "/account/events/{}/seen", "events:read_write", events::seen),
    list("/account/invoices", "account:read_only", invoices::list),
    one("GET", "/account/invoices/{}", "account:read_only", invoices::get),
    list("/account/invoices/{}/items", "account:read_only", invoices::items),
    list("/account/notifications", "account:read_only", account::notifications),
    list("/account/payments", "account:read_only", account::payments),
    one("GET", "/account/settings", "account:read_only", account::settings),
    one("GET", "/account/transfer", "account:read_only", account::transfer),
    one("GET", "/profile", ANY, account::profile),
    one("GET", "/profile/grants", ANY, account::grants),
    list("/regions", "", offers::regions),
    list("/regions/availability", "", offers::availability),
    one("GET", "/regions/{}", "", offers::region),
    one("GET", "/regions/{}/availability", "", offers::availability_of),
    list("/linode/types", "", offers::types),
    one("GET", "/linode/types/{}", "", offers::one_type),
    list("/lke/types", "", offers::cluster_types),
    list("/nodebalancers/types", "", offers::balancer_types),
    list("/volumes/types", "", offers::volume_types),
    list("/network-transfer/prices", "", offers::transfer_prices),
    list("/lke/versions", "lke:read_only", offers::versions),
    one("GET", "/lke/versions/{}", "lke:read_only", offers::version),
    list("/lke/tiers/{}/versions", "lke:read_only", offers::tier_versions),
    one("GET", "/lke/tiers/{}/versions/{}", "lke:read_only", offers::tier_version),
    list("/lke/clusters", "lke:read_only", clusters::list),
    one("POST", "/lke/clusters", "lke:read_write", clusters::create),
    one("GET", "/lke/clusters/{}", "lke:read_only", clusters::get),
    one("PUT", "/lke/clusters/{}", "lke:read_write", clusters::update),
    one("DELETE", "/lke/clusters/{}", "lke:read_write", clusters::delete),
    one("POST", "/lke/clusters/{}/recycle", "lke:read_write", pools::recycle_all),
    list("/lke/clusters/{}/api-endpoints", "lke:read_only", kubeconfig::endpoints),
    one("GET", "/lke/clusters/{}/dashboard", "lke:read_only", kubeconfig::dashboard),
    one("GET", "/lke/clusters/{}/kubeconfig", "lke:read_write", kubeconfig::get),
    one("DELETE", "/lke/clusters/{}/kubeconfig", "lke:read_write", kubeconfig::delete),
    one("DELETE", "/lke/clusters/{}/servicetoken", "lke:read_write", kubeconfig::service_token),
    one("POST", "/lke/clusters/{}/regenerate", "lke:read_write", kubeconfig::regenerate),
    one("GET", "/lke/clusters/{}/control_plane_acl", "lke:read_only", acl::get),
    one("PUT", "/lke/clusters/{}/control_plane_acl", "lke:read_write", acl::update),
    one("DELETE", "/lke/clusters/{}/control_plane_acl", "lke:read_write", acl::delete),
    list("/lke/clusters/{}/pools", "lke:read_only", pools::list),
    one("POST", "/lke/clusters/{}/pools", "lke:read_write", pools::create),
    one("GET", "/lke/clusters/{}/pools/{}", "lke:read_only", pools::get),
    one("PUT", "/lke/clusters/{}/pools/{}", "lke:read_write", pools::update),
    one("DELETE", "/lke/clusters/{}/pools/{}", "lke:read_write", pools::delete),
    one("POST", "/lke/clusters/{}/pools/{}/recycle", "lke:read_write", pools::recycle),
    one("GET", "/lke/clusters/{}/nodes/{}", "lke:read_write", pools::get_node),
    one("DELETE", "/lke/clusters/{}/nodes/{}", "lke:read_write", pools::delete_node),
    one("POST", "/lke/clusters/{}/nodes/{}/recycle", "lke:read_write", pools::recycle_node),
    list("/linode/instances", "linodes:read_only", instances::list),
    one("GET", "/linode/instances/{}", "linodes:read_only", instances::get),
    one("DELETE", "/linode/instances/{}", "linodes:read_write", instances::delete),
    list("/linode/instances/{}/firewalls", "linodes:read_only", instances::firewalls),
    list("/linode/instances/{}/nodebalancers", "linodes:read_only", instances::nodebalancers),
    list("/linode/instances/{}/volumes", "linodes:read_only", instances::volumes),
    list("/nodebalancers", "nodebalancers:read_only", nodebalancers::list),
    one("GET", "/nodebalancers/{}", "nodebalancers:read_only", nodebalancers::get),
    one("PUT", "/nodebalancers/{}", "nodebalancers:read_write", nodebalancers::update),
    one("DELETE", "/nodebalancers/{}", "nodebalancers:read_write", nodebalancers::delete),
    list("/nodebalancers/{}/firewalls", "nodebalancers:read_only", nodebalancers::firewalls),
    one("PUT", "/nodebalancers/{}/firewalls", "nodebalancers:read_write", nodebalancers::set_firewalls),
    list("/volumes", "volumes:read_only", volumes::list),
    one("POST", "/volumes", "volumes:read_write", volumes::create),
    one("GET", "/volumes/{}", "volumes:read_only", volumes::get),
    one("PUT", "/volumes/{}", "volumes:read_write", volumes::update),
    one("DELETE", "/volumes/{}", "volumes:read_write", volumes::delete),
    one("POST", "/volumes/{}/attach", "volumes:read_write", volumes::attach),
    one("POST", "/volumes/{}/detach", "volumes:read_write", volumes::detach),
    list("/vpcs", ANY, vpcs::list),
    one("GET", "/vpcs/{}", ANY, vpcs::get),
    one("DELETE", "/vpcs/{}", "vpc:read_write", vpcs::delete),
    list("/vpcs/{}/subnets", ANY, vpcs::subnets),
    one("GET", "/vpcs/{}/subnets/{}", ANY, vpcs::subnet),
    one("DELETE", "/vpcs/{}/subnets/{}", "vpc:read_write", vpcs::delete_subnet),
    list("/networking/firewalls", "firewall:read_only", firewalls::list),
    one("GET", "/networking/firewalls/{}", "firewall:read_only", firewalls::get),
    one("DELETE", "/networking/firewalls/{}", "firewall:read_write", firewalls::delete),
    list("/networking/firewalls/{}/devices", "firewall:read_only", firewalls::devices),
    list("/tags", "account:read_only", tags::list),
    one("POST", "/tags", "account:read_write", tags::create),
    list("/tags/{}", "account:read_only", tags::get),
    one("DELETE", "/tags/{}", "account:read_write", tags::delete),
];

/// The path below the version, and whether that is the beta.
fn below_version(path: &str) -> Option<(&str, bool)> {
    let beta = path.strip_prefix("/v4beta").map(|rest| (rest, true));
    let found = beta.or_else(|| path.strip_prefix("/v4").map(|rest| (rest, false)));
    found.filter(|(rest, _)| rest.starts_with('/'))
}

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

fn find(request: &Request) -> Option<(&'static Route, Vec<String>, bool)> {
    let (path, beta) = below_version(&request.path)?;
    let of_method = ROUTES.iter().filter(|r| r.method == request.method);
    of_method
        .filter_map(|r| variables(r.path, path).map(|ids| (r, ids, beta)))
        .next()
}

/// Answers a request.
pub(super) fn answer(desk: &mut Desk<'_>, request: &Request) -> Reply {
    let Some((route, ids, beta)) = find(request) else {
        return Reply::not_simulated(ME, &request.method, &request.path);
    };
    let call = Call { request, ids, beta };
    let outcome = admit(desk, request, route).and_then(|()| (route.handler)(desk, &call));
    let reply = outcome.unwrap_or_else(|refused| refused.reply());
    let reply = match route.scope {
        "" => reply,
        scope => reply
            .with("X-OAuth-Scopes", "*")
            .with("X-Accepted-OAuth-Scopes", scope),
    };
    rate::with_headers(desk, request, reply)
}

/// Token, scope, rate limit, state of the account.
fn admit(desk: &mut Desk<'_>, request: &Request, route: &Route) -> Result<(), Refused> {
    let account = desk.core.account(ME);
    let access = request
        .bearer()
        .map_or(Access::None, |token| account.access(token));
    let (limited, locked) = (
        account.rate_limit,
        account.status.as_deref() == Some("locked"),
    );
    let open = route.scope.is_empty();
    if !open && matches!(access, Access::None) {
        return Err(usual(401));
    }
    // Whoever may write may read.
    let wider = route.scope.replace("read_only", "read_write");
    if !open && route.scope != ANY && !access.grants(route.scope) && !access.grants(&wider) {
        let reason = "Your OAuth token is not authorized to use this endpoint.";
        return Err(refused(401, None, reason));
    }
    if !rate::count(desk, request) && limited {
        let retry_after = Some(rate::seconds_to_next_minute(desk));
        return Err(Refused {
            retry_after,
            ..usual(429)
        });
    }
    // A locked account can look and delete, but make nothing (assumption: the specification does not say).
    if locked && matches!(request.method.as_str(), "POST" | "PUT") {
        return Err(usual(403));
    }
    Ok(())
}

/// Whether a request reads a list.
pub(super) fn is_list(request: &Request) -> bool {
    find(request).is_some_and(|(route, ..)| route.list)
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
    fn every_route_finds_itself_under_both_versions() {
        for route in ROUTES {
            for (version, expected) in [("/v4", false), ("/v4beta", true)] {
                let path = format!("{version}{}", route.path.replace("{}", "x"));
                let found = find(&request(route.method, &path)).map(|(r, _, beta)| (r.path, beta));
                assert_eq!(
                    found,
                    Some((route.path, expected)),
                    "{} {path}",
                    route.method
                );
            }
        }
    }

    #[test]
    fn other_versions_are_not_played() {
        for path in ["/v3/account", "/v4account", "/account", "/v4betas/account"] {
            assert!(find(&request("GET", path)).is_none(), "{path}");
        }
    }

    #[test]
    fn lists_are_told_from_single_things() {
        for path in [
            "/v4/lke/clusters",
            "/v4/volumes",
            "/v4beta/lke/clusters/1/pools",
            "/v4/tags/a",
        ] {
            assert!(is_list(&request("GET", path)), "{path}");
        }
        for path in [
            "/v4/account",
            "/v4/lke/clusters/1",
            "/v4/lke/clusters/1/kubeconfig",
            "/v4/nothing",
        ] {
            assert!(!is_list(&request("GET", path)), "{path}");
        }
        assert!(!is_list(&request("POST", "/v4/volumes")));
    }
}
