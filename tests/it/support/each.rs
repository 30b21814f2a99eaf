//! The clouds that suites run on. A new cloud is one line here.

/// One test a cloud, which calls a function with the cloud's name: they run side by side and fail by name.
macro_rules! each_cloud {
    ($run:path) => {
        $crate::support::each_cloud! { $run:
            gke "gke"
            eks "eks"
            aks "aks"
            digitalocean "digitalocean"
            linode "linode"
            vultr "vultr"
        }
    };
    ($run:path: $($cloud:ident $feature:literal)*) => {$(
        #[cfg(feature = $feature)]
        #[test]
        fn $cloud() {
            $run(stringify!($cloud));
        }
    )*};
}
pub(crate) use each_cloud;

/// A cloud that is registered but not in the list above would never be tested.
#[test]
fn every_registered_cloud_is_in_the_list() {
    let source = include_str!("each.rs");
    for cloud in super::clouds() {
        assert!(
            source.contains(&format!("    {cloud} \"{cloud}\"")),
            "{cloud} is in no suite"
        );
    }
}
