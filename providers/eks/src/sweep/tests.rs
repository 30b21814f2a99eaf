//! Attribution, blockers and removal.

use super::*;
use crate::api::tests::{Cloud, api};
use chrono::DateTime;
use kubelease_core::{ItemKind, LeaseId, Ref, Removal};
use kubelease_http::testing::start;
use serde_json::{Value, json};

const HOME: &str = "us-east-1";

fn lease() -> LeaseId {
    "lbcdfghjkm".parse().unwrap()
}

fn tags(lease: &str) -> String {
    format!(
        "<tagSet><item><key>managed-by</key><value>kubelease</value></item><item><key>kubelease-lease</key><value>{lease}</value></item><item><key>kubelease-expires</key><value>100</value></item></tagSet>"
    )
}

fn cluster(cloud: &Cloud, name: &str, tags: &Value) {
    // With a fraction, as EKS writes times.
    let created = format!("{}.75", start().timestamp());
    let created: serde_json::Number = created.parse().unwrap();
    let body = json!({ "cluster": { "name": name, "status": "ACTIVE", "createdAt": created, "tags": tags } });
    cloud.json(&format!("GET /clusters/{name}"), &body);
}

fn our_tags() -> Value {
    json!({ "managed-by": "kubelease", "kubelease-lease": "lbcdfghjkm", "kubelease-expires": "900" })
}

/// A lease with everything that controllers make, beside a stranger's cluster.
fn full(cloud: &Cloud) {
    cloud.json("GET /clusters", &json!({ "clusters": ["demo", "theirs"] }));
    cluster(cloud, "demo", &our_tags());
    cluster(cloud, "theirs", &json!({ "kubelease-lease": "lbcdfghjkm" }));
    cloud.json(
        "GET /clusters/demo/node-groups",
        &json!({ "nodegroups": ["nodes"] }),
    );
    let pool = json!({ "nodegroup": { "clusterName": "demo", "nodegroupName": "nodes", "status": "ACTIVE", "tags": our_tags() } });
    cloud.json("GET /clusters/demo/node-groups/nodes", &pool);
    let ours = tags("lbcdfghjkm");
    let stack_tags = ours
        .replace("tagSet", "Tags")
        .replace("item", "member")
        .replace("key>", "Key>")
        .replace("value>", "Value>");
    cloud.xml("DescribeStacks", &format!("<DescribeStacksResult><Stacks><member><StackId>arn:stack/1</StackId><StackName>kubelease-lbcdfghjkm</StackName><StackStatus>CREATE_COMPLETE</StackStatus>{stack_tags}</member><member><StackId>arn:stack/2</StackId><StackName>kubelease-like</StackName><StackStatus>CREATE_COMPLETE</StackStatus></member></Stacks></DescribeStacksResult>"));
    let instance = |id: &str, state: &str, tags: &str| {
        format!(
            "<item><instancesSet><item><instanceId>{id}</instanceId><instanceType>t3.medium</instanceType><instanceState><name>{state}</name></instanceState><ipAddress>1.2.3.4</ipAddress><launchTime>2026-01-05T08:05:00.000Z</launchTime>{tags}</item></instancesSet></item>"
        )
    };
    let machines = [
        instance("i-1", "running", &ours),
        instance("i-2", "terminated", &ours).replace(
            "<launchTime>",
            "<reason>User initiated (2026-01-05 09:00:07 GMT)</reason><launchTime>",
        ),
        instance("i-9", "running", ""),
    ];
    cloud.xml(
        "DescribeInstances",
        &format!("<reservationSet>{}</reservationSet>", machines.concat()),
    );
    let volume = |id: &str, at: &str, holder: &str, marks: &str| {
        let held = if holder.is_empty() {
            String::new()
        } else {
            format!(
                "<item><instanceId>{holder}</instanceId><deleteOnTermination>false</deleteOnTermination></item>"
            )
        };
        format!(
            "<item><volumeId>{id}</volumeId><size>10</size><volumeType>gp3</volumeType><status>available</status><createTime>2026-01-05T{at}.000Z</createTime><attachmentSet>{held}</attachmentSet>{marks}</item>"
        )
    };
    let mark = |key: &str, value: &str| {
        format!("<tagSet><item><key>{key}</key><value>{value}</value></item></tagSet>")
    };
    let owned = mark("kubernetes.io/cluster/demo", "owned");
    let claim = mark("ebs.csi.aws.com/cluster", "true");
    let volumes = [
        volume("vol-tagged", "08:10:00", "", &ours),
        volume("vol-named", "08:10:00", "", &owned),
        volume("vol-same-second", "08:00:00", "", &owned),
        volume("vol-held", "08:10:00", "i-1", &claim),
        volume("vol-recorded", "07:00:00", "", ""),
        volume("vol-older", "07:59:59", "", &owned),
        volume("vol-by-hand", "08:10:00", "i-1", ""),
        volume("vol-theirs", "08:10:00", "i-9", &claim),
    ];
    cloud.xml(
        "DescribeVolumes",
        &format!("<volumeSet>{}</volumeSet>", volumes.concat()),
    );
    network(cloud, &ours);
    cloud.json("Logs_20140328.DescribeLogGroups", &json!({ "logGroups": [{ "logGroupName": "/aws/eks/demo/cluster" }, { "logGroupName": "/aws/eks/theirs/cluster" }] }));
}

fn network(cloud: &Cloud, ours: &str) {
    cloud.xml("DescribeVpcs", &format!("<vpcSet><item><vpcId>vpc-1</vpcId><isDefault>false</isDefault>{ours}</item><item><vpcId>vpc-default</vpcId><isDefault>true</isDefault>{ours}</item></vpcSet>"));
    let balancer = |name: &str, vpc: &str| {
        format!(
            "<member><LoadBalancerName>{name}</LoadBalancerName><VPCId>{vpc}</VPCId><Scheme>internet-facing</Scheme><CreatedTime>2026-01-05T08:20:00Z</CreatedTime></member>"
        )
    };
    cloud.xml("DescribeLoadBalancers", &format!("<DescribeLoadBalancersResult><LoadBalancerDescriptions>{}{}</LoadBalancerDescriptions></DescribeLoadBalancersResult>", balancer("a1", "vpc-1"), balancer("b2", "vpc-9")));
    cloud.xml("DescribeTargetGroups@v2", "<DescribeTargetGroupsResult><TargetGroups><member><TargetGroupArn>arn:tg/1</TargetGroupArn><TargetGroupName>t</TargetGroupName><VpcId>vpc-1</VpcId></member></TargetGroups></DescribeTargetGroupsResult>");
    let interface = |id: &str, more: &str| {
        format!(
            "<item><networkInterfaceId>{id}</networkInterfaceId><vpcId>vpc-1</vpcId><description>aws-K8S</description><status>available</status>{more}</item>"
        )
    };
    let interfaces = [
        interface("eni-loose", ""),
        interface("eni-eks", "").replace("aws-K8S", "Amazon EKS demo"),
        interface("eni-elb", "").replace("aws-K8S", "ELB a1"),
        interface("eni-service", "<requesterManaged>true</requesterManaged>"),
        interface(
            "eni-first",
            "<attachment><deviceIndex>0</deviceIndex><instanceId>i-1</instanceId></attachment>",
        ),
    ];
    cloud.xml(
        "DescribeNetworkInterfaces",
        &format!(
            "<networkInterfaceSet>{}</networkInterfaceSet>",
            interfaces.concat()
        ),
    );
    cloud.xml("DescribeSecurityGroups", "<securityGroupInfo><item><groupId>sg-default</groupId><groupName>default</groupName><vpcId>vpc-1</vpcId></item><item><groupId>sg-1</groupId><groupName>k8s-elb-a1</groupName><vpcId>vpc-1</vpcId></item></securityGroupInfo>");
    cloud.xml(
        "DescribeSubnets",
        "<subnetSet><item><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId></item></subnetSet>",
    );
    cloud.xml("DescribeRouteTables", "<routeTableSet><item><routeTableId>rtb-main</routeTableId><vpcId>vpc-1</vpcId><associationSet><item><routeTableAssociationId>a</routeTableAssociationId><main>true</main></item></associationSet></item><item><routeTableId>rtb-1</routeTableId><vpcId>vpc-1</vpcId></item></routeTableSet>");
    cloud.xml("DescribeInternetGateways", &format!("<internetGatewaySet><item><internetGatewayId>igw-1</internetGatewayId>{ours}</item></internetGatewaySet>"));
}

fn recorded() -> Vec<(LeaseId, Ref)> {
    let own = |kind: &str, id: &str| (lease(), Ref::new(kind, id).in_region(HOME));
    vec![
        own("cluster", "demo"),
        own("addon", "demo/aws-ebs-csi-driver"),
        own("volume", "vol-recorded"),
    ]
}

async fn look(cloud_api: &crate::api::Api, recorded: &[(LeaseId, Ref)], foreign: bool) -> Listing {
    owned(cloud_api, &Scope { recorded, foreign })
        .await
        .unwrap()
}

fn ids(listing: &Listing) -> Vec<&str> {
    listing
        .things
        .iter()
        .map(|t| t.target.id.as_str())
        .collect()
}

fn blockers(listing: &Listing, id: &str) -> Vec<String> {
    let thing = listing.things.iter().find(|t| t.target.id == id).unwrap();
    let mut ids: Vec<String> = thing.blocked_by.iter().map(|b| b.id.clone()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn everything_of_a_lease_in_delete_order_and_nothing_else() {
    let (api, cloud) = api(None);
    full(&cloud);
    let listing = look(&api, &recorded(), false).await;
    assert!(listing.complete, "{:?}", listing.missing);
    let expect = [
        "a1",
        "arn:tg/1",
        "demo/nodes",
        "i-1",
        "eni-loose",
        "demo/aws-ebs-csi-driver",
        "demo",
        "sg-1",
        "arn:stack/1",
        // What else a working stack made goes with it.
        "igw-1",
        "vpc-1",
        "vol-tagged",
        "vol-named",
        "vol-same-second",
        "vol-held",
        "vol-recorded",
        "/aws/eks/demo/cluster",
    ];
    assert_eq!(ids(&listing), expect);
    let at = DateTime::from_timestamp(start().timestamp() + 3607, 0).unwrap();
    let ended =
        [("i-2", at), ("i-2/disks", at), ("ipv4-i-2", at)].map(|(id, at)| (id.to_owned(), at));
    assert_eq!(listing.ended, ended.into(), "EC2 says when a machine ended");
    // The cluster's dates count for everything of its lease: other tags are as old as their things.
    let dates: BTreeSet<_> = listing
        .things
        .iter()
        .map(|t| t.owner.as_ref().unwrap().expires_at)
        .collect();
    assert_eq!(dates, BTreeSet::from([DateTime::from_timestamp(900, 0)]));
    assert!(cloud.changes().is_empty(), "a look changes nothing");
}

#[tokio::test]
async fn what_must_go_first() {
    let (api, cloud) = api(None);
    full(&cloud);
    let listing = look(&api, &recorded(), false).await;
    for (id, before) in [
        ("a1", &[][..]),
        ("demo/nodes", &[]),
        ("arn:tg/1", &["a1"]),
        ("i-1", &["demo/nodes"]),
        ("eni-loose", &["demo/nodes", "i-1"]),
        ("demo", &["demo/nodes", "eni-loose", "i-1"]),
        ("demo/aws-ebs-csi-driver", &["demo"]),
        ("sg-1", &["a1", "demo", "eni-loose"]),
        (
            "arn:stack/1",
            &[
                "a1",
                "arn:tg/1",
                "demo",
                "demo/nodes",
                "eni-loose",
                "i-1",
                "sg-1",
            ],
        ),
        ("vpc-1", &["arn:stack/1", "igw-1", "sg-1"]),
        ("vol-held", &["demo", "demo/nodes", "i-1"]),
        ("/aws/eks/demo/cluster", &["arn:stack/1", "demo"]),
    ] {
        assert_eq!(blockers(&listing, id), before, "{id}");
    }
}

#[tokio::test]
async fn a_stack_that_gave_up_waits_for_its_pieces() {
    let (api, cloud) = api(None);
    full(&cloud);
    let stack = "<DescribeStacksResult><Stacks><member><StackId>arn:stack/1</StackId><StackName>s</StackName><StackStatus>DELETE_FAILED</StackStatus><Tags><member><Key>managed-by</Key><Value>kubelease</Value></member><member><Key>kubelease-lease</Key><Value>lbcdfghjkm</Value></member></Tags></member></Stacks></DescribeStacksResult>";
    cloud.xml("DescribeStacks", stack);
    let listing = look(&api, &[], false).await;
    assert!(!blockers(&listing, "subnet-1").contains(&"arn:stack/1".to_owned()));
    assert!(blockers(&listing, "arn:stack/1").contains(&"vpc-1".to_owned()));
    assert_eq!(
        blockers(&listing, "vpc-1"),
        ["igw-1", "rtb-1", "sg-1", "subnet-1"]
    );
    // The engine waits for whatever says that it is being deleted; this has stopped.
    let stack = listing.things.iter().find(|t| t.target.kind == "stack");
    assert!(!stack.unwrap().state.to_ascii_lowercase().contains("delet"));
}

#[tokio::test]
async fn others_are_shown_when_asked_and_never_owned() {
    let (api, cloud) = api(None);
    full(&cloud);
    let listing = look(&api, &recorded(), true).await;
    let foreign: Vec<&str> = listing
        .things
        .iter()
        .filter(|t| t.owner.is_none())
        .map(|t| t.target.id.as_str())
        .collect();
    assert_eq!(
        foreign,
        [
            "b2",
            "i-9",
            "theirs",
            "vol-older",
            "vol-by-hand",
            "vol-theirs"
        ]
    );
    let theirs = listing
        .things
        .iter()
        .find(|t| t.target.id == "theirs")
        .unwrap();
    assert_eq!(theirs.billed[0].kind, ItemKind::ControlPlane);
    assert!(theirs.blocked_by.is_empty());
}

#[tokio::test]
async fn a_recorded_name_that_came_back_is_not_ours() {
    let (api, cloud) = api(None);
    full(&cloud);
    cluster(&cloud, "demo", &json!({ "managed-by": "terraform" }));
    let listing = look(&api, &recorded(), false).await;
    let found = ids(&listing);
    for id in ["demo", "demo/nodes", "/aws/eks/demo/cluster", "vol-named"] {
        assert!(!found.contains(&id), "{id}");
    }
    let target = Ref::new("cluster", "demo").in_region(HOME);
    assert_eq!(destroy(&api, &target).await.unwrap(), Removal::Gone);
    assert!(cloud.changes().is_empty());
}

#[tokio::test]
async fn after_the_cluster_its_log_group_is_known_by_our_record() {
    let (api, cloud) = api(None);
    full(&cloud);
    cloud.json("GET /clusters", &json!({ "clusters": ["theirs"] }));
    let listing = look(&api, &recorded(), false).await;
    let log = listing
        .things
        .iter()
        .find(|t| t.target.kind == LOG_GROUP)
        .unwrap();
    assert_eq!(log.target.id, "/aws/eks/demo/cluster");
    assert_eq!(blockers(&listing, "vol-tagged"), ["i-1"]);
    assert!(
        !ids(&listing).contains(&"demo/aws-ebs-csi-driver"),
        "it went with the cluster"
    );
}

#[tokio::test]
async fn a_list_that_failed_is_told_and_nothing_is_concluded() {
    let (api, cloud) = api(None);
    full(&cloud);
    let denied = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>";
    cloud.answer("DescribeVolumes", 403, denied);
    let listing = look(&api, &[], false).await;
    assert!(!listing.complete);
    assert_eq!(listing.missing.len(), 1);
    assert!(
        listing.missing[0].contains("ec2:DescribeVolumes"),
        "{:?}",
        listing.missing
    );
    // A cluster that cannot be read may live: what must outlive it waits.
    cloud.answer("GET /clusters/demo", 500, r#"{"message":"oops"}"#);
    let listing = look(&api, &recorded(), false).await;
    assert!(!listing.complete);
    assert!(blockers(&listing, "arn:stack/1").contains(&"demo".to_owned()));
    // A ghost: listed, though EKS itself does not know it.
    cloud.answer(
        "GET /clusters/demo",
        404,
        r#"{"message":"No cluster found for name: demo."}"#,
    );
    cloud.xml("DescribeVolumes", "<volumeSet/>");
    let listing = look(&api, &recorded(), false).await;
    assert!(listing.complete && !ids(&listing).contains(&"demo"));
}

#[tokio::test]
async fn regions_of_records_are_looked_at() {
    let (api, cloud) = api(None);
    let elsewhere = [
        (lease(), Ref::new("cluster", "far").in_region("eu-west-1")),
        (
            lease(),
            Ref::new("cluster", "odd").in_region("evil.example/"),
        ),
    ];
    look(&api, &elsewhere, false).await;
    let lists = cloud
        .seen()
        .iter()
        .filter(|(n, _)| n == "GET /clusters")
        .count();
    assert_eq!(lists, 2, "home and eu-west-1");
}

fn target(kind: &str, id: &str) -> Ref {
    Ref::new(kind, id).in_region(HOME)
}

#[tokio::test]
async fn one_removing_request_and_gone_is_the_vendors_word() {
    let ours = json!({ "tags": our_tags() });
    for (kind, id, removes) in [
        ("cluster", "demo", "DELETE /clusters/demo"),
        (
            "node_pool",
            "demo/nodes",
            "DELETE /clusters/demo/node-groups/nodes",
        ),
        ("stack", "arn:stack/1", "DeleteStack"),
        ("load_balancer", "a1", "DeleteLoadBalancer"),
        ("target_group", "arn:tg/1", "DeleteTargetGroup@v2"),
        ("instance", "i-1", "TerminateInstances"),
        ("network_interface", "eni-1", "DeleteNetworkInterface"),
        ("security_group", "sg-default", "DeleteSecurityGroup"),
        ("subnet", "subnet-1", "DeleteSubnet"),
        ("vpc", "vpc-1", "DeleteVpc"),
        ("internet_gateway", "igw-1", "DeleteInternetGateway"),
        ("launch_template", "lt-1", "DeleteLaunchTemplate"),
        ("volume", "vol-1", "DeleteVolume"),
        ("snapshot", "snap-1", "DeleteSnapshot"),
        (
            "log_group",
            "/aws/eks/demo/cluster",
            "Logs_20140328.DeleteLogGroup",
        ),
    ] {
        let (api, cloud) = api(None);
        full(&cloud);
        cloud.json("GET /clusters/demo", &json!({ "cluster": ours }));
        cloud.answer(
            removes,
            200,
            if removes.contains(' ') {
                "{}"
            } else if removes.contains('.') {
                ""
            } else {
                "<ok/>"
            },
        );
        let removal = destroy(&api, &target(kind, id)).await.unwrap();
        assert!(matches!(removal, Removal::Accepted(_)), "{kind}");
        assert_eq!(cloud.changes(), [removes], "{kind}");
    }
}

#[tokio::test]
async fn what_is_gone_is_gone_and_a_page_is_not() {
    let (api, cloud) = api(None);
    for (kind, id) in [
        ("cluster", "x"),
        ("node_pool", "x/y"),
        ("addon", "x/y"),
        ("stack", "arn:stack/9"),
        ("load_balancer", "x"),
        ("load_balancer", "arn:lb"),
        ("target_group", "arn:tg"),
        ("instance", "i-0"),
        ("security_group", "sg-0"),
        ("route_table", "rtb-0"),
        ("internet_gateway", "igw-0"),
        ("log_group", "/aws/eks/x/cluster"),
    ] {
        assert_eq!(
            destroy(&api, &target(kind, id)).await.unwrap(),
            Removal::Gone,
            "{kind}"
        );
    }
    let gone = |code: &str| {
        format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>x</Message></Error></Errors></Response>"
        )
    };
    cloud.answer("DeleteVolume", 400, gone("InvalidVolume.NotFound"));
    assert_eq!(
        destroy(&api, &target("volume", "vol-0")).await.unwrap(),
        Removal::Gone
    );
    cloud.answer("DeleteVolume", 400, gone("VolumeInUse"));
    assert_eq!(
        destroy(&api, &target("volume", "vol-0"))
            .await
            .unwrap_err()
            .kind,
        Kind::InUse
    );
    cloud.answer("DeleteVolume", 404, "<html>nothing</html>");
    assert_eq!(
        destroy(&api, &target("volume", "vol-0"))
            .await
            .unwrap_err()
            .kind,
        Kind::Unavailable
    );
    let deleted = "<DescribeStacksResult><Stacks><member><StackId>arn:stack/1</StackId><StackName>s</StackName><StackStatus>DELETE_COMPLETE</StackStatus></member></Stacks></DescribeStacksResult>";
    cloud.xml("DescribeStacks", deleted);
    assert_eq!(
        destroy(&api, &target("stack", "arn:stack/1"))
            .await
            .unwrap(),
        Removal::Gone
    );
    assert!(destroy(&api, &target("moon", "1")).await.is_err());
    assert_eq!(
        cloud
            .changes()
            .iter()
            .filter(|c| *c == "DeleteStack")
            .count(),
        0
    );
}

#[tokio::test]
async fn groups_that_hold_each_other_and_tables_in_use_are_freed_first() {
    let (api, cloud) = api(None);
    let rule = |other: &str| {
        format!(
            "<item><ipProtocol>tcp</ipProtocol><fromPort>80</fromPort><toPort>80</toPort><groups><item><groupId>{other}</groupId></item></groups></item>"
        )
    };
    let group = |rules: &str| {
        cloud.xml("DescribeSecurityGroups", &format!("<securityGroupInfo><item><groupId>sg-1</groupId><ipPermissions>{rules}</ipPermissions></item></securityGroupInfo>"));
    };
    group(&format!("{}{}", rule("sg-1"), rule("sg-2")));
    cloud.xml("RevokeSecurityGroupIngress", "<return>true</return>");
    let first = destroy(&api, &target("security_group", "sg-1"))
        .await
        .unwrap();
    assert_eq!(first, Removal::Accepted(None));
    let sent = cloud.body_of("RevokeSecurityGroupIngress");
    assert!(
        sent.contains("IpPermissions.1.Groups.1.GroupId=sg-2")
            && sent.contains("IpPermissions.1.FromPort=80"),
        "{sent}"
    );
    assert!(
        !sent.contains("GroupId=sg-1&IpPermissions.2"),
        "its rule about itself stays: {sent}"
    );
    group(&rule("sg-1"));
    cloud.xml("DeleteSecurityGroup", "");
    destroy(&api, &target("security_group", "sg-1"))
        .await
        .unwrap();
    cloud.xml("DescribeRouteTables", "<routeTableSet><item><routeTableId>rtb-1</routeTableId><associationSet><item><routeTableAssociationId>assoc-1</routeTableAssociationId><main>false</main></item></associationSet></item></routeTableSet>");
    cloud.xml("DisassociateRouteTable", "");
    destroy(&api, &target("route_table", "rtb-1"))
        .await
        .unwrap();
    cloud.xml("DescribeInternetGateways", "<internetGatewaySet><item><internetGatewayId>igw-1</internetGatewayId><attachmentSet><item><vpcId>vpc-1</vpcId></item></attachmentSet></item></internetGatewaySet>");
    cloud.xml("DetachInternetGateway", "");
    destroy(&api, &target("internet_gateway", "igw-1"))
        .await
        .unwrap();
    let expect = [
        "RevokeSecurityGroupIngress",
        "DeleteSecurityGroup",
        "DisassociateRouteTable",
        "DetachInternetGateway",
    ];
    assert_eq!(cloud.changes(), expect);
}

#[tokio::test]
async fn wrong_credentials_are_an_error_and_no_empty_account() {
    let (api, cloud) = api(None);
    let denied = r#"{"__type":"UnrecognizedClientException","message":"bad token"}"#;
    cloud.answer("GET /clusters", 403, denied);
    let error = owned(
        &api,
        &Scope {
            recorded: &[],
            foreign: false,
        },
    )
    .await
    .unwrap_err();
    assert_eq!(error.kind, Kind::Unauthenticated);
    assert!(error.hint.unwrap().contains("AWS_ACCESS_KEY_ID"));
}
