//! The SDK over a real socket: what it sends, what its errors mean, and what is sent again.

use kubelease_http::Failure;
use serde_json::json;

use super::*;
use crate::api::tests::{CANARY, CLUSTER, CLUSTERS, cluster, error, not_found, our_labels, world};

const CREATE: &str = "POST /v1/projects/p/locations/us-central1-a/clusters";
const DELETE: &str = "DELETE /v1/projects/p/locations/us-central1-a/clusters/lab";

#[tokio::test]
async fn clusters_come_as_plain_values() {
    let world = world().await;
    let labs = json!({"clusters": [cluster("lab", &our_labels(), "RUNNING")], "missingZones": ["us-east4-b"]});
    world.queue.json(CLUSTERS, 200, &labs);
    let (clusters, missing) = world.api.container.clusters().await.unwrap();
    assert_eq!(missing, ["us-east4-b"]);
    let [lab] = clusters.as_slice() else {
        panic!("{clusters:?}")
    };
    assert_eq!(
        (lab.name.as_str(), lab.status.as_str(), lab.nodes),
        ("lab", "RUNNING", 2)
    );
    assert_eq!(lab.created, "2026-01-05T08:00:00Z".parse().ok());
    assert_eq!(lab.labels["kubelease-lease"], "lbcdfghjkm");
    let bearer = ("authorization".to_owned(), format!("Bearer {CANARY}"));
    assert!(world.queue.seen()[0].headers.contains(&bearer));
    assert!(!world.log.text().contains("canary"), "{}", world.log.text());
}

/// Recorded, it would be asked for ever whether it is gone.
#[tokio::test]
async fn an_object_without_a_name_is_no_cluster() {
    let world = world().await;
    world.queue.json(CLUSTER, 200, &json!({}));
    let read = world.api.container.cluster("us-central1-a", "lab").await;
    assert_eq!(read.unwrap_err().kind, Kind::Unavailable);
    world.queue.json(CLUSTERS, 200, &json!({"clusters": [{}]}));
    let error = world.api.container.clusters().await.unwrap_err();
    assert!(error.message.contains("without name"), "{error}");
}

#[tokio::test]
async fn only_googles_own_not_found_is_one() {
    let world = world().await;
    world.queue.json(CLUSTER, 404, &not_found());
    assert_eq!(
        world
            .api
            .container
            .cluster("us-central1-a", "lab")
            .await
            .unwrap(),
        None
    );
    world.queue.always(404, "<html>not here</html>");
    let error = world
        .api
        .container
        .cluster("us-central1-a", "lab")
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(error.message.contains("not the API's"), "{error}");
}

#[tokio::test]
async fn reads_are_repeated_and_changes_only_when_surely_not_processed() {
    let outcome = async |status: u16, headers: &[(&str, &str)], create: bool| {
        let world = world().await;
        let body = error(status, "UNAVAILABLE", "later").to_string();
        let route = if create { CREATE } else { CLUSTER };
        world.queue.reply(route, status, headers, &body);
        let good = if create {
            json!({"name": "op"})
        } else {
            cluster("lab", &json!({}), "RUNNING")
        };
        world.queue.json(route, 200, &good);
        let failed = if create {
            world
                .api
                .container
                .create("us-central1-a", &json!({"name": "lab"}))
                .await
                .err()
        } else {
            world
                .api
                .container
                .cluster("us-central1-a", "lab")
                .await
                .err()
        };
        (failed.map(|e| e.kind), world.queue.seen().len())
    };
    assert_eq!(outcome(503, &[], false).await, (None, 2));
    assert_eq!(outcome(429, &[], true).await, (None, 2));
    assert_eq!(outcome(503, &[("retry-after", "3")], true).await, (None, 2));
    assert_eq!(outcome(503, &[], true).await, (Some(Kind::Unavailable), 1));
    assert_eq!(
        outcome(403, &[], true).await,
        (Some(Kind::PermissionDenied), 1)
    );
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_not_sent_again() {
    let world = world().await;
    world.queue.fail(CREATE, Failure::Lost("reset".into()));
    let create = world
        .api
        .container
        .create("us-central1-a", &json!({"name": "lab"}))
        .await;
    assert_eq!(create.unwrap_err().kind, Kind::Timeout);
    world.queue.fail(DELETE, Failure::Lost("reset".into()));
    let delete = world.api.container.delete("us-central1-a", "lab").await;
    assert_eq!(delete.unwrap_err().kind, Kind::Timeout);
    world.queue.reply(CREATE, 200, &[], "<html>hello</html>");
    let page = world
        .api
        .container
        .create("us-central1-a", &json!({"name": "lab"}))
        .await;
    assert_eq!(page.unwrap_err().kind, Kind::Timeout);
    assert_eq!(world.queue.seen().len(), 3);
}

#[tokio::test]
async fn a_secret_that_an_answer_repeats_is_taken_out() {
    let world = world().await;
    let message = format!("token {CANARY} is bad");
    world
        .queue
        .json(CLUSTERS, 401, &error(401, "UNAUTHENTICATED", &message));
    let error = world.api.container.clusters().await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (Kind::Unauthenticated, "token [secret] is bad")
    );
    assert!(error.hint.is_some() && !format!("{error:?} {:?}", world.api).contains("canary"));
}

#[tokio::test]
async fn versions_are_those_of_the_regular_channel() {
    let world = world().await;
    let config = json!({
        "validMasterVersions": ["1.37.0-gke.1"],
        "channels": [
            {"channel": "RAPID", "validVersions": ["1.36.4-gke.1"]},
            {"channel": "REGULAR", "defaultVersion": "1.35.7-gke.2", "validVersions": ["1.35.7-gke.2", "1.34.9-gke.1"]},
        ],
    });
    world.queue.json(
        "GET /v1/projects/p/locations/us-central1-a/serverConfig",
        200,
        &config,
    );
    let offer = world.api.container.offer("us-central1-a").await.unwrap();
    assert_eq!(offer.versions, ["1.35.7-gke.2", "1.34.9-gke.1"]);
}
