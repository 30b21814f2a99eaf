//! Resources of somebody else in the same account, set up through the control API: clusters with their network, volumes, load balancers,
//! single machines. They are billed, belong to no lease, and are exactly those that were named last.

use serde_json::{Value, json};

use super::call::{Desk, Tags};
use super::clusters::{self, ClusterWish};
use super::ec2_make::{self, SubnetWish};
use super::elb::{self, BalancerWish};
use super::nodegroups;
use super::state::{Belongs, Kind, Part, Thing};
use super::{catalog, machines, prices};
use crate::account::Foreign;

const REGION: &str = "us-east-1";
const SIZE: &str = "t3.medium";
const KINDS: &[&str] = &["cluster", "volume", "load_balancer", "node"];

/// Makes what is missing, removes what is no longer named. Nothing changes when one of them cannot be made.
pub(super) fn adopt(desk: &mut Desk<'_>, wanted: &[Foreign]) -> Result<(), String> {
    wanted.iter().try_for_each(check)?;
    for (kind, id, name) in present(desk) {
        if !wanted.iter().any(|f| f.kind == kind && f.name == name) {
            remove(desk, kind, &id);
        }
    }
    for foreign in wanted {
        let there = present(desk)
            .into_iter()
            .any(|(kind, _, name)| foreign.kind == kind && foreign.name == name);
        if !there {
            make(desk, foreign);
        }
    }
    Ok(())
}

fn check(foreign: &Foreign) -> Result<(), String> {
    let Foreign { kind, name, .. } = foreign;
    if !KINDS.contains(&kind.as_str()) {
        return Err(format!(
            "foreign kind {kind:?} is not known here: use {}",
            KINDS.join(", ")
        ));
    }
    if !catalog::region(foreign.region.as_deref().unwrap_or(REGION)) {
        return Err(format!("foreign {kind} {name}: no such region"));
    }
    if prices::size(foreign.size.as_deref().unwrap_or(SIZE)).is_none() {
        return Err(format!("foreign {kind} {name}: no such size"));
    }
    if name.is_empty() || name.len() > 100 {
        return Err(format!("foreign {kind}: {name:?} cannot be its name"));
    }
    Ok(())
}

/// All that was set up as somebody else's, without what their clusters made: kind, id, name.
fn present(desk: &Desk<'_>) -> Vec<(&'static str, String, String)> {
    let by_hand = |b: &Belongs| b.foreign && b.cluster.is_none();
    let named = |t: &Thing| t.tags.get("Name").cloned().unwrap_or_default();
    let clusters = desk
        .state
        .clusters
        .iter()
        .filter(|c| c.belongs.foreign && c.status() != "DELETING");
    let volumes = desk.state.of(Kind::Volume).filter(|t| by_hand(&t.belongs));
    let balancers = desk.state.balancers.iter().filter(|b| by_hand(&b.belongs));
    let lone = desk
        .state
        .of(Kind::Instance)
        .filter(|t| by_hand(&t.belongs) && !machines::is_going(t));
    clusters
        .map(|c| ("cluster", c.key.clone(), c.name.clone()))
        .chain(volumes.map(|t| ("volume", t.id.clone(), named(t))))
        .chain(balancers.map(|b| ("load_balancer", b.id.clone(), b.name.clone())))
        .chain(lone.map(|t| ("node", t.id.clone(), named(t))))
        .collect()
}

fn remove(desk: &mut Desk<'_>, kind: &str, id: &str) {
    match kind {
        "cluster" => {
            let groups: Vec<String> = desk
                .state
                .by_key(id)
                .map(|c| c.groups.iter().map(|g| g.name.clone()).collect())
                .unwrap_or_default();
            for group in groups {
                nodegroups::destroy(desk, id, &group);
            }
            clusters::destroy(desk, id);
        }
        "load_balancer" => elb::remove(desk, id),
        "node" => machines::retire(desk, id),
        _ => ec2_make::remove(desk, id),
    }
}

/// Tags given as `key=value`, or as a key alone.
fn tags(foreign: &Foreign) -> Tags {
    let pair = |t: &String| {
        t.split_once('=')
            .map_or((t.clone(), String::new()), |(k, v)| {
                (k.to_owned(), v.to_owned())
            })
    };
    foreign.tags.iter().map(pair).collect()
}

fn make(desk: &mut Desk<'_>, foreign: &Foreign) {
    let region = foreign.region.as_deref().unwrap_or(REGION);
    let size = foreign.size.as_deref().unwrap_or(SIZE);
    let belongs = Belongs {
        foreign: true,
        ..Belongs::default()
    };
    let mut tags = tags(foreign);
    match foreign.kind.as_str() {
        "cluster" => make_cluster(desk, foreign, region, size),
        "volume" => {
            tags.insert("Name".to_owned(), foreign.name.clone());
            let gib = u64::from(foreign.size_gib.unwrap_or(20));
            ec2_make::volume(
                desk,
                &format!("{region}a"),
                gib,
                "gp3",
                tags,
                &belongs,
                false,
            );
        }
        "load_balancer" => {
            let wish = BalancerWish {
                name: foreign.name.clone(),
                kind: "classic",
                region: region.to_owned(),
                vpc: String::new(),
                subnets: Vec::new(),
                groups: Vec::new(),
                ports: vec![(80, 30_080)],
                instances: Vec::new(),
                service: None,
                tags,
                belongs,
            };
            elb::make(desk, wish);
        }
        _ => machines::lone(desk, &foreign.name, region, size, tags),
    }
}

/// Foreign clusters begin like any other, in a network of their own.
fn make_cluster(desk: &mut Desk<'_>, foreign: &Foreign, region: &str, size: &str) {
    let belongs = Belongs {
        foreign: true,
        ..Belongs::default()
    };
    let tags = tags(foreign);
    let vpc = ec2_make::vpc(desk, region, "10.99.0.0/16", tags.clone(), &belongs);
    let zones: Vec<String> = catalog::zones(region).map(|(z, _)| z).take(2).collect();
    let mut subnets = Vec::new();
    for (place, zone) in zones.iter().enumerate() {
        let cidr = format!("10.99.{}.0/18", place * 64);
        let wish = SubnetWish {
            vpc: &vpc,
            zone,
            cidr: &cidr,
            public: true,
        };
        subnets.extend(ec2_make::subnet(
            desk,
            region,
            &wish,
            tags.clone(),
            &belongs,
        ));
    }
    let body = json!({"resourcesVpcConfig": {"subnetIds": subnets}, "tags": tags, "accessConfig": {"authenticationMode": "API"}});
    let wish = ClusterWish {
        body: &body,
        name: &foreign.name,
        version: catalog::DEFAULT_VERSION,
        vpc: &vpc,
        region,
        stuck: false,
        foreign: true,
    };
    let key = clusters::make(desk, &wish);
    let count = foreign.nodes.unwrap_or(1);
    let doc = json!({"nodegroupName": "theirs", "clusterName": foreign.name, "version": catalog::DEFAULT_VERSION, "status": "CREATING", "capacityType": "ON_DEMAND", "instanceTypes": [size], "subnets": subnets,
        "scalingConfig": {"minSize": 0, "maxSize": count, "desiredSize": count}, "nodegroupArn": format!("{}/theirs", clusters::bill_id(region, &foreign.name)), "labels": Value::Null,
        "resources": {"autoScalingGroups": [{"name": format!("eks-theirs-{key}")}]}, "health": {"issues": []}});
    let created_at = desk.core.now();
    nodegroups::add(
        desk,
        &key,
        Part {
            name: "theirs".to_owned(),
            doc,
            tags: Tags::new(),
            created_at,
            stuck: false,
            token: String::new(),
        },
    );
}
