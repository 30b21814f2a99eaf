//! What is not a live lease of ours: leftovers, orphans, look-alikes, vanished clusters, limits.

use serde_json::json;

use crate::support::Bench;

/// A load balancer that appears after the listing that precedes the delete is found and removed.
pub(super) fn leftovers(bench: &Bench, cloud: &str) {
    if cloud == "aks" {
        println!(
            "conformance {cloud:>12} leftovers: a disk in a group of others (all else goes with the cluster)"
        );
        bench.foreign(
            cloud,
            json!([{ "kind": "resource_group", "name": "disks" }]),
        );
    }
    bench.create(cloud, "lab").ok();
    if cloud == "aks" {
        bench.kube_post(
            "lab",
            "/apis/storage.k8s.io/v1/storageclasses",
            &json!({
                "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": "elsewhere" },
                "provisioner": "disk.csi.azure.com", "parameters": { "resourceGroup": "rg-resource-group-disks" },
                "volumeBindingMode": "WaitForFirstConsumer"
            }),
        );
        bench.claim("lab", &json!({ "storageClassName": "elsewhere" }));
        bench.advance("5m");
    } else {
        bench.use_it("lab");
    }
    // The guard saw the cluster, so what hangs on it is ours even when somebody deletes the cluster only.
    bench.tick().ok();
    bench.delete_cluster_in_console(cloud);
    assert_eq!(
        bench.of_kind("volume").len(),
        1,
        "a careless delete leaves the volume"
    );
    bench.advance("15m");
    bench.tick().ok();
    // What others removed between two ticks may be booked until the tick that noticed, never less.
    bench.settle_vanished();
    bench.assert_clean();
}

/// The ledger is lost: any machine with the credentials reaps by the owner tags, after a second look.
pub(super) fn orphans(bench: &Bench, cloud: &str) {
    bench.create(cloud, "lab").ok();
    bench.use_it("lab");
    bench.tick().ok();
    bench.elsewhere().tick(bench);
    assert_eq!(bench.of_kind("cluster").len(), 1, "it runs until its time");
    bench.advance("5h");
    let other = bench.elsewhere();
    let first = other.tick(bench);
    assert!(
        !first["report"]["orphans"].as_array().unwrap().is_empty(),
        "{first}"
    );
    assert_eq!(
        bench.of_kind("cluster").len(),
        1,
        "one sighting is not enough"
    );
    bench.advance("15m");
    other.tick(bench);
    assert_eq!(bench.world(true), Vec::<serde_json::Value>::new());
    // The ledger that comes back notices, and books until it does.
    bench.tick().ok();
    bench.settle_vanished();
}

/// Clusters and volumes with names like ours, but without our tag, are never touched.
pub(super) fn foreign_look_alikes(bench: &Bench, cloud: &str) {
    let mut cluster = json!({
        "kind": "cluster", "name": "lab", "nodes": 1, "tags": ["kubelease", "kubelease-lease"]
    });
    if cloud == "gke" {
        println!(
            "conformance {cloud:>12} foreign: a zone has a name once, so theirs is in another"
        );
        cluster["region"] = json!("us-east4-b");
    }
    bench.foreign(
        cloud,
        json!([
            cluster,
            { "kind": "volume", "name": "pvc-lab" },
            { "kind": "load_balancer", "name": "lab" },
        ]),
    );
    // Their nodes take a moment too.
    bench.advance("15m");
    let strangers = bench.strangers();
    assert!(strangers.len() >= 3, "{strangers:?}");
    let mut ours = "lab";
    if cloud == "eks" {
        println!(
            "conformance {cloud:>12} foreign: a region has a name once, so ours is refused and gets another"
        );
        let refused = bench.create(cloud, ours).code(6);
        assert!(
            refused.stderr.contains("not this lease's"),
            "{}",
            refused.stderr
        );
        assert_eq!(bench.strangers(), strangers, "untouched");
        ours = "lab-2";
    }
    bench.create(cloud, ours).ok();
    bench.use_it(ours);
    let listed = bench.run(&["list", "--all", "-o", "json"]).ok().json();
    let foreign = listed["foreign"].as_array().unwrap();
    assert!(
        foreign
            .iter()
            .any(|f| f["kind"] == "cluster" && f["name"] == "lab" && f["owner"].is_null()),
        "{listed}"
    );
    bench.advance("5h");
    bench.tick().ok();
    bench.run(&["sweep", "--apply"]).ok();
    assert_eq!(bench.strangers(), strangers, "untouched");
}

/// Deleted in the vendor's console behind our back: noticed, swept, settled.
pub(super) fn vanished(bench: &Bench, cloud: &str) {
    bench.create(cloud, "lab").ok();
    bench.tick().ok();
    bench.delete_cluster_in_console(cloud);
    bench.advance("15m");
    let tick = bench.tick().ok().json();
    assert_eq!(tick["report"]["ended"][0]["reason"], "vanished", "{tick}");
    assert_eq!(bench.world(true), Vec::<serde_json::Value>::new());
    bench.settle_vanished();
}

/// Too small a quota is found before anything is created, and the answer says what would fit. A cloud
/// that tells nobody its limits refuses itself; then nothing stays.
pub(super) fn quota(bench: &Bench, cloud: &str) {
    bench.limit_nodes(cloud, 1);
    if cloud == "eks" {
        // AWS has an API of its own for limits, which we do not ask: its scaling group says what it lacks.
        println!("conformance {cloud:>12} quota: no preflight, a launch fails and all is undone");
        let refused = bench.create(cloud, "lab").code(6);
        assert!(
            refused.stderr.contains("VcpuLimitExceeded"),
            "{}",
            refused.stderr
        );
        assert_eq!(bench.world(true), Vec::<serde_json::Value>::new());
        return;
    }
    let refused = bench.create(cloud, "lab").code(5);
    assert_eq!(bench.world(true), Vec::<serde_json::Value>::new());
    if ["linode", "vultr"].contains(&cloud) {
        println!("conformance {cloud:>12} quota: no preflight, the API tells no limits");
        assert!(refused.stderr.contains("fewer nodes"), "{}", refused.stderr);
        return;
    }
    assert!(refused.stderr.contains("count = 1"), "{}", refused.stderr);
    assert!(
        !bench.requests().iter().any(|r| r["method"] == "POST"),
        "only looked"
    );
}
