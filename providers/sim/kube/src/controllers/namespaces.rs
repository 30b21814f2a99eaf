//! Namespaces: what every one contains, and how one empties itself before it goes.

use serde_json::json;

use super::gc;
use crate::cluster::Cluster;
use crate::meta::K;
use crate::obj;

pub(crate) fn run(c: &mut Cluster) {
    for ns in c.store.snapshot(K::Namespace, "") {
        let name = obj::name(&ns);
        if obj::deleting(&ns) {
            empty(c, name);
        } else {
            furnish(c, name);
        }
    }
}

/// The default service account and the certificate authority.
fn furnish(c: &mut Cluster, ns: &str) {
    for (k, name) in [
        (K::ServiceAccount, "default"),
        (K::ConfigMap, "kube-root-ca.crt"),
    ] {
        if c.store.get(k, ns, name).is_some() {
            continue;
        }
        let mut object = json!({
            "apiVersion": "v1", "kind": k.info().kind,
            "metadata": {"name": name, "namespace": ns, "uid": c.ids.uid(), "creationTimestamp": obj::stamp(c.now)},
        });
        if k == K::ConfigMap {
            object["data"] = json!({"ca.crt": c.spec.ca_pem});
        }
        c.store.insert(k, object);
    }
}

/// Deletes what is left; when nothing is, the namespace goes.
fn empty(c: &mut Cluster, ns: &str) {
    let contents = c.store.in_namespace(ns);
    if contents.is_empty() {
        c.store.update(K::Namespace, "", ns, |o| {
            drop(obj::remove(o, &["spec", "finalizers"]));
        });
        return gc::finish(c, K::Namespace, "", ns);
    }
    for (k, name) in contents {
        if c.store.get(k, ns, &name).is_some_and(|o| !obj::deleting(o)) {
            gc::delete(c, k, ns, &name, gc::How::PLAIN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Kit;

    #[test]
    fn a_namespace_is_furnished_and_empties_itself() {
        let mut kit = Kit::with_nodes(1);
        kit.create("/api/v1/namespaces", &json!({"metadata": {"name": "team"}}));
        assert_eq!(
            kit.get("/api/v1/namespaces/team/serviceaccounts/default")["metadata"]["name"],
            "default"
        );
        assert!(
            kit.get("/api/v1/namespaces/team/configmaps/kube-root-ca.crt")["data"]["ca.crt"]
                .is_string()
        );
        kit.create("/api/v1/namespaces/team/pods", &Kit::pod("a"));
        kit.advance(10);
        kit.delete("/api/v1/namespaces/team");
        assert_eq!(
            kit.get("/api/v1/namespaces/team")["status"]["phase"],
            "Terminating"
        );
        let refused = kit.send("POST", "/api/v1/namespaces/team/pods", &Kit::pod("b"));
        assert_eq!(refused.0, 403);
        kit.advance(5);
        assert_eq!(
            kit.send("GET", "/api/v1/namespaces/team", &json!(null)).0,
            404
        );
        assert_eq!(
            kit.get("/api/v1/pods?fieldSelector=metadata.namespace%3Dteam")["items"],
            json!([])
        );
    }
}
