//! URL paths to routes. A path that means nothing here is `None`, which becomes a 404.

use super::query::decode;
use crate::meta::{self, Kind};

/// A place in the API.
#[derive(Debug)]
pub(crate) enum Route {
    Root,
    Health,
    Version,
    /// `/api`
    Core,
    /// `/apis`
    Groups,
    /// `/apis/<group>`
    Group(String),
    /// `/api/v1`, `/apis/<group>/<version>`
    Resources(String, String),
    OpenApiV2,
    OpenApiIndex,
    OpenApi(String, String),
    Object(Target),
    /// A review by its kind.
    Review(&'static str),
    Metrics(MetricsOf),
}

/// A collection, an object or a subresource.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) kind: &'static Kind,
    /// Empty: cluster-wide or all namespaces.
    pub(crate) namespace: String,
    pub(crate) name: Option<String>,
    pub(crate) sub: Option<String>,
    /// The old `/watch/` form.
    pub(crate) watch: bool,
}

/// What metrics are asked of.
#[derive(Debug)]
pub(crate) struct MetricsOf {
    /// `nodes` or `pods`.
    pub(crate) pods: bool,
    pub(crate) namespace: String,
    pub(crate) name: Option<String>,
}

/// The group of the metrics API, which has no stored objects.
pub(crate) const METRICS: (&str, &str) = ("metrics.k8s.io", "v1beta1");

/// The kinds of review, with their group and resource name.
pub(crate) const REVIEWS: &[(&str, &str, &str)] = &[
    (
        "authentication.k8s.io",
        "selfsubjectreviews",
        "SelfSubjectReview",
    ),
    (
        "authorization.k8s.io",
        "selfsubjectaccessreviews",
        "SelfSubjectAccessReview",
    ),
    (
        "authorization.k8s.io",
        "selfsubjectrulesreviews",
        "SelfSubjectRulesReview",
    ),
];

pub(crate) fn parse(path: &str) -> Option<Route> {
    let decoded: Vec<String> = path
        .split('/')
        .filter(|p| !p.is_empty())
        .map(decode)
        .collect();
    let parts: Vec<&str> = decoded.iter().map(String::as_str).collect();
    Some(match parts.as_slice() {
        [] => Route::Root,
        ["healthz" | "livez" | "readyz", ..] => Route::Health,
        ["version"] => Route::Version,
        ["api"] => Route::Core,
        ["apis"] => Route::Groups,
        ["openapi", "v2"] => Route::OpenApiV2,
        ["openapi", "v3"] => Route::OpenApiIndex,
        ["openapi", "v3", "api", version] => Route::OpenApi(String::new(), (*version).to_owned()),
        ["openapi", "v3", "apis", group, version] => {
            Route::OpenApi((*group).to_owned(), (*version).to_owned())
        }
        ["api", version] => Route::Resources(String::new(), (*version).to_owned()),
        ["apis", group] => Route::Group((*group).to_owned()),
        ["apis", group, version] => Route::Resources((*group).to_owned(), (*version).to_owned()),
        ["api", version, rest @ ..] => return resource("", version, rest),
        ["apis", group, version, rest @ ..] => return resource(group, version, rest),
        _ => return None,
    })
}

fn resource(group: &str, version: &str, rest: &[&str]) -> Option<Route> {
    if (group, version) == METRICS {
        return metrics(rest).map(Route::Metrics);
    }
    if let (Some((_, _, kind)), "v1") = (
        REVIEWS.iter().find(|(g, p, _)| *g == group && rest == [*p]),
        version,
    ) {
        return Some(Route::Review(kind));
    }
    let (watch, rest) = match rest {
        ["watch", rest @ ..] => (true, rest),
        other => (false, other),
    };
    // A namespace has the same path as the prefix of what is inside it.
    let (namespace, plural, rest) = match rest {
        ["namespaces", _, sub @ ("status" | "finalize")] if group.is_empty() => {
            return object("", version, "namespaces", "", &[rest[1], sub], watch);
        }
        ["namespaces", ns, plural, rest @ ..] => (*ns, *plural, rest),
        [plural, rest @ ..] => ("", *plural, rest),
        [] => return None,
    };
    object(group, version, plural, namespace, rest, watch)
}

fn object(
    group: &str,
    version: &str,
    plural: &str,
    namespace: &str,
    rest: &[&str],
    watch: bool,
) -> Option<Route> {
    let kind = meta::by_route(group, version, plural)?;
    if !kind.namespaced && !namespace.is_empty() {
        return None;
    }
    let (name, sub) = match rest {
        [] => (None, None),
        [name] => (Some(*name), None),
        [name, sub] => (Some(*name), Some(*sub)),
        _ => return None,
    };
    // An object of a namespaced kind needs its namespace in the path.
    if kind.namespaced && namespace.is_empty() && name.is_some() {
        return None;
    }
    let (name, sub) = (name.map(str::to_owned), sub.map(str::to_owned));
    Some(Route::Object(Target {
        kind,
        namespace: namespace.to_owned(),
        name,
        sub,
        watch,
    }))
}

fn metrics(rest: &[&str]) -> Option<MetricsOf> {
    let of = |pods, namespace: &str, name: Option<&str>| MetricsOf {
        pods,
        namespace: namespace.to_owned(),
        name: name.map(str::to_owned),
    };
    Some(match rest {
        ["nodes"] => of(false, "", None),
        ["nodes", name] => of(false, "", Some(name)),
        ["pods"] => of(true, "", None),
        ["namespaces", ns, "pods"] => of(true, ns, None),
        ["namespaces", ns, "pods", name] => of(true, ns, Some(name)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::K;

    fn target(path: &str) -> Option<(K, String, Option<String>, Option<String>)> {
        match parse(path) {
            Some(Route::Object(t)) => Some((t.kind.k, t.namespace, t.name, t.sub)),
            _ => None,
        }
    }

    #[test]
    fn objects_collections_and_subresources() {
        let s = |x: &str| Some(x.to_owned());
        assert_eq!(
            target("/api/v1/pods"),
            Some((K::Pod, String::new(), None, None))
        );
        assert_eq!(
            target("/api/v1/namespaces/a/pods/x/log"),
            Some((K::Pod, "a".into(), s("x"), s("log")))
        );
        assert_eq!(
            target("/apis/apps/v1/namespaces/a/deployments/x"),
            Some((K::Deployment, "a".into(), s("x"), None))
        );
        assert_eq!(
            target("/api/v1/namespaces/a"),
            Some((K::Namespace, String::new(), s("a"), None))
        );
        assert_eq!(
            target("/api/v1/namespaces/a/finalize"),
            Some((K::Namespace, String::new(), s("a"), s("finalize")))
        );
        assert_eq!(
            target("/api/v1/nodes/n1"),
            Some((K::Node, String::new(), s("n1"), None))
        );
    }

    #[test]
    fn nonsense_is_no_route() {
        for path in [
            "/api/v1/widgets",
            "/api/v1/pods/x",
            "/apis/apps/v1beta1/deployments",
            "/api/v1/namespaces/a/nodes",
            "/x",
            "/apis/apps/v1/namespaces",
        ] {
            assert!(target(path).is_none(), "{path}");
        }
    }
}
