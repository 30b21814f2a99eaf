//! What somebody does in a vendor's console behind our back: requests of the vendor's own API that
//! share nothing with our clients.

use serde_json::Value;

use super::{Bench, runtime};

/// Deletes the cluster `ours` of `/world`, and nothing else.
pub(super) fn delete_cluster(_: &Bench, cloud: &str, endpoint: &str, ours: &Value) {
    let id = ours["id"].as_str().unwrap();
    let path = match cloud {
        "digitalocean" | "vultr" => format!("/v2/kubernetes/clusters/{id}"),
        // The id of `/world` is Google's own; its API wants name and zone.
        "gke" => format!(
            "/v1/projects/simulated-project/locations/{}/clusters/{}",
            ours["region"].as_str().unwrap(),
            ours["name"].as_str().unwrap()
        ),
        "linode" => format!("/v4/lke/clusters/{id}"),
        other => panic!("no console for {other}"),
    };
    delete(
        &format!("{endpoint}{path}"),
        &[("authorization", "Bearer console")],
    );
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
