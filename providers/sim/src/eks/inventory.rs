//! All that exists in the account, for `GET /world`: also what deletes left behind. Not listed: main route tables, default security groups and
//! service-linked roles (they come and go with their owners), terminated machines.

use chrono::{DateTime, Utc};

use super::ME;
use super::bill::hourly_price;
use super::clusters::bill_id;
use super::state::{Kind, State, Thing};
use super::{iam, machines};
use crate::cloud::Resource;
use crate::core::Core;
use crate::money::Nanos;

pub(super) fn all(state: &State, core: &Core) -> Vec<Resource> {
    let mut all = clusters(state, core);
    all.extend(
        state
            .things
            .iter()
            .filter(|t| !is_furniture(t))
            .map(|t| thing(t, core)),
    );
    all.extend(balancers(state));
    all.extend(stacks(state));
    all.extend(roles(state));
    all.extend(state.logs.iter().map(|g| {
        resource(
            "log_group",
            (&g.name, &g.name),
            &g.region,
            g.belongs.owner.clone().filter(|_| !g.belongs.foreign),
            g.created_at,
        )
    }));
    all
}

fn resource(
    kind: &'static str,
    (id, name): (&str, &str),
    region: &str,
    owner: Option<String>,
    created_at: DateTime<Utc>,
) -> Resource {
    Resource {
        provider: ME,
        kind,
        id: id.to_owned(),
        name: name.to_owned(),
        region: region.to_owned(),
        owner,
        created_at,
        hourly: Nanos::ZERO,
    }
}

fn is_furniture(thing: &Thing) -> bool {
    match thing.kind {
        Kind::RouteTable => super::wire::list(&thing.doc["associationSet"])
            .iter()
            .any(|a| a["main"] == true),
        Kind::SecurityGroup => thing.text("groupName") == "default",
        Kind::Instance => super::wire::text(&thing.doc["instanceState"], "name") == "terminated",
        _ => false,
    }
}

fn clusters(state: &State, core: &Core) -> Vec<Resource> {
    let mut found = Vec::new();
    for c in &state.clusters {
        let id = bill_id(&c.region, &c.name);
        let extended = c.doc["_tier"] == "extended-support";
        let tier = if extended {
            "extended-support"
        } else {
            "standard"
        };
        let hourly = if core.meter.runs(&id) {
            hourly_price("control_plane", tier, &c.region, 1)
        } else {
            Nanos::ZERO
        };
        found.push(Resource {
            hourly,
            ..resource(
                "cluster",
                (&c.name, &c.name),
                &c.region,
                c.owner(),
                c.created_at,
            )
        });
        for g in &c.groups {
            let id = format!("{}/{}", c.name, g.name);
            found.push(resource(
                "node_pool",
                (&id, &g.name),
                &c.region,
                c.owner(),
                g.created_at,
            ));
        }
    }
    found
}

/// Whether a disk goes with its machine.
fn is_boot(disk: &Thing) -> bool {
    super::wire::list(&disk.doc["attachmentSet"])
        .iter()
        .any(|a| a["deleteOnTermination"] == true)
}

fn thing(t: &Thing, core: &Core) -> Resource {
    let (kind, billed): (&'static str, Option<(&str, String, u64)>) = match t.kind {
        Kind::Vpc => ("vpc", None),
        Kind::Subnet => ("subnet", None),
        Kind::InternetGateway => ("internet_gateway", None),
        Kind::RouteTable => ("route_table", None),
        Kind::SecurityGroup => ("security_group", None),
        Kind::LaunchTemplate => ("launch_template", None),
        Kind::NetworkInterface => ("network_interface", Some(("ipv4", "any".to_owned(), 1))),
        Kind::Instance if machines::is_going(t) => ("instance", None),
        Kind::Instance => {
            let spot = if t.text("instanceLifecycle") == "spot" {
                " spot"
            } else {
                ""
            };
            (
                "instance",
                Some(("node", format!("{}{spot}", t.text("instanceType")), 1)),
            )
        }
        Kind::Volume => (
            // As the meter calls them.
            if is_boot(t) { "boot_disk" } else { "volume" },
            Some((
                "volume",
                t.text("volumeType").to_owned(),
                t.doc["size"].as_u64().unwrap_or(0),
            )),
        ),
        Kind::Snapshot => ("snapshot", None),
        Kind::Address => ("ipv4", Some(("ipv4", "any".to_owned(), 1))),
        Kind::NatGateway => ("nat_gateway", None),
    };
    let hourly = billed
        .filter(|_| core.meter.runs(&t.id))
        .map_or(Nanos::ZERO, |(kind, kind_type, n)| {
            hourly_price(kind, &kind_type, &t.region, n)
        });
    let name = ["groupName", "launchTemplateName"]
        .iter()
        .map(|n| t.text(n))
        .find(|n| !n.is_empty());
    let name = name
        .or(t.tags.get("Name").map(String::as_str))
        .unwrap_or(&t.id);
    Resource {
        hourly,
        ..resource(kind, (&t.id, name), &t.region, t.owner(), t.created_at)
    }
}

fn balancers(state: &State) -> impl Iterator<Item = Resource> {
    state.balancers.iter().map(|b| {
        let group = b.kind == "target_group";
        let hourly = if group {
            Nanos::ZERO
        } else {
            hourly_price("load_balancer", &b.kind, &b.region, 1)
        };
        let owner = b.belongs.owner.clone().filter(|_| !b.belongs.foreign);
        let kind = if group {
            "target_group"
        } else {
            "load_balancer"
        };
        Resource {
            hourly,
            ..resource(kind, (&b.id, &b.name), &b.region, owner, b.created_at)
        }
    })
}

fn stacks(state: &State) -> impl Iterator<Item = Resource> {
    let live = state
        .stacks
        .iter()
        .filter(|s| s.status != "DELETE_COMPLETE");
    live.map(|s| {
        resource(
            "stack",
            (&s.name, &s.name),
            &s.region,
            super::call::lease(&s.tags).filter(|_| !s.foreign),
            s.created_at,
        )
    })
}

fn roles(state: &State) -> impl Iterator<Item = Resource> {
    let own = state
        .roles
        .iter()
        .filter(|r| !r.path.starts_with("/aws-service-role/"));
    let roles = own.map(|r| resource("role", (&r.name, &r.name), "", iam::owner(r), r.created_at));
    roles.chain(state.profiles.iter().map(|p| {
        resource(
            "instance_profile",
            (&p.name, &p.name),
            "",
            p.owner.clone(),
            p.created_at,
        )
    }))
}
