//! A cloud from a table: each call answers by its name (`DescribeVolumes`, `DescribeLoadBalancers@v2`,
//! `Logs_20140328.DescribeLogGroups`, `GET /clusters`), and what the table lacks is an empty list or EKS's
//! own not-found.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use kubelease_core::ManualClock;
use kubelease_http::testing::start;
use kubelease_http::{Failure, Response, Silent, Transport};

use super::*;

#[derive(Debug, Default)]
pub(crate) struct Cloud {
    answers: Mutex<BTreeMap<String, (u16, String)>>,
    seen: Mutex<Vec<(String, String)>>,
    pub(crate) clock: Mutex<Option<ManualClock>>,
}

/// The name of a call, and what it carries.
fn name_of(request: &Request) -> (String, String) {
    let body = String::from_utf8_lossy(request.body.as_deref().unwrap_or_default()).into_owned();
    let target = request.headers.iter().find(|(n, _)| n == "x-amz-target");
    if let Some((_, target)) = target {
        return (target.clone(), body);
    }
    if let Some(rest) = body.strip_prefix("Action=") {
        let action = rest.split('&').next().unwrap_or_default();
        let v2 = if body.contains("Version=2015-12-01") {
            "@v2"
        } else {
            ""
        };
        return (format!("{action}{v2}"), body);
    }
    let place = request.url.split_once("://").map_or("", |(_, rest)| rest);
    let path = place.find('/').map_or("/", |at| &place[at..]);
    (format!("{} {path}", request.method.as_str()), body)
}

impl Cloud {
    pub(crate) fn answer(&self, call: &str, status: u16, body: impl Into<String>) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert(call.to_owned(), (status, body.into()));
    }

    /// The body of the XML answer to an action, without its root element.
    pub(crate) fn xml(&self, action: &str, inner: &str) {
        let bare = action.trim_end_matches("@v2");
        self.answer(
            action,
            200,
            format!("<?xml version=\"1.0\"?><{bare}Response xmlns=\"x\">{inner}</{bare}Response>"),
        );
    }

    pub(crate) fn json(&self, call: &str, body: &Value) {
        self.answer(call, 200, body.to_string());
    }

    pub(crate) fn seen(&self) -> Vec<(String, String)> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }

    /// What the last call of that name carried.
    pub(crate) fn body_of(&self, call: &str) -> String {
        let last = self.seen().into_iter().rfind(|(name, _)| name == call);
        last.unwrap_or_else(|| panic!("no {call}")).1
    }

    /// The names of calls that change something.
    pub(crate) fn changes(&self) -> Vec<String> {
        let reads = |n: &str| {
            n.starts_with("Describe")
                || n.starts_with("GET ")
                || n.contains(".Describe")
                || n.contains(".Get")
        };
        self.seen()
            .into_iter()
            .map(|(n, _)| n)
            .filter(|n| !reads(n))
            .collect()
    }
}

#[async_trait]
impl Transport for Cloud {
    async fn send(&self, request: &Request) -> Result<Response, Failure> {
        let (name, body) = name_of(request);
        let answers = self
            .answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((name.clone(), body));
        let bare = name.trim_end_matches("@v2");
        let (status, body) = answers.get(&name).cloned().unwrap_or_else(|| match bare {
            action if action.starts_with("Describe") => (
                200,
                format!("<{action}Response><{action}Result/></{action}Response>"),
            ),
            target if target.contains(".Describe") => (200, "{}".to_owned()),
            "GET /clusters" => (200, r#"{"clusters":[]}"#.to_owned()),
            _ => (404, r#"{"message":"No such thing"}"#.to_owned()),
        });
        let mut headers = vec![(
            "date".to_owned(),
            "Mon, 05 Jan 2026 08:00:07 GMT".to_owned(),
        )];
        if status == 404 && !body.starts_with('<') {
            headers.push((
                "x-amzn-errortype".to_owned(),
                "ResourceNotFoundException".to_owned(),
            ));
        }
        if body.contains("<html") {
            headers.push(("content-type".to_owned(), "text/html".to_owned()));
        }
        Ok(Response {
            status,
            headers,
            body: Bytes::from(body),
        })
    }
}

pub(crate) fn api(endpoint: Option<&str>) -> (Api, Arc<Cloud>) {
    let cloud = Arc::new(Cloud::default());
    let clock = ManualClock::at(start());
    let tools = Toolkit {
        clock: Arc::new(clock.clone()),
        transport: cloud.clone(),
        observer: Arc::new(Silent),
        seed: 1,
    };
    *cloud.clock.lock().unwrap() = Some(clock);
    let config = Config::read(&|_| None, endpoint, true).unwrap();
    (Api::new(config, tools), cloud)
}

#[tokio::test]
async fn pages_are_followed_and_other_xml_is_no_list() {
    let (api, cloud) = api(None);
    cloud.xml("DescribeVolumes", "<volumeSet><item><volumeId>v-1</volumeId><size>4</size></item></volumeSet><nextToken>more</nextToken>");
    // The same page again and again: reading ends, and says that it is not everything.
    let listed = api.volumes("us-east-1").await;
    assert!(!listed.complete() && listed.items.len() == 1);
    assert!(
        cloud
            .body_of("DescribeVolumes")
            .ends_with("&NextToken=more")
    );
    for odd in [
        "<Other/>",
        "<DescribeVolumesResponse><volumeSet>",
        "<DescribeVolumesResponsive/>",
        "",
    ] {
        cloud.answer("DescribeVolumes", 200, odd);
        assert!(!api.volumes("us-east-1").await.complete(), "{odd}");
    }
    cloud.xml("DescribeVolumes", "<volumeSet/>");
    assert!(api.volumes("us-east-1").await.complete());
}

#[tokio::test]
async fn the_sdk_speaks_through_our_client() {
    let (api, cloud) = api(None);
    let eks = api.eks("eu-west-1");
    assert!(
        eks.cluster("none").await.unwrap().is_none(),
        "EKS's own not-found"
    );
    cloud.answer("GET /clusters/page", 404, "<html>nothing here</html>");
    let error = eks.cluster("page").await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable, "{error}");
    let tries = cloud
        .seen()
        .iter()
        .filter(|(n, _)| n == "GET /clusters/page")
        .count();
    assert_eq!(tries, 5, "our retries, not the SDK's");
    cloud.answer("DELETE /clusters/a", 200, r#"{"cluster":{"name":"a"}}"#);
    let at = eks.delete_cluster("a").await.unwrap();
    assert_eq!(
        at,
        Some(start() + TimeDelta::seconds(7)),
        "the vendor's own clock"
    );
    cloud.answer("DELETE /clusters/b", 500, r#"{"message":"oops"}"#);
    assert!(eks.delete_cluster("b").await.is_err());
    let tries = cloud
        .seen()
        .iter()
        .filter(|(n, _)| n == "DELETE /clusters/b")
        .count();
    assert_eq!(tries, 1, "a removing request is not sent twice");
}

#[tokio::test]
async fn json_that_a_stand_in_calls_a_page_is_read_and_a_page_is_not() {
    let call = "Logs_20140328.DescribeLogGroups";
    for (endpoint, complete) in [(Some("http://127.0.0.1:9"), true), (None, false)] {
        let (api, cloud) = api(endpoint);
        cloud.answer(call, 200, "{\"logGroups\":[],\"label\":\"<html\"}");
        assert_eq!(api.log_groups("us-east-1").await.complete(), complete);
        cloud.answer(call, 200, "<html>captive portal</html>");
        assert!(!api.log_groups("us-east-1").await.complete());
    }
}
