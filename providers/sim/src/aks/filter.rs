//! The small part of OData that lists understand: `field eq 'value'` and `startswith(field, 'value')`, joined by `and`.
//! Must not guess: what it cannot read is refused.

use super::call::{Refused, refused};
use super::state::{Tags, same};

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    /// In lower case.
    field: String,
    value: String,
    prefix: bool,
}

/// All must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter {
    terms: Vec<Term>,
}

fn unreadable(text: &str) -> Refused {
    let message = format!("Invalid $filter '{text}' specified in the query string.");
    refused(400, "InvalidFilterInQueryString", message)
}

/// A quoted value; two quotes inside are one.
fn unquote(text: &str) -> Option<String> {
    let inner = text.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    let plain = inner.replace("''", "\u{0}");
    (!plain.contains('\'')).then(|| plain.replace('\u{0}', "'"))
}

/// Splits at ` and ` outside of quotes.
fn conjuncts(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, letter) in text.char_indices() {
        quoted ^= letter == '\'';
        let joins = |word: &str| {
            text[at..]
                .get(..5)
                .is_some_and(|found| found.eq_ignore_ascii_case(word))
        };
        if !quoted && at >= start && joins(" and ") {
            parts.push(&text[start..at]);
            start = at + 5;
        }
    }
    parts.push(&text[start..]);
    parts
}

fn term(text: &str) -> Option<Term> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("startswith(") {
        let inner = text
            .get("startswith(".len()..)?
            .trim_end()
            .strip_suffix(')')?;
        let (field, value) = inner.split_once(',')?;
        return Some(Term {
            field: field.trim().to_ascii_lowercase(),
            value: unquote(value)?,
            prefix: true,
        });
    }
    let at = lower.find(" eq ")?;
    Some(Term {
        field: lower[..at].trim().to_owned(),
        value: unquote(&text[at + 4..])?,
        prefix: false,
    })
}

impl Filter {
    /// Reads a filter that may use these fields (in lower case).
    pub(super) fn read(text: Option<&str>, fields: &[&str]) -> Result<Self, Refused> {
        let Some(text) = text.filter(|t| !t.trim().is_empty()) else {
            return Ok(Self::default());
        };
        let read = conjuncts(text)
            .into_iter()
            .map(term)
            .collect::<Option<Vec<_>>>();
        let filter = Self {
            terms: read.ok_or_else(|| unreadable(text))?,
        };
        if filter
            .terms
            .iter()
            .any(|t| !fields.contains(&t.field.as_str()))
        {
            return Err(unreadable(text));
        }
        // The vendor does not mix conditions on tags with others.
        let tags = filter
            .terms
            .iter()
            .filter(|t| t.field.starts_with("tag"))
            .count();
        if tags > 0 && tags < filter.terms.len() || filter.has("tagvalue") && !filter.has("tagname")
        {
            return Err(unreadable(text));
        }
        Ok(filter)
    }

    fn has(&self, field: &str) -> bool {
        self.terms.iter().any(|t| t.field == field)
    }

    /// Whether a value passes all conditions on this field.
    pub(super) fn fits(&self, field: &str, value: &str) -> bool {
        let starts = |t: &Term| {
            value
                .get(..t.value.len())
                .is_some_and(|start| same(start, &t.value))
        };
        let fits = |t: &Term| {
            if t.prefix {
                starts(t)
            } else {
                same(value, &t.value)
            }
        };
        self.terms.iter().filter(|t| t.field == field).all(fits)
    }

    /// The same where case counts, as in the price list.
    pub(super) fn fits_exactly(&self, field: &str, value: &str) -> bool {
        let fits = |t: &Term| {
            if t.prefix {
                value.starts_with(&t.value)
            } else {
                value == t.value
            }
        };
        self.terms.iter().filter(|t| t.field == field).all(fits)
    }

    /// Whether tags pass: one tag with the name (which has no case) and the value (which has).
    pub(super) fn fits_tags(&self, tags: &Tags) -> bool {
        let of = |field: &str| self.terms.iter().find(|t| t.field == field);
        let Some(name) = of("tagname") else {
            return true;
        };
        let value = of("tagvalue");
        tags.iter().any(|(k, v)| {
            let named = if name.prefix {
                k.to_lowercase().starts_with(&name.value.to_lowercase())
            } else {
                same(k, &name.value)
            };
            named && value.is_none_or(|t| *v == t.value)
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a missing value is a failed test")]
mod tests {
    use super::*;

    const FIELDS: &[&str] = &["tagname", "tagvalue", "resourcetype", "location"];

    #[test]
    fn tags_are_found_by_name_and_value() {
        let tags = Tags::from([("Kubelease-Lease".to_owned(), "it's and x".to_owned())]);
        for (text, found) in [
            ("tagName eq 'kubelease-lease'", true),
            (
                "tagName eq 'kubelease-lease' and tagValue eq 'it''s and x'",
                true,
            ),
            (
                "tagName eq 'kubelease-lease' AND tagValue eq 'IT''S AND X'",
                false,
            ),
            ("tagName eq 'other'", false),
            ("startswith(tagName, 'kube')", true),
        ] {
            let filter = Filter::read(Some(text), FIELDS).unwrap();
            assert_eq!(filter.fits_tags(&tags), found, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in [
            "tagName",
            "tagName eq kubelease",
            "tagValue eq 'a'",
            "tagName eq 'a' and location eq 'b'",
            "size eq 'a'",
            "location eq 'a' or location eq 'b'",
            "tagName eq 'é",
        ] {
            assert!(Filter::read(Some(text), FIELDS).is_err(), "{text}");
        }
        let filter = Filter::read(Some("location eq 'WestEurope'"), FIELDS).unwrap();
        assert!(
            filter.fits("location", "westeurope") && !filter.fits_exactly("location", "westeurope")
        );
    }
}
