//! Whose a thing is, in Linode's words: the owner tag, written and read, and the labels that LKE gives
//! to what it makes.
//!
//! A tag is a text of 3 to 50 characters; the specification names no character set, so ours keep to
//! `[a-z0-9:-]`. All of them name their lease: `kubelease-lease:<id>`, `kubelease-exp:<id>:<epoch s>`,
//! `kubelease-protect:<id>:<epoch s>`. Decides nothing about what may be touched.

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, OwnerTag};

const LEASE: &str = "kubelease-lease:";
const EXPIRES: &str = "kubelease-exp:";
const PROTECT: &str = "kubelease-protect:";

/// What one of our tags says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Whose it is.
    Lease(LeaseId),
    /// When that lease ends.
    Expires(LeaseId, DateTime<Utc>),
    /// Until when it is protected.
    Protect(LeaseId, DateTime<Utc>),
}

impl Mark {
    /// Reads a tag; none when it is not ours.
    pub(crate) fn read(tag: &str) -> Option<Self> {
        if let Some(id) = tag.strip_prefix(LEASE) {
            return id.parse().ok().map(Self::Lease);
        }
        if let Some(rest) = tag.strip_prefix(EXPIRES) {
            return dated(rest).map(|(id, at)| Self::Expires(id, at));
        }
        dated(tag.strip_prefix(PROTECT)?).map(|(id, at)| Self::Protect(id, at))
    }

    pub(crate) const fn lease(&self) -> &LeaseId {
        match self {
            Self::Lease(id) | Self::Expires(id, _) | Self::Protect(id, _) => id,
        }
    }
}

fn dated(rest: &str) -> Option<(LeaseId, DateTime<Utc>)> {
    let (id, seconds) = rest.split_once(':')?;
    let at = DateTime::from_timestamp(seconds.parse().ok()?, 0)?;
    Some((id.parse().ok()?, at))
}

/// The tag that says whose a thing is, and no more.
pub(crate) fn lease_tag(lease: &LeaseId) -> String {
    format!("{LEASE}{lease}")
}

/// All tags of a cluster with that owner.
pub(crate) fn write(tag: &OwnerTag) -> Vec<String> {
    let dated = |word: &str, at: Option<DateTime<Utc>>| {
        at.map(|at| format!("{word}{}:{}", tag.lease, at.timestamp()))
    };
    let mut tags = vec![lease_tag(&tag.lease)];
    tags.extend(dated(EXPIRES, tag.expires_at));
    tags.extend(dated(PROTECT, tag.protect_until));
    tags
}

/// The owner that a set of tags names. None when it names nobody, and none when it names two leases:
/// then somebody has copied tags, and nothing may be touched on their word.
///
/// Of several dates the latest counts: too late is a few cents, too early is a lost cluster.
pub(crate) fn owner(tags: &[String]) -> Option<OwnerTag> {
    let marks: Vec<Mark> = tags.iter().filter_map(|t| Mark::read(t)).collect();
    let mut leases = marks.iter().filter(|m| matches!(m, Mark::Lease(_)));
    let lease = leases.next()?.lease();
    if leases.any(|other| other.lease() != lease) {
        return None;
    }
    let mut tag = bare(lease);
    for mark in &marks {
        match mark {
            Mark::Expires(id, at) if id == lease => tag.expires_at = tag.expires_at.max(Some(*at)),
            Mark::Protect(id, at) if id == lease => {
                tag.protect_until = tag.protect_until.max(Some(*at));
            }
            _ => {}
        }
    }
    Some(tag)
}

/// The owner tag of a lease of which no dates are known.
pub(crate) fn bare(lease: &LeaseId) -> OwnerTag {
    OwnerTag {
        lease: lease.clone(),
        expires_at: None,
        protect_until: None,
    }
}

/// The cluster that a label of LKE's own making names: `lke<id>-<hex>` for a NodeBalancer,
/// `lke<id>-<pool>-<hex>` for a node. What a person would write after it (`lke584693-shop`) is none.
pub(crate) fn cluster_of_label(label: &str) -> Option<u64> {
    let (id, rest) = label.strip_prefix("lke")?.split_once('-')?;
    let made = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c) || c == '-';
    let plain = id.bytes().all(|b| b.is_ascii_digit());
    if plain && !rest.is_empty() && rest.chars().all(made) {
        id.parse().ok()
    } else {
        None
    }
}

/// Whether the storage driver names its volumes so: `pvc-<uuid>` or `pvc<uuid without dashes>`, cut to
/// 32 characters. A volume that a person made and mounted has another label.
pub(crate) fn is_claim(label: &str) -> bool {
    let hex = |c: char| c.is_ascii_hexdigit() || c == '-';
    let rest = label.strip_prefix("pvc").unwrap_or_default();
    rest.len() >= 8 && rest.chars().all(hex)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn read(tags: &[&str]) -> Option<OwnerTag> {
        let tags: Vec<String> = tags.iter().map(|t| (*t).to_owned()).collect();
        owner(&tags)
    }

    #[test]
    fn reads_what_it_writes_within_the_limits_of_a_tag() {
        // The longest lease id there can be, and a time far in the future.
        for id in ["lbcdfghjkm", "lbcdfghjkmnpqrstvwxz"] {
            let lease: LeaseId = id.parse().unwrap();
            for (expires_at, protect_until) in [
                (None, None),
                (Some(at(1_767_614_400)), None),
                (Some(at(5)), Some(at(9_999_999_999))),
            ] {
                let tag = OwnerTag {
                    lease: lease.clone(),
                    expires_at,
                    protect_until,
                };
                let written = write(&tag);
                let allowed =
                    |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ":-".contains(c);
                for text in &written {
                    assert!((3..=50).contains(&text.len()), "{text}");
                    assert!(text.chars().all(allowed), "{text}");
                }
                assert_eq!(owner(&written), Some(tag));
            }
        }
    }

    #[test]
    fn nobody_and_two_leases_are_no_owner() {
        let none: &[&[&str]] = &[
            &[],
            &["kubernetes", "owner:me"],
            &["kubelease-lease:"],
            &["kubelease-lease:NOT-AN-ID"],
            &["kubelease-exp:lbcdfghjkm:5"],
            &["kubelease-lease:lbcdfghjkm", "kubelease-lease:lzzzzzzzzz"],
        ];
        for tags in none {
            assert_eq!(read(tags), None, "{tags:?}");
        }
    }

    #[test]
    fn odd_dates_are_skipped_and_the_latest_counts() {
        let tags = [
            "kubelease-exp:lbcdfghjkm:100",
            "kubelease-lease:lbcdfghjkm",
            "kubelease-exp:lbcdfghjkm:300",
            "kubelease-exp:lbcdfghjkm:200",
            "kubelease-exp:lbcdfghjkm:99999999999999999999",
            "kubelease-exp:lbcdfghjkm:soon",
            "kubelease-exp:lzzzzzzzzz:900",
        ];
        assert_eq!(read(&tags).unwrap().expires_at, Some(at(300)));
    }

    #[test]
    fn labels_of_lke_name_their_cluster_and_others_do_not() {
        for (label, cluster) in [
            ("lke584693-1a2b3c4d5e6f", Some(584_693)),
            ("lke584693-871-0f3c1d2e4a5b", Some(584_693)),
            ("lke584693-shop", None),
            ("lke584693-", None),
            ("lke-1a2b", None),
            ("lke58x-1a2b", None),
            ("lke99999999999999999999999-1a", None),
            ("ccm-1a2b3c4d5e6f", None),
            ("my-lke584693-1a2b", None),
        ] {
            assert_eq!(cluster_of_label(label), cluster, "{label}");
        }
    }

    #[test]
    fn only_the_drivers_volumes_are_claims() {
        for (label, claim) in [
            ("pvc-8d2b6a0c-3f1e-4a5b-9c7d-1e2", true),
            ("pvc8d2b6a0c3f1e4a5b9c7d1e2f3a4b", true),
            ("pvc", false),
            ("pvc-data", false),
            ("pvc-photos-2024", false),
            ("data", false),
        ] {
            assert_eq!(is_claim(label), claim, "{label}");
        }
    }
}
