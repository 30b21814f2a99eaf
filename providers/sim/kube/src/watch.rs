//! Watches: what changed since a resource version, in the shape the client asked for. Each line is one JSON event.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::{Shape, partial};
use crate::cluster::Cluster;
use crate::errors;
use crate::meta::K;
use crate::select::{Fields, Labels};
use crate::store::{Change, Entry};
use crate::table;

/// A watch a client asked for.
#[derive(Clone, Debug)]
pub struct WatchQuery {
    pub(crate) k: K,
    pub(crate) namespace: String,
    pub(crate) labels: Labels,
    pub(crate) fields: Fields,
    pub(crate) shape: Shape,
    pub(crate) include: String,
    pub(crate) from: Option<u64>,
    pub(crate) bookmark_after_initial: bool,
    pub(crate) timeout_seconds: Option<u64>,
}

impl WatchQuery {
    /// The resource version to start after; `None` starts with the objects there are.
    #[must_use]
    pub fn from(&self) -> Option<u64> {
        self.from
    }

    /// How long the client wants to watch, in seconds of wall time.
    #[must_use]
    pub fn timeout_seconds(&self) -> Option<u64> {
        self.timeout_seconds
    }

    fn selects(&self, object: &Value) -> bool {
        let ns = object["metadata"]["namespace"].as_str().unwrap_or("");
        (self.namespace.is_empty() || ns == self.namespace)
            && self.labels.matches(object)
            && self.fields.matches(object)
    }
}

/// Some events of a watch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchBatch {
    /// Events as JSON, one per line, without line ends.
    pub lines: Vec<String>,
    /// The resource version to ask after next time.
    pub next: u64,
    /// Whether the watch is over.
    pub end: bool,
}

pub(crate) fn poll(c: &Cluster, q: &WatchQuery, after: Option<u64>) -> WatchBatch {
    let mut batch = WatchBatch {
        lines: Vec::new(),
        next: c.store.rv(),
        end: false,
    };
    let Some(after) = after else {
        for object in c.store.list(q.k, &q.namespace).filter(|o| q.selects(o)) {
            batch.lines.push(line(c, q, "ADDED", object));
        }
        if q.bookmark_after_initial {
            batch.lines.push(bookmark(c, q));
        }
        return batch;
    };
    let Some(entries) = c.store.since(after) else {
        let message = format!("too old resource version: {after} ({})", c.store.rv());
        let status: Value =
            serde_json::from_slice(&errors::expired(&message).body).unwrap_or_default();
        batch
            .lines
            .push(json!({"type": "ERROR", "object": status}).to_string());
        batch.end = true;
        return batch;
    };
    // A version from the future (a cluster restored from an older snapshot) waits for that version, as the real server does.
    batch.next = batch.next.max(after);
    for entry in entries.filter(|e| e.k == q.k) {
        let Ok(object) = serde_json::from_str::<Value>(&entry.object) else {
            continue;
        };
        if let Some(kind) = event_type(q, entry, &object) {
            batch.lines.push(line(c, q, kind, &object));
        }
    }
    batch
}

/// What the change looks like through the selectors: an object can enter or leave what is selected.
fn event_type(q: &WatchQuery, entry: &Entry, object: &Value) -> Option<&'static str> {
    let now = q.selects(object);
    let before = entry
        .before
        .as_ref()
        .and_then(|b| serde_json::from_str::<Value>(b).ok())
        .is_some_and(|b| q.selects(&b));
    match (entry.change, before, now) {
        (Change::Added, _, true) | (Change::Modified, false, true) => Some("ADDED"),
        (Change::Modified, true, true) => Some("MODIFIED"),
        (Change::Modified, true, false) | (Change::Deleted, _, true) => Some("DELETED"),
        _ => None,
    }
}

fn line(c: &Cluster, q: &WatchQuery, kind: &str, object: &Value) -> String {
    let shaped = match q.shape {
        Shape::Object => return json!({"type": kind, "object": object}).to_string(),
        Shape::Partial => partial(object),
        Shape::Table => {
            let meta = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
            table::render(q.k, &[object], &q.include, &meta, c.now)
        }
    };
    json!({"type": kind, "object": shaped}).to_string()
}

fn bookmark(c: &Cluster, q: &WatchQuery) -> String {
    let info = q.k.info();
    let meta = json!({"resourceVersion": c.store.rv().to_string(), "annotations": {"k8s.io/initial-events-end": "true"}});
    json!({"type": "BOOKMARK", "object": {"kind": info.kind, "apiVersion": info.api_version(), "metadata": meta}}).to_string()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::testkit::Kit;

    fn events(kit: &Kit, q: &WatchQuery, after: Option<u64>) -> Vec<(String, String)> {
        let parse = |l: &String| serde_json::from_str::<Value>(l).unwrap();
        let pair = |e: Value| {
            (
                e["type"].as_str().unwrap().to_owned(),
                e["object"]["metadata"]["name"]
                    .as_str()
                    .unwrap_or("")
                    .to_owned(),
            )
        };
        kit.cluster
            .watch_since(q, after)
            .lines
            .iter()
            .map(parse)
            .map(pair)
            .collect()
    }

    #[test]
    fn a_watch_sees_what_happens_after_its_version() {
        let mut kit = Kit::with_nodes(1);
        let q = kit.watch("/api/v1/namespaces/default/pods?watch=true&resourceVersion=1");
        assert_eq!(q.from(), Some(1));
        let rv = kit.cluster.resource_version();
        kit.create("/api/v1/namespaces/default/pods", &Kit::pod("a"));
        kit.advance(10);
        let seen = events(&kit, &q, Some(rv));
        assert_eq!(seen.first().unwrap(), &("ADDED".to_owned(), "a".to_owned()));
        assert!(seen[1..].iter().all(|e| e.0 == "MODIFIED") && seen.len() >= 3);
        let next = kit.cluster.watch_since(&q, Some(rv)).next;
        assert_eq!(events(&kit, &q, Some(next)), []);
        kit.send(
            "DELETE",
            "/api/v1/namespaces/default/pods/a?gracePeriodSeconds=0",
            &json!(null),
        );
        assert_eq!(events(&kit, &q, Some(next)).last().unwrap().0, "DELETED");
    }

    #[test]
    fn objects_enter_and_leave_a_selection() {
        let mut kit = Kit::with_nodes(1);
        let q = kit.watch("/api/v1/pods?watch=1&fieldSelector=status.phase%3DPending,metadata.namespace%3Ddefault");
        let rv = kit.cluster.resource_version();
        kit.create("/api/v1/namespaces/default/pods", &Kit::pod("a"));
        kit.advance(10);
        let seen = events(&kit, &q, Some(rv));
        assert_eq!(
            (
                seen.first().unwrap().0.as_str(),
                seen.last().unwrap().0.as_str()
            ),
            ("ADDED", "DELETED")
        );
        assert_eq!(events(&kit, &q, None), []);
    }

    #[test]
    fn a_watch_from_before_the_log_is_told_to_list_again() {
        let mut kit = Kit::with_nodes(1);
        let q = kit.watch("/api/v1/namespaces/default/configmaps?watch=1");
        for i in 0..200 {
            kit.create(
                "/api/v1/namespaces/default/configmaps",
                &json!({"metadata": {"name": format!("c{i}")}, "data": {"x": "y".repeat(2000)}}),
            );
        }
        let batch = kit.cluster.watch_since(&q, Some(5));
        assert!(batch.end);
        assert!(batch.lines[0].contains("\"code\":410"));
        let memory: usize = serde_json::to_string(&kit.cluster).unwrap().len();
        assert!(memory < 1_200_000, "{memory}");
    }

    #[test]
    fn initial_events_end_with_a_bookmark_when_asked() {
        let mut kit = Kit::with_nodes(2);
        let q = kit.watch("/api/v1/nodes?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan");
        let seen = events(&kit, &q, q.from());
        let kinds: Vec<&str> = seen.iter().map(|e| e.0.as_str()).collect();
        assert_eq!(kinds, ["ADDED", "ADDED", "BOOKMARK"]);
    }
}
