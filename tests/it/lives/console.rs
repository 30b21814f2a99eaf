//! What a person does in a vendor's console while a lease lives: more nodes, fewer nodes, a larger
//! volume. Requests of the vendor's own API that share nothing with our clients.

use chrono::TimeDelta;
use kubelease_core::ProviderId;
use reqwest::Method;
use serde_json::{Value, json};

use super::world::World;

const AZURE: &str = "api-version=2025-10-01";

/// Makes the (only) pool of a cluster have `count` nodes. `ours` is the cluster's row of `/world`.
pub(crate) async fn resize_pool(world: &World, ours: &Value, count: u32) {
    let word = |name: &str| ours[name].as_str().unwrap().to_owned();
    let (id, name) = (word("id"), word("name"));
    match world.cloud {
        ProviderId::DigitalOcean => {
            let path = format!("/v2/kubernetes/clusters/{id}");
            let cluster = send(world, Method::GET, &path, None).await;
            let pool = &cluster["kubernetes_cluster"]["node_pools"][0];
            let path = format!("{path}/node_pools/{}", pool["id"].as_str().unwrap());
            let body = json!({ "name": pool["name"], "count": count });
            send(world, Method::PUT, &path, Some(body)).await;
        }
        ProviderId::Linode => {
            let path = format!("/v4/lke/clusters/{id}/pools");
            let pools = send(world, Method::GET, &path, None).await;
            let path = format!("{path}/{}", pools["data"][0]["id"]);
            send(world, Method::PUT, &path, Some(json!({ "count": count }))).await;
        }
        ProviderId::Vultr => {
            let path = format!("/v2/kubernetes/clusters/{id}");
            let cluster = send(world, Method::GET, &path, None).await;
            let pool = &cluster["vke_cluster"]["node_pools"][0]["id"];
            let path = format!("{path}/node-pools/{}", pool.as_str().unwrap());
            let body = json!({ "node_quantity": count });
            send(world, Method::PATCH, &path, Some(body)).await;
        }
        ProviderId::Gke => {
            let path = format!(
                "/v1/projects/simulated-project/locations/{}/clusters/{name}/nodePools",
                word("region")
            );
            let pools = send(world, Method::GET, &path, None).await;
            let pool = pools["nodePools"][0]["name"].as_str().unwrap();
            let path = format!("{path}/{pool}:setSize");
            let body = json!({ "nodeCount": count });
            send(world, Method::POST, &path, Some(body)).await;
        }
        ProviderId::Eks => {
            let path = format!("/clusters/{name}/node-groups");
            let groups = send(world, Method::GET, &path, None).await;
            let group = groups["nodegroups"][0].as_str().unwrap();
            let path = format!("{path}/{group}/update-config");
            let scaling = json!({ "minSize": 1, "maxSize": 9, "desiredSize": count });
            let body =
                json!({ "scalingConfig": scaling, "clientRequestToken": format!("t{count}") });
            send(world, Method::POST, &path, Some(body)).await;
        }
        ProviderId::Aks => {
            let path = format!("{id}/agentPools");
            let pools = send(world, Method::GET, &format!("{path}?{AZURE}"), None).await;
            let mut pool = pools["value"][0].clone();
            let path = format!("{path}/{}?{AZURE}", pool["name"].as_str().unwrap());
            let wish = pool["properties"].as_object_mut().unwrap();
            wish.insert("count".to_owned(), json!(count));
            let body = json!({ "properties": wish });
            send(world, Method::PUT, &path, Some(body)).await;
        }
    }
}

/// Lets a volume grow. False on clouds where the simulator has no such call.
pub(crate) async fn grow_volume(world: &World, id: &str, gib: u32) -> bool {
    match world.cloud {
        ProviderId::DigitalOcean => {
            let path = format!("/v2/volumes/{id}/actions");
            let body = json!({ "type": "resize", "size_gigabytes": gib });
            send(world, Method::POST, &path, Some(body)).await;
            // The action takes effect a while later: in the second in which it is done.
            let path = format!("/v2/volumes/{id}");
            for _ in 0..60 {
                world.advance(TimeDelta::seconds(1));
                let now = send(world, Method::GET, &path, None).await;
                if now["volume"]["size_gigabytes"] == gib {
                    break;
                }
            }
        }
        ProviderId::Vultr => {
            let path = format!("/v2/blocks/{id}");
            let body = json!({ "size_gb": gib });
            send(world, Method::PATCH, &path, Some(body)).await;
        }
        _ => return false,
    }
    true
}

/// One request that must work.
async fn send(world: &World, method: Method, path: &str, body: Option<Value>) -> Value {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let url = format!("{}{path}", world.endpoint);
    let mut request = reqwest::Client::new().request(method, &url);
    if world.cloud == ProviderId::Eks {
        // Simulators know no secrets: a signature must only look like one.
        let signature = format!(
            "AWS4-HMAC-SHA256 Credential=console/20260105/us-east-1/eks/aws4_request, SignedHeaders=host;x-amz-date, Signature={}",
            "0".repeat(64)
        );
        request = request
            .header("authorization", signature)
            .header("x-amz-date", "20260105T080000Z");
    } else {
        request = request.bearer_auth("console");
    }
    if let Some(body) = body {
        request = request
            .header("content-type", "application/json")
            .body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{url}: {status} {text}");
    serde_json::from_str(&text).unwrap_or_default()
}
