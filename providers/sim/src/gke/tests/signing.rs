//! Tokens: where they come from, what they say, whose the clusters take.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{ME, P, Story};

fn assertion() -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"iss": "robot@p.iam.gserviceaccount.com", "scope": "s"});
    format!("{}.{}.c2ln", part(json!({"alg": "RS256"})), part(claims))
}

#[test]
fn refresh_tokens_and_assertions_are_exchanged() {
    let mut story = Story::new();
    story
        .account(json!({"tokens": [{"token": "1//refresh", "scopes": ["*"]}]}))
        .unwrap();
    let good = json!({"grant_type": "refresh_token", "refresh_token": "1//refresh", "client_id": "i", "client_secret": "s"});
    let issued = story.must("POST", "/token", &good);
    assert!(
        issued["access_token"]
            .as_str()
            .unwrap()
            .starts_with("ya29.")
    );
    assert_eq!(
        (&issued["token_type"], &issued["expires_in"]),
        (&json!("Bearer"), &json!(3_599))
    );
    let bad = json!({"grant_type": "refresh_token", "refresh_token": "1//stolen"});
    assert_eq!(
        story.ask("POST", "/token", &bad).1["error"],
        "invalid_grant"
    );
    // What was issued opens the API and says whose it is.
    let form = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={}",
        assertion()
    );
    let mut request = story.request("POST", "/token", &Value::Null);
    request.body = form.into();
    let issued = story.carry_out(&request).value().unwrap();
    let token = issued["access_token"].as_str().unwrap().to_owned();
    let info = story.get(&format!("/tokeninfo?access_token={token}"));
    assert_eq!(info["email"], "robot@p.iam.gserviceaccount.com");
    let mut request = story.request("GET", &format!("{P}/locations/-/clusters"), &Value::Null);
    assert_eq!(story.carry_out(&request).status, 401);
    request
        .headers
        .insert("authorization", format!("Bearer {token}").parse().unwrap());
    assert_eq!(story.carry_out(&request).status, 200);
    assert_eq!(
        story
            .ask("GET", "/tokeninfo?access_token=x", &Value::Null)
            .0,
        400
    );
}

#[test]
fn clusters_take_access_tokens_but_no_assertions_and_nobody_once_they_go() {
    let mut story = Story::new();
    let path = story.cluster("c1");
    let id = story.get(&path)["id"].as_str().unwrap().to_owned();
    assert!(story.world.cluster_user(&id, "ya29.any").is_some());
    assert_eq!(story.world.cluster_user(&id, &assertion()), None);
    assert_eq!(story.world.cluster_user(&id, ""), None);
    story.account(json!({"tokens": [{"token": "a", "scopes": ["*"]}, {"token": "b", "scopes": ["compute"]}]})).unwrap();
    assert!(story.world.cluster_user(&id, "a").is_some());
    assert_eq!(story.world.cluster_user(&id, "b"), None);
    assert_eq!(story.world.cluster_user(&id, "ya29.any"), None);
    story.token = "Bearer a";
    story.must("DELETE", &path, &Value::Null);
    assert_eq!(story.world.cluster_user(&id, "a"), None);
}

#[test]
fn the_metadata_server_wants_its_header() {
    let mut story = Story::new();
    let target = "/computeMetadata/v1/instance/service-accounts/default/token";
    let mut request = story.request("GET", target, &Value::Null);
    assert_eq!(story.carry_out(&request).status, 403);
    request
        .headers
        .insert("metadata-flavor", "Google".parse().unwrap());
    let reply = story.carry_out(&request);
    assert!(reply.value().unwrap()["access_token"].is_string());
    assert_eq!(story.world.resources(Some(ME)).len(), 0);
}
