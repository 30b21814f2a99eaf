//! What clusters can be made of: regions with prices, machine types that this account may start,
//! versions in standard support.

use chrono::TimeDelta;
use kubelease_core::{Catalog, Error, Kind, ProviderId, Size, Version};

use super::account::{Plan, plan};
use crate::api::Api;
use crate::api::eks::time;
use crate::api::network::ec2;
use crate::api::wire::InstanceType;
use crate::prices::{offline_catalog, prices, regions_of, sizes};
use crate::steps::lacks;

/// A version whose standard support ends sooner is not "stable": a lease may outlive it, and the vendor
/// would upgrade the cluster under it.
const MARGIN: TimeDelta = TimeDelta::days(2);

/// What clusters can be made of, with our prices.
pub(crate) async fn catalog(api: &Api) -> Result<Catalog, Error> {
    let (plan, versions) = tokio::join!(plan(api), versions(api));
    let free = matches!(plan?, Plan::Known(state) if state.is_free());
    let sizes = machine_types(api, free).await?;
    let offline = offline_catalog();
    Ok(Catalog {
        provider: ProviderId::Eks,
        regions: offline.regions,
        sizes,
        versions: versions?,
        prices: prices(),
    })
}

/// The machine types that have a price and that this account may start. On the free plan EC2 itself says
/// which those are.
async fn machine_types(api: &Api, free: bool) -> Result<Vec<Size>, Error> {
    let region = &api.config.region;
    let priced = sizes();
    let names: Vec<&str> = priced.iter().map(|s| s.slug.as_str()).collect();
    let needs = "ec2:DescribeInstanceTypes";
    let mut call = ec2(
        region,
        "DescribeInstanceTypes",
        "list instance types",
        needs,
    );
    call = call.filter(1, "instance-type", &names);
    if free {
        call = call.filter(2, "free-tier-eligible", &["true"]);
    }
    let found = api
        .all(call, |t: &InstanceType| t.instance_type.clone())
        .await;
    let mut made: Vec<Size> = found.all()?.into_iter().map(size).collect();
    made.sort_by(|a, b| a.slug.cmp(&b.slug));
    Ok(made)
}

fn size(found: InstanceType) -> Size {
    Size {
        regions: regions_of(&found.instance_type),
        slug: found.instance_type,
        cpu: found.v_cpu_info.default,
        memory_mib: found.memory_info.mib,
        // The disk is chosen, and billed apart.
        disk_gib: 0,
        available: true,
    }
}

/// Newest first.
async fn versions(api: &Api) -> Result<Vec<Version>, Error> {
    let listed = match api.eks(&api.config.region).versions().await.all() {
        Ok(listed) => listed,
        Err(error) if lacks(api, &error) => return Ok(offline_catalog().versions),
        Err(error) => return Err(error),
    };
    let enough = api.now() + MARGIN;
    let mut versions: Vec<Version> = listed
        .into_iter()
        .filter_map(|v| {
            let minor = v.cluster_version?;
            let status = v.version_status.as_ref().map(|s| s.as_str().to_owned());
            if status.as_deref() == Some("UNSUPPORTED") {
                return None;
            }
            let supported = status.is_none_or(|s| s.eq_ignore_ascii_case("STANDARD_SUPPORT"));
            let end = v.end_of_standard_support_date.as_ref().and_then(time);
            Some(Version {
                slug: minor.clone(),
                minor,
                standard: supported && end.is_none_or(|end| end > enough),
            })
        })
        .collect();
    versions.sort_by_key(|v| std::cmp::Reverse(numbers(&v.minor)));
    if versions.is_empty() {
        let why = "no versions are offered";
        return Err(Error::new(Kind::Unexpected, "list versions", why).at(ProviderId::Eks));
    }
    Ok(versions)
}

/// `1.35` is 1, 35.
fn numbers(slug: &str) -> Vec<u32> {
    slug.split('.').filter_map(|n| n.parse().ok()).collect()
}
