//! Which requests a fault is for: `METHOD /path-glob`, where `*` is one path segment (or part of one) and `**` any number of them.
//! Must not look at queries or bodies.

use serde::{Deserialize, Serialize};

/// A parsed `METHOD /path-glob`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Pattern {
    method: String,
    path: Vec<String>,
}

impl Pattern {
    /// Whether a request is meant.
    #[must_use]
    pub fn matches(&self, method: &str, path: &str) -> bool {
        let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
        (self.method == "*" || self.method == method) && fits(&self.path, &segments)
    }
}

fn fits(glob: &[String], path: &[&str]) -> bool {
    match glob.split_first() {
        None => path.is_empty(),
        Some((first, rest)) if first == "**" => {
            (0..=path.len()).any(|taken| fits(rest, &path[taken..]))
        }
        Some((first, rest)) => path
            .split_first()
            .is_some_and(|(head, tail)| fits_segment(first, head) && fits(rest, tail)),
    }
}

/// `*` inside a segment is any text within it.
fn fits_segment(glob: &str, segment: &str) -> bool {
    let Some((before, after)) = glob.split_once('*') else {
        return glob == segment;
    };
    let Some(rest) = segment.strip_prefix(before) else {
        return false;
    };
    (0..=rest.len())
        .filter(|at| rest.is_char_boundary(*at))
        .any(|at| fits_segment(after, &rest[at..]))
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || {
            format!(
                "match {text:?} must be \"METHOD /path-glob\", for example \"DELETE /v2/volumes/*\" or \"* /**\""
            )
        };
        let (method, path) = text.split_once(' ').ok_or_else(wrong)?;
        let known =
            method == "*" || (!method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase()));
        if !known || !path.starts_with('/') || path.contains([' ', '?']) {
            return Err(wrong());
        }
        let path = path
            .split('/')
            .filter(|s| !s.is_empty())
            .map(str::to_owned)
            .collect();
        Ok(Self {
            method: method.to_owned(),
            path,
        })
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        format!("{} /{}", pattern.method, pattern.path.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_by_segment() {
        for (glob, request, expected) in [
            ("GET /v2/x", "GET /v2/x", true),
            ("GET /v2/x", "GET /v2/x/", true),
            ("GET /v2/x", "POST /v2/x", false),
            ("* /v2/x/*", "PUT /v2/x/1", true),
            ("* /v2/x/*", "PUT /v2/x", false),
            ("* /v2/x/*", "PUT /v2/x/1/y", false),
            ("GET /v2/**", "GET /v2", true),
            ("GET /**/y", "GET /v2/x/1/y", true),
            ("GET /**/y", "GET /v2/x/1/z", false),
            ("GET /v*/x-*-z", "GET /v2/x-1-2-z", true),
            ("GET /v2/x:*", "GET /v2/x", false),
        ] {
            let pattern = Pattern::try_from(glob.to_owned());
            let (method, path) = request.split_once(' ').unwrap_or_default();
            assert_eq!(
                pattern.map(|p| p.matches(method, path)),
                Ok(expected),
                "{glob} against {request}"
            );
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "GET",
            "GET v2",
            "get /v2",
            " /v2",
            "GET /v2?x=1",
            "GET /a b",
        ] {
            assert!(Pattern::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
