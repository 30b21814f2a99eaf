//! Credential files of every type, and kubectl's token. The key is a throwaway that was made for this test.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::*;
use crate::api::tests::{World, world, world_of};

const KEY: &str = include_str!("throwaway.pem");
const TOKEN: &str = "POST /token";

fn file(json: &Value) -> Credentials {
    Credentials::File(Secret::new(json.to_string()))
}

fn service_account() -> Credentials {
    file(&json!({
        "type": "service_account", "client_email": "bot@p.iam.gserviceaccount.com", "private_key_id": "k1",
        "private_key": KEY, "project_id": "p", "token_uri": "https://oauth2.googleapis.com/token",
    }))
}

fn user() -> Credentials {
    file(&json!({
        "type": "authorized_user", "client_id": "c1", "client_secret": "secret-canary",
        "refresh_token": "refresh-canary", "quota_project_id": "payer",
    }))
}

fn form(world: &World) -> String {
    let seen = world.queue.seen();
    let body = seen
        .iter()
        .rfind(|r| r.url.ends_with("/token"))
        .and_then(|r| r.body.clone());
    String::from_utf8(body.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn a_service_account_exchanges_a_signed_statement() {
    let world = world_of(service_account()).await;
    let given =
        json!({"access_token": "ya29.fresh-canary", "expires_in": 3599, "token_type": "Bearer"});
    world.queue.json(TOKEN, 200, &given);
    let token = world.api.kubectl_token().await.unwrap();
    assert_eq!(token.token.reveal(), "ya29.fresh-canary");
    let end = kubelease_http::testing::start() + chrono::TimeDelta::seconds(3599);
    assert_eq!(token.expires_at, Some(end));
    let form = form(&world);
    let (grant, assertion) = form.split_once("&assertion=").unwrap();
    assert_eq!(
        grant,
        "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer"
    );
    let parts: Vec<&str> = assertion.split('.').collect();
    let decode = |text: &str| {
        serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    assert_eq!(
        decode(parts[0]),
        json!({"alg": "RS256", "typ": "JWT", "kid": "k1"})
    );
    let claims = decode(parts[1]);
    assert_eq!(claims["iss"], "bot@p.iam.gserviceaccount.com");
    assert_eq!(claims["aud"], "https://oauth2.googleapis.com/token");
    assert!(claims["scope"].as_str().unwrap().contains("userinfo.email"));
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        3600
    );
    assert_eq!(
        URL_SAFE_NO_PAD.decode(parts[2]).unwrap().len(),
        256,
        "an RSA signature of 2048 bits"
    );
    assert!(!world.log.text().contains("canary") && !world.log.text().contains(assertion));
    assert_eq!(world.api.login.scrub("x ya29.fresh-canary"), "x [secret]");
}

#[tokio::test]
async fn a_user_exchanges_the_refresh_token() {
    let world = world_of(user()).await;
    world.queue.json(
        TOKEN,
        200,
        &json!({"access_token": "ya29.u", "expires_in": 60}),
    );
    assert_eq!(
        world.api.kubectl_token().await.unwrap().token.reveal(),
        "ya29.u"
    );
    let expect = "grant_type=refresh_token&client_id=c1&client_secret=secret-canary&refresh_token=refresh-canary";
    assert_eq!(form(&world), expect);
}

#[tokio::test]
async fn a_refused_exchange_says_what_to_do_without_the_secret() {
    let world = world_of(user()).await;
    let answer =
        json!({"error": "invalid_grant", "error_description": "refresh-canary was revoked"});
    world.queue.json(TOKEN, 400, &answer);
    let error = world.api.kubectl_token().await.unwrap_err();
    assert_eq!(error.kind, Kind::Unauthenticated);
    assert!(
        error
            .hint
            .as_ref()
            .unwrap()
            .contains("gcloud auth application-default login")
    );
    assert_eq!(error.message, "invalid_grant: [secret] was revoked");
}

#[tokio::test]
async fn a_fixed_token_is_given_as_it_is() {
    let world = world().await;
    let token = world.api.kubectl_token().await.unwrap();
    assert_eq!(
        (token.token.reveal(), token.expires_at),
        (crate::api::tests::CANARY, None)
    );
}

#[tokio::test]
async fn the_library_signs_in_for_keys_and_users() {
    // A service account signs its calls by itself, without asking anybody.
    let world = world_of(service_account()).await;
    let mut request = Request::get("/x", "x");
    world.api.login.apply(&mut request).await.unwrap();
    let (name, value) = &request.headers[0];
    assert!(
        name == "authorization" && value.starts_with("Bearer eyJ"),
        "{name}"
    );
    assert_eq!(
        world.api.login.identity().as_deref(),
        Some("bot@p.iam.gserviceaccount.com")
    );
    // A user's refresh token goes to the endpoint's own exchange, over the library's own connection.
    let world = world_of(user_with_uri()).await;
    world.queue.json(
        TOKEN,
        200,
        &json!({"access_token": "ya29.user", "expires_in": 3600, "token_type": "Bearer"}),
    );
    let mut request = Request::get("/x", "x");
    world.api.login.apply(&mut request).await.unwrap();
    assert!(
        request
            .headers
            .contains(&("authorization".to_owned(), "Bearer ya29.user".to_owned()))
    );
    assert!(
        request
            .headers
            .contains(&("x-goog-user-project".to_owned(), "payer".to_owned()))
    );
}

fn user_with_uri() -> Credentials {
    let Credentials::File(text) = user() else {
        unreachable!("a file")
    };
    let mut json: Value = serde_json::from_str(text.reveal()).unwrap();
    json["token_uri"] = json!("https://oauth2.googleapis.com/token");
    file(&json)
}

#[tokio::test]
async fn unknown_and_broken_files_are_refused_without_showing_them() {
    for text in [
        r#"{"type":"canary_account"}"#,
        r#"{"type":"service_account","private_key":"canary"}"#,
    ] {
        let world = world_of(Credentials::File(Secret::new(text))).await;
        let error = world
            .api
            .login
            .apply(&mut Request::get("/x", "x"))
            .await
            .unwrap_err();
        assert_eq!(error.kind, Kind::Unauthenticated, "{error}");
        assert!(!error.to_string().contains("\"canary\""), "{error}");
    }
}
