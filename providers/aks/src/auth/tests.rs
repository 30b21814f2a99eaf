//! Tokens over canned answers of Entra ID: the vendor's library itself runs.

use kubelease_core::ManualClock;
use kubelease_http::testing::{Queue, start};
use kubelease_http::{Request, Silent};

use super::*;

const TOKEN: &str = "POST /tenant-1/oauth2/v2.0/token";

fn tools(queue: &Arc<Queue>, now: DateTime<Utc>) -> (Toolkit, ManualClock) {
    let clock = ManualClock::at(now);
    let tools = Toolkit {
        clock: Arc::new(clock.clone()),
        transport: queue.clone(),
        observer: Arc::new(Silent),
        seed: 1,
    };
    (tools, clock)
}

fn principal() -> Config {
    Config {
        endpoint: "https://management.azure.com".to_owned(),
        subscription: "s".to_owned(),
        login: Login::ClientSecret {
            tenant: "tenant-1".to_owned(),
            client: "client-1".to_owned(),
            secret: Secret::new("canary"),
        },
    }
}

async fn header(auth: &Arc<dyn Auth>) -> Result<String, Error> {
    let mut request = Request::get("/x", "x");
    auth.apply(&mut request).await?;
    Ok(request.headers[0].1.clone())
}

#[tokio::test]
async fn a_secret_becomes_a_token_that_is_kept() {
    let queue = Queue::new();
    // Ten years: the library reckons by the machine's clock, which no test may depend on.
    let body = r#"{"token_type":"Bearer","expires_in":315360000,"access_token":"t1"}"#;
    queue.reply(TOKEN, 200, &[], body);
    let (tools, clock) = tools(&queue, start());
    let auth = auth(&principal(), &tools);
    assert_eq!(header(&auth).await.unwrap(), "Bearer t1");
    clock.advance(TimeDelta::minutes(54));
    assert_eq!(header(&auth).await.unwrap(), "Bearer t1");
    let seen = queue.seen();
    assert_eq!(seen.len(), 1, "{:?}", queue.routes());
    assert!(
        seen[0]
            .url
            .starts_with("https://login.microsoftonline.com/")
    );
    let form = String::from_utf8(seen[0].body.clone().unwrap().to_vec()).unwrap();
    for part in [
        "client_id=client-1",
        "grant_type=client_credentials",
        "scope=https%3A%2F%2Fmanagement.azure.com%2F.default",
    ] {
        assert!(form.contains(part), "{form}");
    }
}

#[derive(Debug)]
struct Ends(i64);

#[async_trait]
impl TokenCredential for Ends {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<azure_core::credentials::TokenRequestOptions<'_>>,
    ) -> azure_core::Result<azure_core::credentials::AccessToken> {
        assert_eq!(scopes, [SCOPE]);
        let end = azure_core::time::OffsetDateTime::from_unix_timestamp(self.0).unwrap();
        Ok(azure_core::credentials::AccessToken::new("t", end))
    }
}

#[tokio::test]
async fn a_token_is_renewed_five_minutes_before_its_end() {
    let end = start() + TimeDelta::hours(1);
    let token = token_of(&Ends(end.timestamp())).await.unwrap();
    // The cache itself takes the other two.
    assert_eq!(token.expires_at, end - TimeDelta::minutes(3));
}

#[tokio::test]
async fn entras_refusal_is_told_without_our_secret() {
    let queue = Queue::new();
    let body = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.","error_codes":[7000215]}"#;
    queue.reply(TOKEN, 401, &[("content-type", "application/json")], body);
    let (tools, _) = tools(&queue, start());
    let error = header(&auth(&principal(), &tools)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unauthenticated, "{error}");
    assert!(error.message.contains("AADSTS7000215"), "{error}");
    let shown = format!("{error:?} {:?}", error.hint);
    assert!(
        shown.contains("AZURE_CLIENT_SECRET") && !shown.contains("canary"),
        "{shown}"
    );
    // Our engine decides about another try, not the library.
    assert_eq!(queue.seen().len(), 1);
}

#[tokio::test]
async fn a_way_that_is_down_is_not_a_wrong_secret() {
    let queue = Queue::new();
    queue.fail(TOKEN, kubelease_http::Failure::Connect("refused".into()));
    let (tools, _) = tools(&queue, start());
    let error = header(&auth(&principal(), &tools)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable, "{error}");
    assert_eq!(queue.seen().len(), 1);
}

#[test]
fn the_end_of_a_fixed_token_is_read_from_it() {
    let claims = URL_SAFE_NO_PAD.encode(r#"{"exp":1767614400,"aud":"x"}"#);
    let jwt = Login::Fixed(Secret::new(format!("h.{claims}.s")));
    assert_eq!(horizon(&jwt).unwrap().timestamp(), 1_767_614_400);
    for other in ["simulated", "a.!!.c", "a.e30.c"] {
        assert_eq!(horizon(&Login::Fixed(Secret::new(other))), None, "{other}");
    }
    assert_eq!(horizon(&Login::DeveloperTools), None);
}
