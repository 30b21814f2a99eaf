//! What the names and tags say that Google's controllers give to what they make. A name alone makes
//! nothing ours.

/// The cluster that a network tag of GKE's own making names, and the first characters of that cluster's
/// id: `gke-<cluster>-<8 hex>-node` (`gk3-` in Autopilot). The tag is exact: `gke-a-b-…` is never of `a`.
pub(super) fn cluster_of_tag(tag: &str) -> Option<(&str, &str)> {
    let rest = tag
        .strip_prefix("gke-")
        .or_else(|| tag.strip_prefix("gk3-"))?;
    let (name, hash) = rest.strip_suffix("-node")?.rsplit_once('-')?;
    (hash.len() == 8 && is_hex(hash) && !name.is_empty()).then_some((name, hash))
}

/// Whether one of the controllers names its things so; a person would hardly.
pub(super) fn is_made(name: &str) -> bool {
    let prefixes = ["k8s-", "k8s1-", "k8s2-", "k8s3-", "gkegw1-"];
    prefixes.iter().any(|p| name.starts_with(p)) || is_service(name)
}

/// `a` and the UID of a Service without dashes, as far as it fits.
fn is_service(name: &str) -> bool {
    name.strip_prefix('a')
        .is_some_and(|uid| uid.len() >= 31 && is_hex(uid))
}

/// The Service that a name stands for: `a0c1…` itself, or its firewall `k8s-fw-a0c1…`.
pub(super) fn service_of(name: &str) -> Option<&str> {
    let base = name.strip_prefix("k8s-fw-").unwrap_or(name);
    is_service(base).then_some(base)
}

/// The first eight characters of the id by which the controllers of one cluster tell their things from
/// those of another: `k8s1-<id>-…`, `k8s2-<id>-…`, `k8s2-tcp-<id>-…`, `k8s-<id16>-node`, `k8s-um-…--<id>`.
pub(super) fn id_of(name: &str) -> Option<&str> {
    if !is_made(name) || is_service(name) {
        return None;
    }
    if let Some((_, id)) = name.rsplit_once("--") {
        return eight(id);
    }
    let mut parts = name.split('-').skip(1);
    let (first, second) = (parts.next()?, parts.next());
    let fits = |part: &&str| part.len() == 8 || part.len() == 16;
    let id = Some(first).filter(fits).or_else(|| second.filter(fits))?;
    eight(id)
}

fn eight(id: &str) -> Option<&str> {
    let plain = id
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if plain { id.get(..8) } else { None }
}

fn is_hex(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Whether the storage driver made this disk for a claim.
pub(super) fn is_claim(name: &str, description: &str) -> bool {
    description.contains("pd.csi.storage.gke.io")
        || description.contains("kubernetes.io/created-for/pv")
        || name.starts_with("pvc-")
        || (name.starts_with("gke-") && name.contains("-pvc-"))
}

/// Whether a disk is named as nodes and their boot disks are.
pub(super) fn is_boot(name: &str, description: &str) -> bool {
    !is_claim(name, description) && (name.starts_with("gke-") || name.starts_with("gk3-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "a0c1d2e3f405142536475869708192a3b";

    #[test]
    fn tags_name_exactly_one_cluster() {
        let cases = [
            ("gke-lab-0a1b2c3d-node", Some(("lab", "0a1b2c3d"))),
            ("gke-lab-a-0a1b2c3d-node", Some(("lab-a", "0a1b2c3d"))),
            ("gk3-lab-0a1b2c3d-node", Some(("lab", "0a1b2c3d"))),
            ("gke-lab-node", None),
            ("gke-0a1b2c3d-node", None),
            ("gke-lab-shopping-node", None),
            ("web", None),
        ];
        for (tag, cluster) in cases {
            assert_eq!(cluster_of_tag(tag), cluster, "{tag}");
        }
    }

    #[test]
    fn names_of_controllers_are_read_and_others_are_not() {
        assert_eq!(service_of(SERVICE), Some(SERVICE));
        assert_eq!(service_of(&format!("k8s-fw-{SERVICE}")), Some(SERVICE));
        for name in [
            "abc",
            "api-server",
            "k8s-fw-web",
            "a-0c1d2e3f405142536475869708192a3b",
        ] {
            assert_eq!(service_of(name), None, "{name}");
        }
        let ids = [
            ("k8s1-1a2b3c4d-default-web-80-aabbccdd", Some("1a2b3c4d")),
            ("k8s2-1a2b3c4d-default-web-aabbccdd", Some("1a2b3c4d")),
            ("k8s2-tcp-1a2b3c4d-default-web-aabbccdd", Some("1a2b3c4d")),
            ("k8s2-1a2b3c4d-l4-shared-hc-fw", Some("1a2b3c4d")),
            ("k8s-um-default-web--1a2b3c4d5e6f7081", Some("1a2b3c4d")),
            ("k8s-1a2b3c4d5e6f7081-node-http-hc", Some("1a2b3c4d")),
            ("k8s-web", None),
            ("web--1a2b3c4d", None),
        ];
        for (name, id) in ids {
            assert_eq!(id_of(name), id, "{name}");
        }
        assert_eq!(id_of(SERVICE), None);
    }

    #[test]
    fn claims_and_boot_disks() {
        assert!(
            is_claim("pvc-8d2b", "")
                && is_claim(
                    "x",
                    r#"{"storage.gke.io/created-by":"pd.csi.storage.gke.io"}"#
                )
        );
        assert!(is_boot("gke-lab-default-pool-1-a", "") && !is_boot("gke-lab-1-pvc-8d2b", ""));
        assert!(!is_boot("data", "") && !is_claim("data", "my pvc"));
    }
}
