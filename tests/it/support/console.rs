//! What somebody does in a vendor's console behind our back: requests of the vendor's own API that
//! share nothing with our clients.

use serde_json::Value;

use super::{Bench, runtime};

/// Deletes the cluster `ours` of `/world`, and nothing else.
pub(super) fn delete_cluster(bench: &Bench, cloud: &str, endpoint: &str, ours: &Value) {
    let id = ours["id"].as_str().unwrap();
    if cloud == "eks" {
        return delete_eks(bench, endpoint, id);
    }
    let path = match cloud {
        "digitalocean" | "vultr" => format!("/v2/kubernetes/clusters/{id}"),
        // The id of `/world` is Google's own; its API wants name and zone.
        "gke" => format!(
            "/v1/projects/simulated-project/locations/{}/clusters/{}",
            ours["region"].as_str().unwrap(),
            ours["name"].as_str().unwrap()
        ),
        "linode" => format!("/v4/lke/clusters/{id}"),
        // The id is the path.
        "aks" => format!("{id}?api-version=2025-10-01"),
        other => panic!("no console for {other}"),
    };
    delete(
        &format!("{endpoint}{path}"),
        &[("authorization", "Bearer console")],
    );
}

/// EKS refuses to delete a cluster that has node groups: first those, then the cluster.
fn delete_eks(bench: &Bench, endpoint: &str, cluster: &str) {
    // Simulators know no secrets: a signature must only look like one.
    let signature = format!(
        "AWS4-HMAC-SHA256 Credential=console/20260105/us-east-1/eks/aws4_request, SignedHeaders=host;x-amz-date, Signature={}",
        "0".repeat(64)
    );
    let headers = [
        ("authorization", signature.as_str()),
        ("x-amz-date", "20260105T080000Z"),
    ];
    let cluster = format!("{endpoint}/clusters/{cluster}");
    delete(&format!("{cluster}/node-groups/nodes"), &headers);
    bench.advance("5m");
    delete(&cluster, &headers);
}

/// One DELETE that must work.
fn delete(url: &str, headers: &[(&str, &str)]) {
    runtime().block_on(async move {
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let mut request = reqwest::Client::new().delete(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let gone = request.send().await.unwrap();
        let status = gone.status();
        assert!(
            status.is_success(),
            "{status} {}",
            gone.text().await.unwrap()
        );
    });
}
