//! Resource ids. Azure compares them without case and answers the same one in several cases, so ours
//! are always lower case.

/// The id as we record and compare it. Nothing of it may be taken for another part of a URL.
pub(crate) fn canonical(id: &str) -> String {
    id.trim().trim_end_matches('/').to_lowercase()
}

/// The resource group of a resource's (or a group's own) id, lower case; none when it names none.
pub(crate) fn group_of(id: &str) -> Option<String> {
    let id = canonical(id);
    let mut parts = id.split('/').skip_while(|part| *part != "resourcegroups");
    parts.next()?;
    let name = parts.next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// Whether an id can be put behind the base URL: a path of this subscription with plain characters and
/// no step up.
pub(crate) fn is_plain(id: &str, subscription: &str) -> bool {
    let start = format!("/subscriptions/{subscription}/");
    let plain = |c: char| c.is_alphanumeric() || "/-_.()".contains(c);
    id.starts_with(&start)
        && id.chars().all(plain)
        && !id.split('/').any(|part| part == "." || part == "..")
}

/// The id as the API's own description writes paths. Azure takes any case; validating proxies do not.
pub(crate) fn path(id: &str) -> String {
    const CASED: [&str; 7] = [
        "Microsoft.ContainerService",
        "managedClusters",
        "Microsoft.Compute",
        "Microsoft.Network",
        "loadBalancers",
        "publicIPAddresses",
        "resourceGroups",
    ];
    // The description writes a group's own path in lower case.
    let own = !id.contains("/providers/");
    let known = |part: &str| {
        CASED
            .into_iter()
            .find(|cased| cased.eq_ignore_ascii_case(part))
    };
    let mut parts = Vec::new();
    for (n, part) in id.split('/').enumerate() {
        // Keywords and values alternate, after the empty part before the first slash; the namespace
        // after `providers` is the one value that has a case.
        let word = n % 2 == 1 || n == 6;
        parts.push(known(part).filter(|_| word && !own).unwrap_or(part));
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_whatever_the_case() {
        for (id, group) in [
            (
                "/subscriptions/S/resourceGroups/MC_Lab/providers/X/y/z",
                Some("mc_lab"),
            ),
            ("/subscriptions/s/resourcegroups/lab/", Some("lab")),
            ("/subscriptions/s/resourceGroups/", None),
            ("/subscriptions/s", None),
        ] {
            assert_eq!(group_of(id).as_deref(), group, "{id}");
        }
    }

    #[test]
    fn only_plain_paths_of_the_subscription_are_sent() {
        for (id, plain) in [
            ("/subscriptions/s/resourcegroups/lab", true),
            ("/subscriptions/s/resourcegroups/a(b).c_d-e", true),
            ("/subscriptions/other/resourcegroups/lab", false),
            ("/subscriptions/s/../x", false),
            ("/subscriptions/s/a?b", false),
            ("/subscriptions/s/a%2f", false),
            ("https://evil/subscriptions/s/a", false),
        ] {
            assert_eq!(is_plain(id, "s"), plain, "{id}");
        }
    }

    #[test]
    fn paths_are_written_as_in_the_description() {
        for (id, expect) in [
            (
                "/subscriptions/s/resourcegroups/lab",
                "/subscriptions/s/resourcegroups/lab",
            ),
            (
                "/subscriptions/s/resourcegroups/disks/providers/microsoft.compute/disks/managedclusters",
                "/subscriptions/s/resourceGroups/disks/providers/Microsoft.Compute/disks/managedclusters",
            ),
            (
                "/subscriptions/s/resourcegroups/g/providers/microsoft.containerservice/managedclusters/c",
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c",
            ),
        ] {
            assert_eq!(path(id), expect);
        }
    }
}
