//! What may be shown of a URL: no user info, no query value that could be a credential, no query at
//! all when the request says so.

use crate::request::Request;

/// Parts of query names whose values are credentials or signatures at some vendor.
const SECRET_WORDS: [&str; 9] = [
    "token",
    "secret",
    "password",
    "signature",
    "credential",
    "assertion",
    "key",
    "code",
    "sig",
];

/// The request's URL as it may be traced, control characters removed.
#[must_use]
pub fn url(request: &Request) -> String {
    let (place, query) = match request.url.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (request.url.as_str(), None),
    };
    let mut out = without_user(place);
    if let Some(query) = query {
        out.push('?');
        if request.sensitive {
            out.push_str("[hidden]");
        } else {
            let parts: Vec<String> = query.split('&').map(parameter).collect();
            out.push_str(&parts.join("&"));
        }
    }
    kubelease_core::error::printable(&out)
}

fn without_user(place: &str) -> String {
    let Some((scheme, rest)) = place.split_once("://") else {
        return place.to_owned();
    };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{scheme}://{host}{path}")
}

fn parameter(part: &str) -> String {
    let name = part.split('=').next().unwrap_or(part);
    let lower = name.to_ascii_lowercase();
    if SECRET_WORDS.iter().any(|word| lower.contains(word)) {
        format!("{name}=[hidden]")
    } else {
        part.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_what_could_be_a_credential() {
        let cases = [
            (
                "/v2/volumes?page=2&per_page=200",
                "/v2/volumes?page=2&per_page=200",
            ),
            ("https://me:canary@h.example/p", "https://h.example/p"),
            (
                "/t?X-Amz-Signature=canary&a=b",
                "/t?X-Amz-Signature=[hidden]&a=b",
            ),
            ("/t?access_token=canary", "/t?access_token=[hidden]"),
            ("/t?apiKey=canary", "/t?apiKey=[hidden]"),
        ];
        for (given, expect) in cases {
            assert_eq!(url(&Request::get(given, "x")), expect);
        }
        let hidden = Request::get("/t?anything=canary", "x").sensitive();
        assert_eq!(url(&hidden), "/t?[hidden]");
    }
}
