//! The creating requests: one for each step, after the reads that it takes (zones, the stack's outputs).

use std::collections::HashMap;

use kubelease_core::{Error, Kind, ProviderId, Ref, StepAt};
use serde_json::{Value, json};

use super::{ADDON, CLUSTER, POOL, STACK, STORAGE_ADDON, lacks, no_step, stack_name, within};
use crate::api::eks::{NewAddon, NewCluster, NewPool};
use crate::api::network::ec2;
use crate::api::stack::NewStack;
use crate::api::wire::{Offering, Stack, Zone};
use crate::api::{Api, tags};

/// Sends the creating request.
pub(crate) async fn create(api: &Api, at: &StepAt<'_>) -> Result<Ref, Error> {
    let id = match at.step.kind.as_str() {
        STACK => stack(api, at).await?,
        CLUSTER => cluster(api, at).await?,
        POOL => pool(api, at).await?,
        ADDON => addon(api, at).await?,
        other => return Err(no_step(other)),
    };
    Ok(Ref::new(&at.step.kind, id).in_region(&at.order.region))
}

/// The owner tag for EKS's own API.
fn tag_map(at: &StepAt<'_>) -> HashMap<String, String> {
    tags::write(at.tag).into_iter().collect()
}

fn text<'a>(at: &'a StepAt<'_>, key: &str) -> &'a str {
    at.step.params[key].as_str().unwrap_or_default()
}

async fn stack(api: &Api, at: &StepAt<'_>) -> Result<String, Error> {
    let size = text(at, "size");
    let chosen = serde_json::from_value(at.step.params["zones"].clone()).unwrap_or_default();
    let zones: [String; 2] = match chosen {
        Some(zones) => zones,
        None => zones(api, &at.order.region, size).await?,
    };
    let new = NewStack {
        name: &at.step.name,
        zones: &zones,
        size,
        disk_gib: at.step.params["disk_gib"].as_u64().unwrap_or(30),
        volumes: at.step.params["volumes"].as_bool().unwrap_or_default(),
        tag: at.tag,
        token: &at.token(),
    };
    api.create_stack(&at.order.region, new).await
}

/// Zones in which EKS has no room for control planes (eksctl's list, by zone id).
const AVOIDED: [&str; 3] = ["use1-az3", "usw1-az2", "cac1-az3"];

/// Two zones that have the machine type: the first ones by name, so that every try chooses the same.
async fn zones(api: &Api, region: &str, size: &str) -> Result<[String; 2], Error> {
    let needs = "ec2:DescribeAvailabilityZones";
    let all = ec2(region, "DescribeAvailabilityZones", "list zones", needs);
    let needs = "ec2:DescribeInstanceTypeOfferings";
    let offered = ec2(
        region,
        "DescribeInstanceTypeOfferings",
        "list offerings",
        needs,
    )
    .with("LocationType", "availability-zone")
    .filter(1, "instance-type", &[size]);
    let (all, offered) = tokio::join!(
        api.all(all, |z: &Zone| z.zone_name.clone()),
        api.all(offered, |o: &Offering| format!(
            "{} {}",
            o.instance_type, o.location
        )),
    );
    let (all, offered) = (all.all()?, offered.all()?);
    let usable = |z: &&Zone| {
        let plain = z.zone_type.is_empty() || z.zone_type == "availability-zone";
        let open = z.zone_state.is_empty() || z.zone_state == "available";
        let has = |o: &Offering| o.location == z.zone_name && o.instance_type == size;
        plain && open && !AVOIDED.contains(&z.zone_id.as_str()) && offered.iter().any(has)
    };
    let mut names: Vec<String> = all
        .iter()
        .filter(usable)
        .map(|z| z.zone_name.clone())
        .collect();
    names.sort();
    names.truncate(2);
    <[String; 2]>::try_from(names).map_err(|found| {
        let why = format!(
            "{size} is offered in {} zones of {region}; a cluster takes two",
            found.len()
        );
        Error::new(Kind::NoCapacity, "choose zones", why)
            .at(ProviderId::Eks)
            .hint("try another size or another --region")
    })
}

/// The lease's finished stack.
async fn made_stack(api: &Api, at: &StepAt<'_>) -> Result<Stack, Error> {
    let name = stack_name(&at.lease.id);
    let id = at
        .lease
        .find(STACK)
        .map_or(name.as_str(), |r| r.id.as_str());
    let found = api.stack(&at.order.region, id).await?;
    found.ok_or_else(|| {
        Error::new(Kind::Unexpected, "read stack", "the lease's stack is gone").at(ProviderId::Eks)
    })
}

fn output<'a>(stack: &'a Stack, key: &str) -> Result<&'a str, Error> {
    stack.output(key).ok_or_else(|| {
        let why = format!("the stack has no output `{key}`");
        Error::new(Kind::Unexpected, "read stack", why).at(ProviderId::Eks)
    })
}

fn subnets(stack: &Stack) -> Result<Vec<String>, Error> {
    let listed = output(stack, "Subnets")?;
    Ok(listed.split(',').map(str::to_owned).collect())
}

async fn cluster(api: &Api, at: &StepAt<'_>) -> Result<String, Error> {
    let stack = made_stack(api, at).await?;
    let new = NewCluster {
        name: &at.step.name,
        version: text(at, "version"),
        role: output(&stack, "ClusterRole")?,
        subnets: subnets(&stack)?,
        tags: tag_map(at),
        token: at.token(),
    };
    let made = api.eks(&at.order.region).create_cluster(new).await?;
    Ok(made.name.unwrap_or_else(|| at.step.name.clone()))
}

async fn pool(api: &Api, at: &StepAt<'_>) -> Result<String, Error> {
    let stack = made_stack(api, at).await?;
    let size = text(at, "size");
    let count = at.step.params["count"].as_i64().unwrap_or(1);
    let new = NewPool {
        cluster: &at.order.name,
        name: &at.step.name,
        role: output(&stack, "NodeRole")?,
        subnets: subnets(&stack)?,
        size,
        arm: is_arm(size),
        count: i32::try_from(count).unwrap_or(1),
        spot: at.step.params["spot"].as_bool().unwrap_or_default(),
        template: output(&stack, "Machine")?,
        tags: tag_map(at),
        token: at.token(),
    };
    api.eks(&at.order.region).create_pool(new).await?;
    Ok(within(&at.order.name, &at.step.name))
}

/// Whether a machine type has AWS's own processors: `t4g.small`, `m7gd.large`, but not `g5.xlarge`.
fn is_arm(size: &str) -> bool {
    let family = size.split('.').next().unwrap_or_default();
    let after_number = family.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let marks = after_number.trim_start_matches(|c: char| c.is_ascii_digit());
    marks.starts_with('g')
}

async fn addon(api: &Api, at: &StepAt<'_>) -> Result<String, Error> {
    let eks = api.eks(&at.order.region);
    let (cluster, name) = (at.order.name.as_str(), at.step.name.as_str());
    let is_storage = name == STORAGE_ADDON;
    let stack = made_stack(api, at).await?;
    let role = match is_storage {
        true => Some(output(&stack, "StorageRole")?),
        false => None,
    };
    let new = NewAddon {
        cluster,
        name,
        configuration: is_storage.then(|| storage(at).to_string()),
        identity: role.map(|role| ("ebs-csi-controller-sa", role)),
        tags: tag_map(at),
        token: at.token(),
    };
    let id = within(cluster, name);
    match eks.create_addon(new).await {
        Ok(()) => Ok(id),
        // One page may be a proxy's. A stand-in that lacks add-ons answers so to reads too, every time.
        Err(error) if lacks(api, &error) => match eks.addon(cluster, name).await {
            Ok(Some(_)) => Ok(id),
            Err(again) if lacks(api, &again) => Ok(id),
            _ => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// Every volume carries the owner tag: it outlives the cluster.
fn storage(at: &StepAt<'_>) -> Value {
    json!({
        "controller": { "extraVolumeTags": tag_map(at) },
        "defaultStorageClass": { "enabled": true },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_by_the_machine_types_name() {
        for (size, arm) in [
            ("t3.medium", false),
            ("t4g.small", true),
            ("c7g.large", true),
            ("m7gd.large", true),
            ("m7i-flex.large", false),
            ("g5.xlarge", false),
            ("", false),
        ] {
            assert_eq!(is_arm(size), arm, "{size}");
        }
    }
}
