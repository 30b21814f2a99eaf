//! What this module answers: method, path, handler. Anything else is a loud 501. The compute API has its own table in `compute.rs`.

use super::call::{Api, Call, Desk, Outcome, api_of};
use super::{
    ME, auth, batch, clusters, compute, operations, pools, project, skus, tokens, updates,
};
use crate::message::{Reply, Request};

type Handler = fn(&mut Desk<'_>, &Call<'_>) -> Outcome;

/// One operation below `/v1/projects/{project}`.
struct Route {
    method: &'static str,
    path: &'static str,
    /// What follows the last segment after a colon.
    verb: &'static str,
    handler: Handler,
    /// Whether it reads a list.
    list: bool,
}

const fn one(method: &'static str, path: &'static str, handler: Handler) -> Route {
    Route {
        method,
        path,
        verb: "",
        handler,
        list: false,
    }
}

const fn list(path: &'static str, handler: Handler) -> Route {
    Route {
        method: "GET",
        path,
        verb: "",
        handler,
        list: true,
    }
}

const fn verb(path: &'static str, verb: &'static str, handler: Handler) -> Route {
    Route {
        method: "POST",
        path,
        verb,
        handler,
        list: false,
    }
}

const CLUSTER: &str = "locations/{}/clusters/{}";
const POOL: &str = "locations/{}/clusters/{}/nodePools/{}";
const OPERATION: &str = "locations/{}/operations/{}";

#[rustfmt::skip] // one line each: this is a table
const ROUTES: &[Route] = &[
    one("GET", "locations/{}/serverConfig", clusters::server_config),
    list("locations/{}/clusters", clusters::list),
    one("POST", "locations/{}/clusters", clusters::create),
    one("GET", CLUSTER, clusters::get),
    one("PUT", CLUSTER, updates::update),
    one("DELETE", CLUSTER, clusters::delete),
    verb(CLUSTER, "setResourceLabels", updates::set_labels),
    verb(CLUSTER, "updateMaster", updates::update_master),
    list("locations/{}/clusters/{}/nodePools", pools::list),
    one("POST", "locations/{}/clusters/{}/nodePools", pools::create),
    one("GET", POOL, pools::get),
    one("DELETE", POOL, pools::delete),
    verb(POOL, "setSize", pools::set_size),
    verb(POOL, "setAutoscaling", pools::set_autoscaling),
    verb(POOL, "setManagement", pools::set_management),
    list("locations/{}/operations", operations::list),
    one("GET", OPERATION, operations::get),
    verb(OPERATION, "cancel", operations::cancel),
    one("GET", "", project::project),
    verb("", "testIamPermissions", project::test_permissions),
    one("GET", "billingInfo", project::billing),
    list("services", project::services),
    one("GET", "services/{}", project::service),
    verb("services/{}", "enable", project::enable),
];

/// The variable segments of `path` if it fits the route.
fn variables(route: &Route, path: &[String]) -> Option<Vec<String>> {
    let mut path = path.to_vec();
    let mut asked = String::new();
    // Only the last segment may carry a verb. Names hold no colon.
    if let Some(last) = path.last_mut()
        && let Some((name, verb)) = last.clone().split_once(':')
    {
        asked = verb.to_owned();
        *last = name.to_owned();
    }
    let wanted: Vec<&str> = route.path.split('/').filter(|s| !s.is_empty()).collect();
    if asked != route.verb || wanted.len() != path.len() {
        return None;
    }
    let mut found = Vec::new();
    for (wanted, given) in wanted.into_iter().zip(path) {
        match wanted {
            "{}" => found.push(given),
            fixed if fixed == given => {}
            _ => return None,
        }
    }
    Some(found)
}

/// The older paths of the container API say `zones` and `serverconfig`; where they have the same shape, they are taken.
fn modern(segments: &mut [String]) {
    if segments.first().is_some_and(|s| s == "zones") {
        "locations".clone_into(&mut segments[0]);
    }
    if let Some(last) = segments.last_mut().filter(|s| *s == "serverconfig") {
        "serverConfig".clone_into(last);
    }
}

/// The route of a request, its project, and its other variables.
fn find(request: &Request) -> Option<(&'static Route, String, Vec<String>)> {
    let mut segments = request.segments();
    if segments.len() < 3 || segments[..2] != ["v1", "projects"] {
        return None;
    }
    let mut rest = segments.split_off(3);
    let mut project = segments.pop()?;
    // `projects/p:verb`: the verb belongs to the project itself, written here as a segment of its own that has no name.
    let own_verb = project
        .split_once(':')
        .map(|(p, v)| (p.to_owned(), v.to_owned()));
    if let Some((name, verb)) = own_verb.filter(|_| rest.is_empty()) {
        project = name;
        let mut own = ROUTES.iter().filter(|r| r.path.is_empty());
        let route = own.find(|r| r.verb == verb && r.method == request.method)?;
        return Some((route, project, Vec::new()));
    }
    modern(&mut rest);
    let mut of_method = ROUTES.iter().filter(|r| r.method == request.method);
    of_method.find_map(|r| variables(r, &rest).map(|ids| (r, project.clone(), ids)))
}

/// Answers a request; with `stockout`, machines cannot be had.
pub(super) fn answer(desk: &mut Desk<'_>, request: &Request, stockout: bool) -> Reply {
    if let Some(reply) = tokens::answer(desk, request) {
        return reply;
    }
    if batch::is_batch(request) {
        return batch::answer(desk, request, stockout);
    }
    if request.method == "GET" && request.path == skus::PATH {
        return skus::answer(desk, request).unwrap_or_else(|refused| refused.reply());
    }
    let unknown = || Reply::not_simulated(ME, &request.method, &request.path);
    if api_of(&request.path) == Api::Compute {
        return match compute::answer(desk, request, stockout) {
            Some(outcome) => outcome.unwrap_or_else(|refused| refused.reply()),
            None => unknown(),
        };
    }
    let Some((route, project, ids)) = find(request) else {
        return unknown();
    };
    let call = Call {
        request,
        project,
        ids,
        stockout,
    };
    let outcome = auth::admit(desk, &call).and_then(|()| (route.handler)(desk, &call));
    outcome.unwrap_or_else(|refused| refused.reply())
}

/// Whether a request reads a list.
pub(super) fn is_list(request: &Request) -> bool {
    if api_of(&request.path) == Api::Compute {
        return compute::is_list(request);
    }
    request.path == skus::PATH || find(request).is_some_and(|(route, ..)| route.list)
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
    fn every_route_finds_itself() {
        for route in ROUTES {
            let verb = if route.verb.is_empty() {
                String::new()
            } else {
                format!(":{}", route.verb)
            };
            let slash = if route.path.is_empty() { "" } else { "/" };
            let path = format!(
                "/v1/projects/p{slash}{}{verb}",
                route.path.replace("{}", "x")
            );
            let found = find(&request(route.method, &path));
            let found = found.map(|(r, project, _)| (r.path, r.verb, project));
            assert_eq!(
                found,
                Some((route.path, route.verb, "p".to_owned())),
                "{path}"
            );
        }
    }

    #[test]
    fn older_paths_and_encoded_verbs_are_taken_and_others_not() {
        let older = "/v1/projects/p/zones/us-central1-a/clusters/c";
        assert!(
            find(&request("GET", older)).is_some_and(|(_, _, ids)| ids == ["us-central1-a", "c"])
        );
        assert!(find(&request("GET", "/v1/projects/p/zones/z/serverconfig")).is_some());
        let encoded = "/v1/projects/p/locations/z/clusters/c%3AsetResourceLabels";
        assert!(
            find(&request("POST", encoded)).is_some_and(|(r, ..)| r.verb == "setResourceLabels")
        );
        for path in [
            "/v1/projects",
            "/v2/projects/p",
            "/v1/projects/p/locations/z/clusters/c:nothing",
            "/v1/projects/p/topics",
        ] {
            assert!(find(&request("GET", path)).is_none(), "{path}");
        }
    }

    #[test]
    fn lists_are_told_from_single_things() {
        for path in [
            "/v1/projects/p/locations/-/clusters",
            "/compute/v1/projects/p/aggregated/disks",
            "/compute/v1/projects/p/global/firewalls",
        ] {
            assert!(is_list(&request("GET", path)), "{path}");
        }
        for path in [
            "/v1/projects/p/locations/z/clusters/c",
            "/compute/v1/projects/p/zones/z/disks/d",
            "/v1/projects/p",
        ] {
            assert!(!is_list(&request("GET", path)), "{path}");
        }
    }
}
