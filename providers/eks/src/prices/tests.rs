//! Prices, rules and sizes of the embedded table.

use super::*;
use kubelease_core::Span;
use kubelease_core::billing::bill;
use kubelease_http::testing::start;

fn hourly(kind: ItemKind, r#type: &str, region: &str, purchase: Purchase) -> String {
    let prices = prices();
    let price = prices.find(kind, r#type, region, purchase);
    price.map_or_else(|| "none".to_owned(), |p| p.rule.hourly().to_string())
}

#[test]
fn every_kind_has_a_price_everywhere_that_has_machines() {
    use ItemKind::{BootDisk, ControlPlane, Ipv4, LoadBalancer, Node, Volume};
    use Purchase::{OnDemand, Spot};
    for region in offline_catalog().regions {
        for (kind, r#type) in [
            (ControlPlane, "standard"),
            (LoadBalancer, "classic"),
            (LoadBalancer, "network"),
            (Volume, "gp3"),
            (BootDisk, "gp3"),
            (Ipv4, "any"),
        ] {
            let found = hourly(kind, r#type, &region.slug, OnDemand);
            assert_ne!(found, "none", "{kind:?} in {}", region.slug);
        }
    }
    assert_eq!(
        hourly(ControlPlane, "standard", "us-west-2", OnDemand),
        "0.1"
    );
    assert_eq!(
        hourly(ControlPlane, "extended-support", "us-west-2", OnDemand),
        "0.6"
    );
    assert_eq!(hourly(Node, "t3.medium", "us-east-1", OnDemand), "0.0416");
    assert_eq!(hourly(Node, "t3.medium", "mars", OnDemand), "none");
    let spot: Money = hourly(Node, "t3.small", "us-east-1", Spot).parse().unwrap();
    assert_eq!(spot, "0.0073".parse().unwrap());
}

#[test]
fn the_offline_catalog_can_be_quoted() {
    let catalog = offline_catalog();
    let size = catalog
        .sizes
        .iter()
        .find(|s| s.slug == "t3.medium")
        .unwrap();
    assert_eq!((size.cpu, size.memory_mib), (2, 4096));
    assert!(size.regions.contains(&"us-east-1".to_owned()));
    assert!(
        catalog
            .regions
            .iter()
            .any(|r| r.slug == "eu-central-1" && r.name == "Frankfurt")
    );
    assert!(catalog.versions.iter().all(|v| v.standard));
}

fn cost(billed: &Billed, seconds: i64) -> String {
    let price = prices().of(billed).cloned().unwrap();
    let end = Some(start() + chrono::TimeDelta::seconds(seconds));
    let span = Span {
        billed: billed.clone(),
        end,
        price,
    };
    let lines = bill(&[span], start() + chrono::TimeDelta::days(1));
    lines.iter().map(|l| l.amount).sum::<Money>().to_string()
}

#[test]
fn a_machine_counts_from_its_launch_for_at_least_a_minute() {
    let text = "<i><instanceId>i-1</instanceId><instanceType>t3.medium</instanceType><instanceState><name>running</name></instanceState><ipAddress>3.3.3.3</ipAddress><launchTime>2026-01-05T08:00:00.000Z</launchTime></i>";
    let mut instance: Instance = quick_xml::de::from_str(text).unwrap();
    let rows = of_instance(&instance, "us-east-1");
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].since, start());
    assert_eq!(cost(&rows[0], 3600), "0.0416");
    assert_eq!(cost(&rows[0], 5), cost(&rows[0], 60));
    assert_eq!(cost(&rows[1], 3600), "0.005");
    instance.instance_lifecycle = Some("spot".into());
    instance.ip_address = None;
    let rows = of_instance(&instance, "us-east-1");
    assert_eq!((rows.len(), rows[0].purchase), (1, Purchase::Spot));
    instance.instance_state.name = "shutting-down".into();
    assert!(of_instance(&instance, "us-east-1").is_empty());
    assert_eq!(ended(&instance), None, "nobody says when");
    instance.reason = Some("User initiated (2026-01-05 09:30:15 GMT)".into());
    assert_eq!(
        ended(&instance).map(|at| at.to_rfc3339()).as_deref(),
        Some("2026-01-05T09:30:15+00:00")
    );
    instance.instance_state.name = "running".into();
    assert_eq!(ended(&instance), None);
}

#[test]
fn a_load_balancer_counts_started_hours_and_an_address_in_each_zone() {
    let text = "<m><LoadBalancerName>a1</LoadBalancerName><VPCId>vpc-1</VPCId><Scheme>internet-facing</Scheme><CreatedTime>2026-01-05T08:00:00Z</CreatedTime><AvailabilityZones><member>us-east-1a</member><member>us-east-1b</member></AvailabilityZones></m>";
    let classic: LoadBalancer = quick_xml::de::from_str(text).unwrap();
    let rows = of_balancer(&classic, "us-east-1");
    assert_eq!((rows[0].r#type.as_str(), rows.len()), ("classic", 3));
    assert_eq!(cost(&rows[0], 3601), "0.05");
    assert_eq!(cost(&rows[1], 3600), "0.005");
    assert_ne!(rows[1].group, rows[2].group, "each address is an item");
    let text = "<m><LoadBalancerName>n</LoadBalancerName><LoadBalancerArn>arn:lb/n</LoadBalancerArn><VpcId>vpc-1</VpcId><Type>network</Type><Scheme>internal</Scheme><CreatedTime>2026-01-05T08:00:00Z</CreatedTime><AvailabilityZones><member><ZoneName>us-east-1a</ZoneName></member></AvailabilityZones><State><Code>active</Code></State></m>";
    let modern: LoadBalancer = quick_xml::de::from_str(text).unwrap();
    let rows = of_balancer(&modern, "us-east-1");
    assert_eq!(
        (rows.len(), rows[0].id.as_str(), rows[0].r#type.as_str()),
        (1, "arn:lb/n", "network")
    );
}

#[test]
fn disks_by_whether_they_go_with_their_machine() {
    let text = |flag: &str| {
        format!(
            "<v><volumeId>vol-1</volumeId><size>30</size><volumeType>gp3</volumeType><status>in-use</status><createTime>2026-01-05T08:00:00.000Z</createTime><attachmentSet><item><instanceId>i-1</instanceId><deleteOnTermination>{flag}</deleteOnTermination></item></attachmentSet></v>"
        )
    };
    for (flag, kind) in [("true", ItemKind::BootDisk), ("false", ItemKind::Volume)] {
        let volume: Volume = quick_xml::de::from_str(&text(flag)).unwrap();
        let row = of_volume(&volume, "us-east-1").unwrap();
        assert_eq!((row.kind, row.size_gib), (kind, Some(30)));
        // 30 GiB × $0.08 for one of January's 31 days.
        assert_eq!(cost(&row, 86_400), "0.077419355");
    }
}
