//! The objects of a cluster, their resource versions, and the bounded log that watches read.
//! Knows nothing of controllers or HTTP. A change that changes nothing makes no event, as in the real server.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::meta::K;
use crate::obj;
use crate::select::selectable;

/// Bytes of JSON the log may hold; older events are forgotten (a watch from before gets 410).
const LOG_BYTES: usize = 256 * 1024;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Change {
    Added,
    Modified,
    Deleted,
}

/// One change. The object is kept as compact JSON text: a tenth of the memory of a parsed one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) rv: u64,
    pub(crate) k: K,
    pub(crate) change: Change,
    pub(crate) object: String,
    /// What selectors could see before a modification, to notice objects that leave a selection.
    pub(crate) before: Option<String>,
}

impl Entry {
    fn size(&self) -> usize {
        self.object.len() + self.before.as_ref().map_or(0, String::len)
    }
}

/// All objects of one cluster.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Store {
    /// Per kind, by `namespace/name` (etcd's order).
    objects: BTreeMap<K, BTreeMap<String, Value>>,
    rv: u64,
    log: VecDeque<Entry>,
    log_bytes: usize,
    /// Resource version of the newest entry that was forgotten.
    forgotten: u64,
}

fn key(ns: &str, name: &str) -> String {
    format!("{ns}/{name}")
}

impl Store {
    /// The newest resource version.
    pub(crate) fn rv(&self) -> u64 {
        self.rv
    }

    pub(crate) fn get(&self, k: K, ns: &str, name: &str) -> Option<&Value> {
        self.objects.get(&k)?.get(&key(ns, name))
    }

    /// Objects of a kind in a namespace (`""` is all), in order.
    pub(crate) fn list<'a>(&'a self, k: K, ns: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        let (from, to) = if ns.is_empty() {
            (String::new(), "\u{10ffff}".to_owned())
        } else {
            // '0' follows '/', so the range holds exactly this namespace.
            (format!("{ns}/"), format!("{ns}0"))
        };
        self.objects
            .get(&k)
            .into_iter()
            .flat_map(move |m| m.range(from.clone()..to.clone()))
            .map(|(_, v)| v)
    }

    /// Copies of `list`, for loops that change the store.
    pub(crate) fn snapshot(&self, k: K, ns: &str) -> Vec<Value> {
        self.list(k, ns).cloned().collect()
    }

    /// All objects of namespaced kinds in a namespace.
    pub(crate) fn in_namespace(&self, ns: &str) -> Vec<(K, String)> {
        let kinds = self.objects.keys().copied().filter(|k| k.info().namespaced);
        kinds
            .flat_map(|k| self.list(k, ns).map(move |o| (k, obj::name(o).to_owned())))
            .collect()
    }

    /// Every object with its kind.
    pub(crate) fn all(&self) -> impl Iterator<Item = (K, &Value)> {
        self.objects
            .iter()
            .flat_map(|(k, m)| m.values().map(move |v| (*k, v)))
    }

    /// The object if it is still the one with that uid.
    pub(crate) fn same(&self, k: K, ns: &str, name: &str, uid: &str) -> Option<&Value> {
        self.get(k, ns, name).filter(|o| obj::uid(o) == uid)
    }

    /// Stores a new object and returns its resource version.
    pub(crate) fn insert(&mut self, k: K, mut object: Value) -> u64 {
        self.rv += 1;
        obj::set(
            &mut object,
            &["metadata", "resourceVersion"],
            json!(self.rv.to_string()),
        );
        self.record(k, Change::Added, &object, None);
        let at = key(obj::namespace(&object), obj::name(&object));
        self.objects.entry(k).or_default().insert(at, object);
        self.rv
    }

    /// Changes an object in place. Returns whether anything changed.
    pub(crate) fn update(
        &mut self,
        k: K,
        ns: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> bool {
        let Some(old) = self.get(k, ns, name) else {
            return false;
        };
        let mut new = old.clone();
        change(&mut new);
        if new == *old {
            return false;
        }
        if k.info().has_generation() && new.get("spec") != old.get("spec") {
            let generation = obj::int(old, "/metadata/generation").unwrap_or(0);
            obj::set(&mut new, &["metadata", "generation"], json!(generation + 1));
        }
        let before = selectable(old);
        self.rv += 1;
        obj::set(
            &mut new,
            &["metadata", "resourceVersion"],
            json!(self.rv.to_string()),
        );
        self.record(k, Change::Modified, &new, Some(before));
        self.objects
            .entry(k)
            .or_default()
            .insert(key(ns, name), new);
        true
    }

    /// Takes an object out, whatever its finalizers.
    pub(crate) fn remove(&mut self, k: K, ns: &str, name: &str) -> Option<Value> {
        let mut object = self.objects.get_mut(&k)?.remove(&key(ns, name))?;
        self.rv += 1;
        obj::set(
            &mut object,
            &["metadata", "resourceVersion"],
            json!(self.rv.to_string()),
        );
        self.record(k, Change::Deleted, &object, None);
        Some(object)
    }

    fn record(&mut self, k: K, change: Change, object: &Value, before: Option<Value>) {
        let entry = Entry {
            rv: self.rv,
            k,
            change,
            object: object.to_string(),
            before: before.map(|b| b.to_string()),
        };
        self.log_bytes += entry.size();
        self.log.push_back(entry);
        while self.log_bytes > LOG_BYTES {
            let Some(old) = self.log.pop_front() else {
                break;
            };
            self.log_bytes -= old.size();
            self.forgotten = old.rv;
        }
    }

    /// Changes after a resource version; `None` when the log no longer reaches back that far.
    pub(crate) fn since(&self, rv: u64) -> Option<impl Iterator<Item = &Entry>> {
        let from = self.log.partition_point(|e| e.rv <= rv);
        (rv >= self.forgotten).then(|| self.log.range(from..))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn pod(name: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "a", "uid": name}})
    }

    #[test]
    fn namespaces_do_not_leak_into_each_other() {
        let mut s = Store::default();
        for ns in ["a", "a-b", "a0", "ab"] {
            s.insert(K::Pod, json!({"metadata": {"name": "x", "namespace": ns}}));
        }
        assert_eq!(s.list(K::Pod, "a").count(), 1);
        assert_eq!(s.list(K::Pod, "").count(), 4);
    }

    #[test]
    fn an_update_that_changes_nothing_is_silent() {
        let mut s = Store::default();
        s.insert(K::Pod, pod("x"));
        let rv = s.rv();
        assert!(!s.update(K::Pod, "a", "x", |_| ()));
        assert_eq!(s.rv(), rv);
        assert!(s.update(K::Pod, "a", "x", |o| o["spec"] = json!({"a": 1})));
        assert_eq!(s.since(rv).unwrap().count(), 1);
    }

    #[test]
    fn generation_follows_the_spec_only() {
        let mut s = Store::default();
        s.insert(K::Deployment, json!({"metadata": {"name": "d", "namespace": "a", "generation": 1}, "spec": {"replicas": 1}}));
        s.update(K::Deployment, "a", "d", |o| {
            o["status"] = json!({"replicas": 1});
        });
        assert_eq!(
            s.get(K::Deployment, "a", "d").unwrap()["metadata"]["generation"],
            1
        );
        s.update(K::Deployment, "a", "d", |o| {
            o["spec"]["replicas"] = json!(2);
        });
        assert_eq!(
            s.get(K::Deployment, "a", "d").unwrap()["metadata"]["generation"],
            2
        );
    }

    #[test]
    fn the_log_forgets_and_says_so() {
        let mut s = Store::default();
        s.insert(K::Pod, pod("x"));
        for i in 0..3000 {
            s.update(K::Pod, "a", "x", |o| {
                o["data"] = json!(format!("{i:0>200}"));
            });
        }
        assert!(s.log_bytes <= LOG_BYTES);
        assert!(s.since(1).is_none());
        assert_eq!(s.since(s.rv() - 2).unwrap().count(), 2);
    }
}
