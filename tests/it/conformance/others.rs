//! What is not a live lease of ours: leftovers, orphans, look-alikes, vanished clusters, limits.

use serde_json::json;

use crate::support::{Bench, capability, said};

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
    bench.create_for_claims(cloud, "lab").ok();
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
    bench.create_for_claims(cloud, "lab").ok();
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

/// Where somebody else's cluster of our name is: elsewhere, where a place has a name once.
fn their_place(cloud: &str) -> Option<&'static str> {
    match cloud {
        "gke" => Some("us-east4-b"),
        "eks" => Some("us-west-2"),
        _ => None,
    }
}

/// Clusters, volumes and load balancers with names like ours, but without our tag, are never touched.
pub(super) fn foreign_look_alikes(bench: &Bench, cloud: &str) {
    let mut cluster = json!({
        "kind": "cluster", "name": "lab", "nodes": 1, "tags": ["kubelease", "kubelease-lease"]
    });
    if let Some(place) = their_place(cloud) {
        println!(
            "conformance {cloud:>12} foreign: a place has a name once, so theirs is in {place}"
        );
        cluster["region"] = json!(place);
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
    bench.create_for_claims(cloud, "lab").ok();
    bench.use_it("lab");
    // AWS is looked at where we are and where we are told to look: here everywhere that theirs is.
    let everywhere = |args: &[&str]| {
        let mut command = bench.command();
        command.env("KUBELEASE_EKS_REGIONS", "us-west-2").args(args);
        said(command.output().unwrap()).ok()
    };
    let listed = everywhere(&["list", "--all", "-o", "json"]).json();
    let foreign = listed["foreign"].as_array().unwrap();
    assert!(
        foreign
            .iter()
            .any(|f| f["kind"] == "cluster" && f["name"] == "lab" && f["owner"].is_null()),
        "{listed}"
    );
    bench.advance("5h");
    everywhere(&["guard", "tick"]);
    assert_eq!(bench.world(true), Vec::<serde_json::Value>::new());
    everywhere(&["sweep", "--apply"]);
    assert_eq!(bench.strangers(), strangers, "untouched");
}

/// A name that somebody else's cluster has where ours would be: refused before anything is made, and with
/// another name there is no trouble.
pub(super) fn taken_name(bench: &Bench, cloud: &str) {
    if !capability(cloud).unique_names {
        println!("conformance {cloud:>12} taken: does not apply, a name may be there twice");
        return;
    }
    bench.foreign(
        cloud,
        json!([{ "kind": "cluster", "name": "lab", "nodes": 1 }]),
    );
    bench.advance("15m");
    let (strangers, before) = (bench.strangers(), bench.requests().len());
    let refused = bench.create(cloud, "lab").code(6);
    assert!(
        refused.stderr.contains("choose another --name"),
        "{}",
        refused.stderr
    );
    assert_eq!(made(bench, before), Vec::<String>::new());
    assert_eq!(bench.strangers(), strangers, "untouched");
    bench.create(cloud, "lab-2").ok();
    bench.run(&["delete", "lab-2", "--yes"]).ok();
    assert_eq!(bench.strangers(), strangers, "untouched");
}

/// Requests after the first `before` that made something. AWS's query and JSON services read by POST, as
/// does whoever asks for a token; what was refused made nothing.
fn made(bench: &Bench, before: usize) -> Vec<String> {
    const READS: [&str; 3] = ["Describe", "Get", "List"];
    let reads = |path: &str| {
        let action = path.rsplit('/').next().unwrap_or_default();
        READS.iter().any(|word| action.starts_with(word)) || path.ends_with("token")
    };
    let later = bench.requests().split_off(before);
    let makes = later
        .iter()
        .filter(|r| r["method"] == "POST" || r["method"] == "PUT")
        .filter(|r| r["status"].as_u64().is_none_or(|status| status < 300))
        .map(|r| r["path"].as_str().unwrap().to_owned());
    makes.filter(|path| !reads(path)).collect()
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

/// Too small a limit is found before anything is created, and the answer says what would fit. A cloud that
/// tells nobody its limits refuses itself; then nothing stays.
pub(super) fn quota(bench: &Bench, cloud: &str) {
    if cloud == "linode" {
        promotion(bench, cloud);
    }
    bench.limit_nodes(cloud, 1);
    let before = bench.requests().len();
    let refused = bench.create(cloud, "lab").code(5);
    assert_eq!(bench.world(true), Vec::<serde_json::Value>::new());
    if ["linode", "vultr"].contains(&cloud) {
        println!("conformance {cloud:>12} quota: of nodes no call tells, the create is refused");
        assert!(refused.stderr.contains("fewer nodes"), "{}", refused.stderr);
        return;
    }
    assert!(refused.stderr.contains("count = 1"), "{}", refused.stderr);
    assert_eq!(made(bench, before), Vec::<String>::new(), "only looked");
}

/// Linode's promotional credit pays for ten services of all kinds together.
fn promotion(bench: &Bench, cloud: &str) {
    let nine: Vec<_> = (0..9)
        .map(|n| json!({ "kind": "volume", "name": format!("theirs-{n}") }))
        .collect();
    let account = |settings| {
        let path = format!("/accounts/{cloud}");
        bench.control.send("PUT", &path, &settings).unwrap();
    };
    account(json!({ "credit": "100", "foreign": nine }));
    let before = bench.requests().len();
    let refused = bench.create(cloud, "lab").code(5);
    for words in ["promotional credit", "is 10 with 9 in use", "count = 1"] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    assert_eq!(made(bench, before), Vec::<String>::new(), "only looked");
    account(json!({ "foreign": [] }));
}
