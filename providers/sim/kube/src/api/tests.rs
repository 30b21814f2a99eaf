//! The verbs, one by one, without kubectl.
#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use crate::obj;
use crate::testkit::Kit;

const PODS: &str = "/api/v1/namespaces/default/pods";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const WEB: &str = "/apis/apps/v1/namespaces/default/deployments/web";

fn map(name: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"n": name}}, "data": {"k": "v"}})
}

/// Sends and returns code, reason and message.
fn refusal(kit: &mut Kit, method: &str, path: &str, body: &Value) -> (u16, String, String) {
    let (code, status) = kit.send(method, path, body);
    assert_eq!(
        (obj::text(&status, "/kind"), obj::text(&status, "/status")),
        ("Status", "Failure"),
        "{status}"
    );
    assert_eq!(status["code"], code);
    (
        code,
        obj::text(&status, "/reason").to_owned(),
        obj::text(&status, "/message").to_owned(),
    )
}

#[test]
fn create_fills_in_and_refuses_twice() {
    let mut kit = Kit::with_nodes(1);
    let made = kit.create(MAPS, &map("a"));
    assert_eq!(
        (&made["apiVersion"], &made["kind"]),
        (&json!("v1"), &json!("ConfigMap"))
    );
    for field in ["uid", "creationTimestamp", "resourceVersion"] {
        assert!(made["metadata"][field].is_string(), "{field}");
    }
    let (code, reason, message) = refusal(&mut kit, "POST", MAPS, &map("a"));
    assert_eq!(
        (code, reason.as_str(), message.as_str()),
        (409, "AlreadyExists", "configmaps \"a\" already exists")
    );
    let named = kit.create(MAPS, &json!({"metadata": {"generateName": "x-"}}));
    assert!(obj::name(&named).starts_with("x-") && obj::name(&named).len() == 7);
}

#[test]
fn create_refuses_what_the_server_refuses() {
    let mut kit = Kit::with_nodes(1);
    let cases = [
        (
            PODS,
            json!({"metadata": {"name": "UPPER"}, "spec": {"containers": [{"name": "a", "image": "b"}]}}),
            422,
            "metadata.name",
        ),
        (
            PODS,
            json!({"metadata": {"name": "x"}, "spec": {}}),
            422,
            "spec.containers: Required value",
        ),
        (
            PODS,
            json!({"metadata": {"name": "x"}, "spec": {"containers": "no"}}),
            400,
            "cannot unmarshal string",
        ),
        (
            PODS,
            json!({"metadata": {"name": "x", "namespace": "other"}}),
            400,
            "does not match the namespace",
        ),
        (
            PODS,
            json!({"apiVersion": "v2", "kind": "Pod", "metadata": {"name": "x"}}),
            400,
            "does not match the expected API version",
        ),
        (PODS, json!([1]), 400, "not a JSON object"),
        (
            "/api/v1/namespaces/nowhere/pods",
            Kit::pod("x"),
            404,
            "namespaces \"nowhere\" not found",
        ),
        (
            "/api/v1/namespaces/default/pods?fieldValidation=Strict",
            json!({"metadata": {"name": "x"}, "spec": {"zz": 1}}),
            400,
            "unknown field \"spec.zz\"",
        ),
        (
            "/api/v1/namespaces/default/pods?dryRun=Maybe",
            Kit::pod("x"),
            400,
            "invalid dryRun",
        ),
        ("/api/v1/pods", Kit::pod("x"), 400, "empty namespace"),
    ];
    for (path, body, want, text) in cases {
        let (code, _, message) = refusal(&mut kit, "POST", path, &body);
        assert_eq!(code, want, "{path} {message}");
        assert!(message.contains(text), "{message}");
    }
    assert_eq!(kit.names(PODS), Vec::<String>::new());
}

#[test]
fn a_selector_must_match_its_template() {
    let mut kit = Kit::with_nodes(1);
    let d = json!({"metadata": {"name": "x"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "c"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}}}});
    let (code, _, message) = refusal(
        &mut kit,
        "POST",
        "/apis/apps/v1/namespaces/default/deployments",
        &d,
    );
    assert_eq!(code, 422);
    assert!(
        message.contains("`selector` does not match template `labels`"),
        "{message}"
    );
    assert_eq!(kit.names(PODS), Vec::<String>::new());
}

#[test]
fn unknown_fields_are_dropped_without_strictness() {
    let mut kit = Kit::with_nodes(1);
    let mut pod = Kit::pod("x");
    pod["spec"]["zz"] = json!(1);
    assert_eq!(kit.create(PODS, &pod)["spec"].get("zz"), None);
}

#[test]
fn dry_runs_answer_and_change_nothing() {
    let mut kit = Kit::with_nodes(1);
    let all = |path: &str| format!("{path}?dryRun=All");
    assert_eq!(kit.send("POST", &all(MAPS), &map("a")).0, 201);
    assert_eq!(kit.send("GET", &format!("{MAPS}/a"), &json!(null)).0, 404);
    kit.create(MAPS, &map("a"));
    let (_, shown) = kit.send(
        "PATCH",
        &all(&format!("{MAPS}/a")),
        &json!({"data": {"k": "w"}}),
    );
    assert_eq!(shown["data"]["k"], "w");
    assert_eq!(
        kit.send("DELETE", &all(&format!("{MAPS}/a")), &json!(null))
            .0,
        200
    );
    assert_eq!(kit.get(&format!("{MAPS}/a"))["data"]["k"], "v");
}

#[test]
fn lists_select_and_page() {
    let mut kit = Kit::with_nodes(1);
    for name in ["a", "b", "c", "d", "e"] {
        kit.create(MAPS, &map(name));
    }
    assert_eq!(
        kit.names(&format!("{MAPS}?labelSelector=n+in+%28a%2Cc%29")),
        ["a", "c"]
    );
    assert_eq!(
        kit.names(&format!("{MAPS}?fieldSelector=metadata.name%3Db")),
        ["b"]
    );
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = kit.get(&format!("{MAPS}?limit=2&labelSelector=n&continue={token}"));
        seen.extend(
            obj::list(&page, "/items")
                .iter()
                .map(|o| obj::name(o).to_owned()),
        );
        obj::text(&page, "/metadata/continue").clone_into(&mut token);
        if token.is_empty() {
            break;
        }
        assert_eq!(page["metadata"]["remainingItemCount"], 5 - seen.len());
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);
    assert_eq!(
        refusal(
            &mut kit,
            "GET",
            &format!("{MAPS}?continue=%21"),
            &json!(null)
        )
        .0,
        400
    );
    assert_eq!(
        refusal(
            &mut kit,
            "GET",
            &format!("{MAPS}?fieldSelector=data.k%3Dv"),
            &json!(null)
        )
        .0,
        400
    );
    assert_eq!(
        refusal(
            &mut kit,
            "GET",
            &format!("{MAPS}?labelSelector=a+b"),
            &json!(null)
        )
        .0,
        400
    );
}

#[test]
fn updates_check_the_version_and_keep_what_is_not_theirs() {
    let mut kit = Kit::with_nodes(1);
    let path = format!("{MAPS}/a");
    let old = kit.create(MAPS, &map("a"));
    let mut new = old.clone();
    new["data"]["k"] = json!("2");
    new["metadata"]["uid"] = json!("");
    new["metadata"]["creationTimestamp"] = json!(null);
    assert_eq!(
        kit.send("PUT", &path, &new).1["metadata"]["uid"],
        old["metadata"]["uid"]
    );
    let (code, reason, message) = refusal(&mut kit, "PUT", &path, &new);
    assert_eq!((code, reason.as_str()), (409, "Conflict"));
    assert!(
        message.contains("the object has been modified"),
        "{message}"
    );
    new["metadata"]["name"] = json!("b");
    assert_eq!(refusal(&mut kit, "PUT", &path, &new).0, 400);
    assert_eq!(
        refusal(&mut kit, "PUT", &format!("{MAPS}/zz"), &map("zz")).0,
        404
    );
}

#[test]
fn status_and_spec_are_written_apart() {
    let mut kit = Kit::with_nodes(1);
    kit.create(
        "/apis/apps/v1/namespaces/default/deployments",
        &Kit::deployment("web", 1),
    );
    let before = kit.get(WEB)["status"].clone();
    kit.patch(WEB, &json!({"status": {"replicas": 99}}));
    assert_eq!(kit.get(WEB)["status"], before);
    let claim = kit.create(
        "/api/v1/namespaces/default/persistentvolumeclaims",
        &Kit::claim("c", "1Gi", None),
    );
    let path = "/api/v1/namespaces/default/persistentvolumeclaims/c/status";
    kit.patch(
        path,
        &json!({"status": {"phase": "Lost"}, "spec": {"volumeName": "zz"}}),
    );
    let now = kit.get("/api/v1/namespaces/default/persistentvolumeclaims/c");
    assert_eq!(
        (&now["status"]["phase"], &now["spec"]),
        (&json!("Lost"), &claim["spec"])
    );
}

#[test]
fn the_four_kinds_of_patch() {
    let mut kit = Kit::with_nodes(1);
    kit.create(
        "/apis/apps/v1/namespaces/default/deployments",
        &Kit::deployment("web", 1),
    );
    let containers = json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "env": [{"name": "A", "value": "1"}]}]}}}});
    let strategic = kit.patch(WEB, &containers);
    assert_eq!(
        strategic["spec"]["template"]["spec"]["containers"][0]["image"], "nginx:1",
        "merged by name"
    );
    let (_, merged) = kit.send_as(
        "PATCH",
        WEB,
        &json!({"spec": {"replicas": 2}}),
        "application/merge-patch+json",
    );
    assert_eq!(merged["spec"]["replicas"], 2);
    let (_, json_patched) = kit.send_as(
        "PATCH",
        WEB,
        &json!([{"op": "replace", "path": "/spec/replicas", "value": 3}]),
        "application/json-patch+json",
    );
    assert_eq!(json_patched["spec"]["replicas"], 3);
    let mut apply = Kit::deployment("web", 4);
    apply["apiVersion"] = json!("apps/v1");
    apply["kind"] = json!("Deployment");
    let media = "application/apply-patch+yaml";
    assert_eq!(
        kit.send_as("PATCH", WEB, &apply, media).1["spec"]["replicas"],
        4
    );
    apply["metadata"]["name"] = json!("new");
    let path = "/apis/apps/v1/namespaces/default/deployments/new?fieldManager=me";
    assert_eq!(
        kit.send_as("PATCH", path, &apply, media).0,
        201,
        "apply creates what is missing"
    );
    assert_eq!(
        kit.send_as("PATCH", WEB, &json!({}), "application/xml").0,
        415
    );
    assert_eq!(
        kit.send_as(
            "PATCH",
            WEB,
            &json!([{"op": "remove", "path": "/zz"}]),
            "application/json-patch+json"
        )
        .0,
        422
    );
}

#[test]
fn what_may_not_change_does_not() {
    let mut kit = Kit::with_nodes(1);
    kit.create(
        "/apis/apps/v1/namespaces/default/deployments",
        &Kit::deployment("web", 1),
    );
    let selector = json!({"spec": {"selector": {"matchLabels": {"app": "web", "x": "y"}}, "template": {"metadata": {"labels": {"x": "y"}}}}});
    let (code, _, message) = refusal(&mut kit, "PATCH", WEB, &selector);
    assert_eq!(code, 422);
    assert!(
        message.contains("spec.selector: Invalid value: field is immutable"),
        "{message}"
    );
    kit.create(
        "/api/v1/namespaces/default/persistentvolumeclaims",
        &Kit::claim("c", "10Gi", None),
    );
    let path = "/api/v1/namespaces/default/persistentvolumeclaims/c";
    let size = |s: &str| json!({"spec": {"resources": {"requests": {"storage": s}}}});
    assert_eq!(refusal(&mut kit, "PATCH", path, &size("20Gi")).0, 403);
    assert_eq!(refusal(&mut kit, "PATCH", path, &size("5Gi")).0, 422);
}

#[test]
fn scale_reads_and_writes() {
    let mut kit = Kit::with_nodes(1);
    kit.create(
        "/apis/apps/v1/namespaces/default/deployments",
        &Kit::deployment("web", 1),
    );
    let path = format!("{WEB}/scale");
    let mut scale = kit.get(&path);
    assert_eq!(
        (
            &scale["kind"],
            &scale["spec"]["replicas"],
            &scale["status"]["selector"]
        ),
        (&json!("Scale"), &json!(1), &json!("app=web"))
    );
    scale["spec"]["replicas"] = json!(3);
    scale["metadata"]["resourceVersion"] = json!("");
    assert_eq!(kit.send("PUT", &path, &scale).1["spec"]["replicas"], 3);
    assert_eq!(kit.names(PODS).len(), 3);
    assert_eq!(
        kit.send_as(
            "PATCH",
            &path,
            &json!({"spec": {"replicas": 0}}),
            "application/merge-patch+json"
        )
        .0,
        200
    );
    kit.advance(10);
    assert_eq!(kit.names(PODS).len(), 0);
    scale["spec"]["replicas"] = json!(-1);
    assert_eq!(refusal(&mut kit, "PUT", &path, &scale).0, 422);
}

#[test]
fn deletes_answer_with_a_status_or_the_object_and_check_preconditions() {
    let mut kit = Kit::with_nodes(1);
    kit.create(MAPS, &map("a"));
    let path = format!("{MAPS}/a");
    assert_eq!(
        refusal(
            &mut kit,
            "DELETE",
            &path,
            &json!({"preconditions": {"uid": "other"}})
        )
        .0,
        409
    );
    let gone = kit.delete(&path);
    assert_eq!(
        (&gone["status"], &gone["details"]["name"]),
        (&json!("Success"), &json!("a"))
    );
    let (code, reason, message) = refusal(&mut kit, "DELETE", &path, &json!(null));
    assert_eq!(
        (code, reason.as_str(), message.as_str()),
        (404, "NotFound", "configmaps \"a\" not found")
    );
    kit.create(PODS, &Kit::pod("p"));
    kit.advance(10);
    let leaving = kit.delete(&format!("{PODS}/p"));
    assert_eq!(
        (
            &leaving["kind"],
            &leaving["metadata"]["deletionGracePeriodSeconds"]
        ),
        (&json!("Pod"), &json!(30))
    );
    assert_eq!(
        refusal(
            &mut kit,
            "DELETE",
            "/api/v1/namespaces/default",
            &json!(null)
        )
        .0,
        403
    );
}

#[test]
fn finalizers_hold_until_they_are_taken_away() {
    let mut kit = Kit::with_nodes(1);
    let mut held = map("a");
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    kit.create(MAPS, &held);
    let path = format!("{MAPS}/a");
    kit.delete(&path);
    kit.advance(100);
    assert!(obj::deleting(&kit.get(&path)));
    kit.send_as(
        "PATCH",
        &path,
        &json!({"metadata": {"finalizers": null}}),
        "application/merge-patch+json",
    );
    assert_eq!(kit.send("GET", &path, &json!(null)).0, 404);
}

#[test]
fn collections_are_deleted_by_selector() {
    let mut kit = Kit::with_nodes(1);
    for name in ["a", "b", "c"] {
        kit.create(MAPS, &map(name));
    }
    kit.delete(&format!("{MAPS}?labelSelector=n+in+%28a%2Cb%29"));
    assert_eq!(kit.names(MAPS), ["c", "kube-root-ca.crt"]);
    assert_eq!(
        refusal(&mut kit, "DELETE", "/api/v1/configmaps", &json!(null)).0,
        405
    );
}

#[test]
fn logs_appear_with_the_container_and_exec_is_refused_by_name() {
    let mut kit = Kit::with_nodes(1);
    kit.create(PODS, &Kit::pod("p"));
    let log = format!("{PODS}/p/log");
    assert!(
        refusal(&mut kit, "GET", &log, &json!(null))
            .2
            .contains("waiting to start: ContainerCreating")
    );
    kit.advance(10);
    let (code, line) = kit.send("GET", &log, &json!(null));
    assert_eq!(
        (code, line.as_str().unwrap()),
        (200, "c (nginx:1) started in simulated cluster test\n")
    );
    assert_eq!(
        refusal(
            &mut kit,
            "GET",
            &format!("{log}?container=zz"),
            &json!(null)
        )
        .0,
        400
    );
    let (code, reason, message) =
        refusal(&mut kit, "POST", &format!("{PODS}/p/exec"), &json!(null));
    assert_eq!((code, reason.as_str()), (501, "NotImplemented"));
    assert!(
        message.contains("POST /api/v1/namespaces/default/pods/p/exec"),
        "{message}"
    );
}

#[test]
fn unknown_routes_and_methods_are_loud() {
    let mut kit = Kit::with_nodes(1);
    for path in [
        "/apis/example.com/v1/widgets",
        "/nope",
        "/api/v1/widgets",
        "/apis/apps/v1/namespaces/default/deployments/web/zz",
    ] {
        assert_eq!(
            refusal(&mut kit, "GET", path, &json!(null)).0,
            404,
            "{path}"
        );
    }
    assert_eq!(refusal(&mut kit, "POST", "/version", &json!(null)).0, 405);
    assert_eq!(refusal(&mut kit, "PUT", PODS, &json!(null)).0, 405);
    assert_eq!(kit.get("/version")["gitVersion"], "v1.33.1");
    assert_eq!(kit.send("GET", "/readyz", &json!(null)).1, "ok");
}

#[test]
fn hostile_values_do_not_panic() {
    let mut kit = Kit::with_nodes(1);
    kit.create(
        "/apis/apps/v1/namespaces/default/deployments",
        &Kit::deployment("web", 2),
    );
    let strategy = |surge: Value| json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": i64::MAX}}}});
    for surge in [
        json!(i64::MAX),
        json!("99999999999999999999%"),
        json!("-5%"),
        json!(i64::MIN),
    ] {
        kit.patch(WEB, &strategy(surge));
        kit.patch(WEB, &json!({"spec": {"template": {"metadata": {"annotations": {"x": kit.now.to_string()}}}}}));
        kit.advance(20);
    }
    for n in [-1, 1001, i64::MAX] {
        assert_eq!(
            refusal(&mut kit, "PATCH", WEB, &json!({"spec": {"replicas": n}})).0,
            422
        );
    }
    let mut pod = Kit::pod("p");
    pod["spec"]["containers"][0]["resources"] =
        json!({"requests": {"cpu": "9999999P", "memory": "-5"}});
    pod["spec"]["restartPolicy"] = json!("Never");
    pod["spec"]["terminationGracePeriodSeconds"] = json!(i64::MAX);
    kit.create(PODS, &pod);
    pod["metadata"]["name"] = json!("q");
    pod["spec"]["containers"][0]["command"] =
        json!(["sleep", "9223372036854775", "sleep", "9223372036854775807"]);
    pod["spec"]["containers"][0]["resources"] = json!({});
    kit.create(PODS, &pod);
    let mut job = json!({"metadata": {"name": "j"}, "spec": {"activeDeadlineSeconds": i64::MAX, "ttlSecondsAfterFinished": i64::MAX / 1000}});
    job["spec"]["template"] = json!({"spec": {"restartPolicy": "OnFailure", "containers": [{"name": "c", "image": "i", "command": ["sleep", "9223372036854775"]}]}});
    kit.create("/apis/batch/v1/namespaces/default/jobs", &job);
    kit.advance(100);
    for status in [
        json!("text"),
        json!([1]),
        json!({"containerStatuses": [1, "x"], "conditions": "no"}),
    ] {
        kit.send_as(
            "PATCH",
            &format!("{PODS}/q/status"),
            &json!({"status": status}),
            "application/merge-patch+json",
        );
        kit.advance(10);
        assert!(kit.table(PODS)["rows"].is_array());
    }
    assert_eq!(
        refusal(
            &mut kit,
            "POST",
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            &json!(7)
        )
        .0,
        400
    );
    assert_eq!(
        refusal(
            &mut kit,
            "POST",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            &json!({"metadata": {"name": "a/b"}})
        )
        .0,
        422
    );
    for name in ["p", "q"] {
        kit.send("DELETE", &format!("{PODS}/{name}"), &json!(null));
    }
    kit.advance(100);
}
