//! Lists, pages, filters, labels, batches and operations of the compute API; what faults make of lists.

use hyper::header::HeaderValue;
use serde_json::{Value, json};

use super::{C, ME, P, Story};
use crate::cloud::Refusal;

fn volumes(story: &mut Story, count: u32) {
    let one = |n: u32| json!({"kind": "volume", "name": format!("d{n}"), "tags": [format!("n=v{n}")], "region": if n.is_multiple_of(2) { "us-central1-a" } else { "europe-west1-b" }});
    let foreign: Vec<Value> = (0..count).map(one).collect();
    story.account(json!({"foreign": foreign})).unwrap();
}

#[test]
fn aggregated_lists_have_every_scope_and_pages() {
    let mut story = Story::new();
    volumes(&mut story, 5);
    let all = story.get(&format!(
        "{C}/aggregated/disks?includeAllScopes=True&maxResults=500&returnPartialSuccess=True"
    ));
    assert_eq!(all["kind"], "compute#diskAggregatedList");
    assert_eq!(
        all["items"]["zones/us-central1-a"]["disks"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(
        all["items"]["zones/us-east4-b"]["warning"]["code"],
        "NO_RESULTS_ON_PAGE"
    );
    assert_eq!(
        all["items"]["regions/us-east4"]["warning"]["code"],
        "NO_RESULTS_ON_PAGE"
    );
    let (mut seen, mut token, mut pages) = (0, String::new(), 0);
    loop {
        let page = story.get(&format!(
            "{C}/aggregated/disks?maxResults=2&pageToken={}",
            token.replace('=', "%3D")
        ));
        let scopes = page["items"].as_object().unwrap().values();
        seen += scopes
            .filter_map(|s| s["disks"].as_array())
            .map(Vec::len)
            .sum::<usize>();
        pages += 1;
        match page["nextPageToken"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => break,
        }
    }
    assert_eq!((seen, pages), (5, 3));
    for query in ["maxResults=501", "maxResults=x", "pageToken=x"] {
        assert_eq!(
            story.status("GET", &format!("{C}/aggregated/disks?{query}")),
            400,
            "{query}"
        );
    }
    let some = story.get(&format!(
        "{C}/zones/us-central1-a/disks?filter=labels.n%3Dv2"
    ));
    assert_eq!(some["items"].as_array().unwrap().len(), 1);
    let none = story.get(&format!(
        "{C}/zones/us-central1-a/disks?filter=labels.n%3Dv1"
    ));
    assert_eq!(none.get("items"), None);
}

#[test]
fn labels_of_a_disk_are_under_a_fingerprint() {
    let mut story = Story::new();
    volumes(&mut story, 1);
    let disk = format!("{C}/zones/us-central1-a/disks/d0");
    let set = format!("{disk}/setLabels");
    let (status, reason, _) = story.refused(
        "POST",
        &set,
        &json!({"labels": {}, "labelFingerprint": "x"}),
    );
    assert_eq!((status, reason.as_str()), (412, "conditionNotMet"));
    let print = story.get(&disk)["labelFingerprint"].clone();
    story.must(
        "POST",
        &set,
        &json!({"labels": {"a": "b"}, "labelFingerprint": print}),
    );
    let shown = story.get(&disk);
    assert_eq!(shown["labels"], json!({"a": "b"}));
    assert_ne!(shown["labelFingerprint"], print);
    assert_eq!(
        story
            .refused(
                "POST",
                &set,
                &json!({"labels": {"A": "b"}, "labelFingerprint": shown["labelFingerprint"]})
            )
            .0,
        400
    );
}

#[test]
fn operations_say_where_they_are() {
    let mut story = Story::new();
    volumes(&mut story, 1);
    let begun = story.must(
        "DELETE",
        &format!("{C}/zones/us-central1-a/disks/d0"),
        &Value::Null,
    );
    assert!(
        begun["zone"]
            .as_str()
            .unwrap()
            .ends_with("/zones/us-central1-a")
            && begun.get("region").is_none()
    );
    let operation = format!(
        "{C}/zones/us-central1-a/operations/{}",
        begun["name"].as_str().unwrap()
    );
    let wait = format!("{operation}/wait");
    assert_eq!(story.must("POST", &wait, &Value::Null)["status"], "RUNNING");
    story.pass(5);
    let done = story.must("POST", &wait, &Value::Null);
    assert_eq!(
        (&done["status"], &done["progress"]),
        (&json!("DONE"), &json!(100))
    );
    assert_eq!(story.everywhere("operations").len(), 1);
    assert_eq!(
        story.status("GET", &format!("{C}/global/operations/nope")),
        404
    );
    // An id does for a name.
    story.create("c1");
    story.pass(60);
    let id = story.everywhere("instances")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        story.get(&format!("{C}/zones/us-central1-a/instances/{id}"))["id"],
        id
    );
}

#[test]
fn a_batch_is_answered_part_by_part() {
    let mut story = Story::new();
    volumes(&mut story, 3);
    let part = |n: u32, name: &str| {
        format!(
            "--===b==\nContent-Type: application/http\nMIME-Version: 1.0\nContent-ID: <u+{n}>\n\nDELETE {C}/zones/us-central1-a/disks/{name}?alt=json HTTP/1.1\nContent-Type: application/json\ncontent-length: 0\nHost: 127.0.0.1\n\n\n"
        )
    };
    let mut request = story.request("POST", "/batch/compute/v1", &Value::Null);
    let kind = HeaderValue::from_static("multipart/mixed; boundary=\"===b==\"");
    request.headers.insert("content-type", kind);
    request.body = format!("{}{}--===b==--\n", part(0, "d0"), part(1, "nope")).into();
    let reply = story.carry_out(&request);
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    assert_eq!(
        reply.content_type,
        Some("multipart/mixed; boundary=batch_kubelease_simulator")
    );
    let first = text.find("Content-ID: <response-u+0>").unwrap();
    let second = text.find("Content-ID: <response-u+1>").unwrap();
    assert!(
        text[first..second].contains("HTTP/1.1 200 OK")
            && text[second..].contains("HTTP/1.1 404 Error"),
        "{text}"
    );
    story.pass(5);
    assert_eq!(
        story.status("GET", &format!("{C}/zones/us-central1-a/disks/d0")),
        404
    );
    request.body = "nonsense".into();
    assert_eq!(story.carry_out(&request).status, 400);
}

#[test]
fn faults_speak_each_apis_language() {
    let mut story = Story::new();
    let mut refuse = |refusal, method: &str, target: &str| {
        let request = story.request(method, target, &Value::Null);
        let (cloud, core) = story.world.cloud(ME);
        let reply = cloud.refuse(core, refusal, &request);
        (reply.status, reply.value().unwrap()["error"].clone())
    };
    let (status, error) = refuse(
        Refusal::InUse,
        "DELETE",
        &format!("{C}/zones/us-central1-a/disks/d"),
    );
    assert_eq!(
        (status, &error["errors"][0]["reason"]),
        (400, &json!("resourceInUseByAnotherResource"))
    );
    let (status, error) = refuse(
        Refusal::InUse,
        "DELETE",
        &format!("{P}/locations/us-central1-a/clusters/c"),
    );
    assert_eq!(
        (status, &error["status"]),
        (400, &json!("FAILED_PRECONDITION"))
    );
    let (status, error) = refuse(
        Refusal::Status(503),
        "GET",
        &format!("{P}/locations/-/clusters"),
    );
    assert_eq!((status, &error["status"]), (503, &json!("UNAVAILABLE")));
    let (status, error) = refuse(Refusal::NotFound, "GET", "/compute/");
    assert_eq!(
        (status, &error["errors"][0]["reason"]),
        (404, &json!("notFound"))
    );
}

#[test]
fn a_stockout_fault_is_taken_and_fails_later() {
    let mut story = Story::new();
    let request = story.request(
        "POST",
        &format!("{P}/locations/us-central1-a/clusters"),
        &super::cluster_body("c1"),
    );
    let (cloud, core) = story.world.cloud(ME);
    let reply = cloud.refuse(core, Refusal::Stockout, &request);
    assert_eq!(reply.status, 200);
    story.pass(240);
    let cluster = story.get(&format!("{P}/locations/us-central1-a/clusters/c1"));
    assert_eq!(cluster["status"], "ERROR");
}

#[test]
fn places_and_types() {
    let mut story = Story::new();
    assert_eq!(
        story.get(&format!("{C}/zones"))["items"]
            .as_array()
            .unwrap()
            .len(),
        22
    );
    let region = story.get(&format!("{C}/regions/us-central1"));
    assert_eq!(region["zones"].as_array().unwrap().len(), 4);
    let medium = story.get(&format!("{C}/zones/us-central1-a/machineTypes/e2-medium"));
    assert_eq!(
        (&medium["guestCpus"], &medium["memoryMb"]),
        (&json!(2), &json!(4096))
    );
    assert!(!story.everywhere("machineTypes").is_empty());
    assert_eq!(story.status("GET", &format!("{C}/regions/mars")), 404);
    assert_eq!(story.get(P)["lifecycleState"], "ACTIVE");
    let asked = json!({"permissions": ["container.clusters.create"]});
    assert_eq!(
        story.must("POST", &format!("{P}:testIamPermissions"), &asked),
        asked
    );
}
