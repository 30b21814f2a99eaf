//! The kinds that a listing reads from compute, in delete order with the reason, and how each is
//! addressed. Reads everything at once; decides nothing about owners.

use kubelease_core::{Error, Scope};
use kubelease_http::Listed;

use crate::api::wire::{Resource, tail};
use crate::api::{Api, Where};

use super::names::{is_boot, is_made};

/// A kind of ours and where compute keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// Of our refs.
    pub(super) kind: &'static str,
    /// Compute's word, in paths.
    pub(super) collection: &'static str,
    pub(super) at: Where,
    /// Whether it costs money by itself: only such a thing of others is shown.
    pub(super) costs: bool,
}

const fn kind(kind: &'static str, collection: &'static str, costs: bool) -> Kind {
    Kind {
        kind,
        collection,
        at: Where::Everywhere,
        costs,
    }
}

/// All compute kinds in delete order, after the cluster (whose controllers make everything anew as long
/// as it lives). What points goes before what is pointed to: Google refuses to remove what is in use.
pub(super) const KINDS: [Kind; 14] = [
    kind("load_balancer", "forwardingRules", true),
    kind("target_http_proxy", "targetHttpProxies", false),
    kind("target_https_proxy", "targetHttpsProxies", false),
    kind("url_map", "urlMaps", false),
    kind("backend_service", "backendServices", false),
    kind("target_pool", "targetPools", false),
    kind("health_check", "healthChecks", false),
    Kind {
        at: Where::Global,
        ..kind("http_health_check", "httpHealthChecks", false)
    },
    kind("network_endpoint_group", "networkEndpointGroups", false),
    kind("instance_group", "instanceGroups", false),
    Kind {
        at: Where::Global,
        ..kind("firewall", "firewalls", false)
    },
    kind("address", "addresses", true),
    kind("instance", "instances", true),
    kind("volume", "disks", true),
];

/// A boot disk lives in the same collection as a claim's volume.
pub(super) const BOOT_DISK: Kind = kind("boot_disk", "disks", true);

/// What exists only behind an Ingress, or behind target pools: read when there is a trace of them.
const OF_INGRESS: [&str; 4] = [
    "targetHttpProxies",
    "targetHttpsProxies",
    "urlMaps",
    "instanceGroups",
];
/// What controllers make behind a forwarding rule and a firewall of theirs, without which nothing would
/// tell whose these are: read when there is one, or a record of ours.
const OF_SERVICES: [&str; 4] = [
    "backendServices",
    "targetPools",
    "healthChecks",
    "networkEndpointGroups",
];
const OF_POOLS: &str = "httpHealthChecks";

/// The kind of that word.
pub(super) fn by_word(word: &str) -> Option<Kind> {
    KINDS
        .into_iter()
        .chain([BOOT_DISK])
        .find(|k| k.kind == word)
}

/// Everything that compute holds of those kinds.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// In the order of [`KINDS`].
    pub(super) rows: Vec<(Kind, Resource)>,
    /// What could not be read.
    pub(super) missing: Vec<(&'static str, Error)>,
}

impl Seen {
    /// Reads it: the usual kinds at once, and then, round by round, those that the ones before point to.
    pub(super) async fn read(api: &Api, scope: &Scope<'_>) -> Self {
        let round = |k: &Kind| {
            let last = OF_INGRESS.contains(&k.collection) || k.collection == OF_POOLS;
            usize::from(OF_SERVICES.contains(&k.collection)) + 2 * usize::from(last)
        };
        let mut seen = Self::default();
        for now in 0..3 {
            let due = |k: &Kind| round(k) == now && (now == 0 || seen.has_trace(k, scope));
            let kinds: Vec<Kind> = KINDS.into_iter().filter(due).collect();
            seen.take(list_all(api, kinds).await);
        }
        seen.rows
            .sort_by_key(|(kind, _)| KINDS.iter().position(|k| k.collection == kind.collection));
        seen
    }

    fn take(&mut self, lists: Vec<(Kind, Listed<Resource>)>) {
        for (kind, listed) in lists {
            let rows = listed.items.into_iter();
            self.rows.extend(rows.map(|r| (kind_of(kind, &r), r)));
            self.missing
                .extend(listed.missing.map(|why| (kind.collection, why)));
        }
    }

    /// Whether things of such a kind may exist: something points to them, or we recorded one.
    fn has_trace(&self, kind: &Kind, scope: &Scope<'_>) -> bool {
        let recorded = scope.recorded.iter().any(|(_, r)| r.kind == kind.kind);
        let of = |collection: &str| self.rows.iter().any(|(k, _)| k.collection == collection);
        recorded
            || match kind.collection {
                c if OF_SERVICES.contains(&c) => {
                    let mut doors = self.of("forwardingRules").chain(self.of("firewalls"));
                    doors.any(|d| is_made(&d.name))
                }
                OF_POOLS => of("targetPools"),
                _ => {
                    of("backendServices")
                        || self
                            .rows
                            .iter()
                            .any(|(_, r)| r.target.contains("/targetHttp"))
                }
            }
    }

    /// The things of a collection.
    pub(super) fn of<'a>(&'a self, collection: &'a str) -> impl Iterator<Item = &'a Resource> {
        let rows = self
            .rows
            .iter()
            .filter(move |(k, _)| k.collection == collection);
        rows.map(|(_, r)| r)
    }
}

fn kind_of(kind: Kind, resource: &Resource) -> Kind {
    if kind.collection == BOOT_DISK.collection && is_boot(&resource.name, &resource.description) {
        BOOT_DISK
    } else {
        kind
    }
}

async fn list_all(api: &Api, kinds: Vec<Kind>) -> Vec<(Kind, Listed<Resource>)> {
    let mut tasks = tokio::task::JoinSet::new();
    for kind in kinds {
        let api = api.clone();
        tasks.spawn(async move { (kind, api.list(kind.collection, kind.at).await) });
    }
    tasks.join_all().await
}

/// What a resource points to, as collection and name: it must go first.
pub(super) fn links(resource: &Resource) -> Vec<(&str, &str)> {
    let single = [
        &resource.target,
        &resource.backend_service,
        &resource.url_map,
        &resource.default_service,
    ];
    let groups = resource.backends.iter().map(|b| &b.group);
    let disks = resource.disks.iter().map(|d| &d.source);
    let urls = single
        .into_iter()
        .chain(groups)
        .chain(disks)
        .chain(&resource.health_checks);
    let mut all: Vec<(&str, &str)> = urls.filter_map(|url| ends(url)).collect();
    for matcher in &resource.path_matchers {
        texts(matcher, &mut all);
    }
    all
}

/// `…/backendServices/b1` is `backendServices`, `b1`.
fn ends(url: &str) -> Option<(&str, &str)> {
    let (front, name) = url.rsplit_once('/')?;
    Some((tail(front), name))
}

/// Path matchers name backend services at several depths.
fn texts<'a>(value: &'a serde_json::Value, found: &mut Vec<(&'a str, &'a str)>) {
    match value {
        serde_json::Value::String(text) if text.contains("/backendServices/") => {
            found.extend(ends(text));
        }
        serde_json::Value::Array(rows) => rows.iter().for_each(|row| texts(row, found)),
        serde_json::Value::Object(map) => map.values().for_each(|row| texts(row, found)),
        _ => {}
    }
}
