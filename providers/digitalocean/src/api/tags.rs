//! The owner tag in DigitalOcean's words, written and read.
//!
//! Tags are `[A-Za-z0-9_:-]`, at most 255 characters, without values. All of ours name their lease, so
//! that the tag object of one lease is never on the cluster of another and can be deleted with it:
//! `kubelease-lease:<id>`, `kubelease-expires:<id>:<epoch s>`, `kubelease-protect:<id>:<epoch s>`.

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, OwnerTag};

const LEASE: &str = "kubelease-lease:";
const EXPIRES: &str = "kubelease-expires:";
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
pub(crate) fn owner<'a>(tags: impl IntoIterator<Item = &'a str>) -> Option<OwnerTag> {
    let marks: Vec<Mark> = tags.into_iter().filter_map(Mark::read).collect();
    let mut leases = marks.iter().filter(|m| matches!(m, Mark::Lease(_)));
    let lease = leases.next()?.lease().clone();
    if leases.any(|other| *other.lease() != lease) {
        return None;
    }
    Some(dates(&lease, &marks))
}

/// The owner tag of a lease with the dates that these marks give it.
pub(crate) fn dates<'a>(lease: &LeaseId, marks: impl IntoIterator<Item = &'a Mark>) -> OwnerTag {
    let mut tag = OwnerTag {
        lease: lease.clone(),
        expires_at: None,
        protect_until: None,
    };
    for mark in marks {
        match mark {
            Mark::Expires(id, at) if id == lease => tag.expires_at = tag.expires_at.max(Some(*at)),
            Mark::Protect(id, at) if id == lease => {
                tag.protect_until = tag.protect_until.max(Some(*at));
            }
            _ => {}
        }
    }
    tag
}

/// The cluster that a `k8s:<id>` tag names; the vendor's controllers put it on all they make. Also
/// there: `k8s`, `k8s:worker`, `k8s-worker`.
pub(crate) fn cluster_id(tag: &str) -> Option<&str> {
    tag.strip_prefix("k8s:").filter(|id| id.len() == 36)
}

/// Whether the vendor adds that tag by itself.
pub(crate) fn is_vendors(tag: &str) -> bool {
    tag == "k8s" || tag.starts_with("k8s:")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn reads_what_it_writes() {
        let lease: LeaseId = "lbcdfghjkm".parse().unwrap();
        for (expires_at, protect_until) in [
            (None, None),
            (Some(at(1_767_614_400)), None),
            (Some(at(5)), Some(at(9))),
        ] {
            let tag = OwnerTag {
                lease: lease.clone(),
                expires_at,
                protect_until,
            };
            let written = write(&tag);
            let allowed = |c: char| c.is_ascii_alphanumeric() || "_-:".contains(c);
            assert!(
                written
                    .iter()
                    .all(|t| t.len() <= 255 && t.chars().all(allowed))
            );
            assert_eq!(owner(written.iter().map(String::as_str)), Some(tag));
        }
    }

    #[test]
    fn nobody_and_two_leases_are_no_owner() {
        let none: &[&[&str]] = &[
            &[],
            &["k8s", "k8s:1", "owner:me"],
            &["kubelease-lease:"],
            &["kubelease-lease:NOT-AN-ID"],
            &["kubelease-expires:lbcdfghjkm:5"],
            &["kubelease-lease:lbcdfghjkm", "kubelease-lease:lzzzzzzzzz"],
        ];
        for tags in none {
            assert_eq!(owner(tags.iter().copied()), None, "{tags:?}");
        }
    }

    #[test]
    fn odd_dates_are_skipped_and_the_latest_counts() {
        let tags = [
            "kubelease-expires:lbcdfghjkm:100",
            "kubelease-lease:lbcdfghjkm",
            "kubelease-expires:lbcdfghjkm:300",
            "kubelease-expires:lbcdfghjkm:200",
            "kubelease-expires:lbcdfghjkm:99999999999999999999",
            "kubelease-expires:lbcdfghjkm:soon",
            "kubelease-expires:lzzzzzzzzz:900",
        ];
        assert_eq!(owner(tags).unwrap().expires_at, Some(at(300)));
    }

    #[test]
    fn only_cluster_ids_are_cluster_ids() {
        let id = "bd5f5959-5e1e-4205-a714-a914373942af";
        assert_eq!(cluster_id(&format!("k8s:{id}")), Some(id));
        assert_eq!(cluster_id("k8s:worker"), None);
        assert_eq!(cluster_id("k8s-worker"), None);
    }
}
