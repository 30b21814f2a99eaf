//! Removal: one request at a time, and none for what is gone, going or somebody else's.

use super::*;
use crate::api::tests::{CLUSTER as READ, not_found};

const DELETE: &str = "DELETE /v1/projects/p/locations/us-central1-a/clusters/lab";

#[tokio::test]
async fn removing_a_cluster_is_one_request_at_googles_own_time() {
    let world = world().await;
    world.queue.json(READ, 200, &ours());
    world.queue.json(
        DELETE,
        200,
        &json!({"name": "operation-9", "startTime": "2026-01-05T09:00:00Z"}),
    );
    let removed = destroy(&world.api, &target()).await.unwrap();
    assert_eq!(
        removed,
        Removal::Accepted("2026-01-05T09:00:00Z".parse().ok())
    );
    assert_eq!(world.queue.routes(), [READ, DELETE]);
}

#[tokio::test]
async fn what_is_gone_going_or_anothers_is_not_removed_again() {
    let world = world().await;
    // Gone is what neither its address nor the list knows.
    world.queue.json(READ, 404, &not_found());
    world.queue.json(CLUSTERS, 200, &json!({}));
    assert_eq!(destroy(&world.api, &target()).await.unwrap(), Removal::Gone);
    world.queue.json(READ, 404, &not_found());
    let partial = json!({"missingZones": ["us-central1-a"]});
    world.queue.json(CLUSTERS, 200, &partial);
    let unsure = destroy(&world.api, &target()).await.unwrap_err();
    assert_eq!(unsure.kind, Problem::Unavailable);
    world
        .queue
        .json(READ, 200, &lab("lab", &our_labels(), "STOPPING"));
    assert_eq!(
        destroy(&world.api, &target()).await.unwrap(),
        Removal::Accepted(None)
    );
    let mut other = ours();
    other["id"] = json!("ffff0000");
    world.queue.json(READ, 200, &other);
    assert_eq!(destroy(&world.api, &target()).await.unwrap(), Removal::Gone);
    let only_read = |r: &String| r == READ || r == CLUSTERS;
    assert!(world.queue.routes().iter().all(only_read));
}

#[tokio::test]
async fn a_cluster_that_is_listed_is_removed_even_when_its_own_address_denies_it() {
    let world = world().await;
    world.queue.json(READ, 404, &not_found());
    world
        .queue
        .json(CLUSTERS, 200, &json!({"clusters": [ours()]}));
    world
        .queue
        .json(DELETE, 200, &json!({"name": "operation-9"}));
    let removed = destroy(&world.api, &target()).await.unwrap();
    assert!(matches!(removed, Removal::Accepted(_)), "{removed:?}");
    assert_eq!(world.queue.routes(), [READ, CLUSTERS, DELETE]);
}

#[tokio::test]
async fn a_busy_cluster_and_a_used_disk_wait() {
    let world = world().await;
    world
        .queue
        .json(READ, 200, &lab("lab", &our_labels(), "PROVISIONING"));
    let busy = "Operation operation-1 is currently creating cluster lab. Please wait and try again once it is done.";
    world
        .queue
        .json(DELETE, 400, &error(400, "FAILED_PRECONDITION", busy));
    let refused = destroy(&world.api, &target()).await.unwrap_err();
    assert_eq!(
        (refused.kind, refused.is_temporary()),
        (Problem::InUse, true)
    );
    let disk = Ref::new("volume", "pvc-1").in_region("us-central1-a");
    let path = "DELETE /compute/v1/projects/p/zones/us-central1-a/disks/pvc-1";
    let used = json!({"error": {"code": 400, "message": "The disk resource 'd' is already being used by 'i'",
        "errors": [{"reason": "resourceInUseByAnotherResource"}]}});
    world.queue.json(path, 400, &used);
    assert_eq!(
        destroy(&world.api, &disk).await.unwrap_err().kind,
        Problem::InUse
    );
    let gone =
        json!({"error": {"code": 404, "message": "not found", "errors": [{"reason": "notFound"}]}});
    world.queue.json(path, 404, &gone);
    assert_eq!(destroy(&world.api, &disk).await.unwrap(), Removal::Gone);
    let odd = destroy(&world.api, &Ref::new("droplet", "1"))
        .await
        .unwrap_err();
    assert_eq!(odd.kind, Problem::Unexpected);
}
