//! Plans, find, create and poll, against recorded answers.

use super::*;
use crate::api::tests::{Cloud, api};
use chrono::{DateTime, Utc};
use kubelease_core::{LeaseView, Progress};
use kubelease_http::testing::start;

fn order(volumes: bool) -> Order {
    Order {
        lease: "lbcdfghjkm".parse().unwrap(),
        name: "demo".into(),
        region: "us-east-1".into(),
        size: "t4g.medium".into(),
        version: "1.35".into(),
        count: 2,
        spot: true,
        disk_gib: 30,
        volumes,
        expires_at: start(),
        options: Value::Null,
    }
}

struct Given {
    order: Order,
    lease: LeaseView,
    tag: OwnerTag,
    steps: Vec<Step>,
}

fn given(volumes: bool) -> Given {
    let order = order(volumes);
    let stack = Ref::new(STACK, "arn:stack/1").in_region("us-east-1");
    Given {
        steps: plan(&order).unwrap(),
        lease: LeaseView {
            id: order.lease.clone(),
            name: "demo".into(),
            region: "us-east-1".into(),
            refs: vec![stack],
        },
        tag: OwnerTag {
            lease: order.lease.clone(),
            expires_at: DateTime::<Utc>::from_timestamp(1_767_614_400, 0),
            protect_until: None,
        },
        order,
    }
}

impl Given {
    fn at(&self, seq: usize) -> StepAt<'_> {
        StepAt {
            lease: &self.lease,
            order: &self.order,
            step: &self.steps[seq],
            seq: u16::try_from(seq).unwrap(),
            tag: &self.tag,
        }
    }
}

const OUTPUTS: &str = "<Outputs>\
    <member><OutputKey>Subnets</OutputKey><OutputValue>subnet-1,subnet-2</OutputValue></member>\
    <member><OutputKey>ClusterRole</OutputKey><OutputValue>arn:cluster-role</OutputValue></member>\
    <member><OutputKey>NodeRole</OutputKey><OutputValue>arn:node-role</OutputValue></member>\
    <member><OutputKey>StorageRole</OutputKey><OutputValue>arn:storage-role</OutputValue></member>\
    <member><OutputKey>Machine</OutputKey><OutputValue>lt-1</OutputValue></member></Outputs>";

fn stack(cloud: &Cloud, status: &str, tags: &str) {
    cloud.xml(
        "DescribeStacks",
        &format!("<DescribeStacksResult><Stacks><member><StackId>arn:stack/1</StackId><StackName>kubelease-lbcdfghjkm</StackName><StackStatus>{status}</StackStatus><Tags>{tags}</Tags>{OUTPUTS}</member></Stacks></DescribeStacksResult>"),
    );
}

const OURS: &str = "<member><Key>managed-by</Key><Value>kubelease</Value></member><member><Key>kubelease-lease</Key><Value>lbcdfghjkm</Value></member>";

#[test]
fn the_plan_is_fixed_and_storage_only_on_demand() {
    let kinds = |volumes| -> Vec<String> {
        let steps = plan(&order(volumes)).unwrap();
        steps
            .iter()
            .map(|s| format!("{} {}", s.kind, s.name))
            .collect()
    };
    let base = [
        "stack kubelease-lbcdfghjkm",
        "cluster demo",
        "node_pool nodes",
    ];
    assert_eq!(kinds(false), base);
    assert_eq!(
        kinds(true)[3..],
        ["addon eks-pod-identity-agent", "addon aws-ebs-csi-driver"]
    );
    assert_eq!(plan(&order(true)).unwrap(), plan(&order(true)).unwrap());
}

#[test]
fn wrong_orders_are_refused_before_anything_is_sent() {
    let change = |f: fn(&mut Order)| {
        let mut order = order(false);
        f(&mut order);
        plan(&order)
    };
    let wrong: [fn(&mut Order); 7] = [
        |o| o.count = 0,
        |o| o.disk_gib = 8,
        |o| o.name = "Über".into(),
        |o| o.region = "us-east-1/../evil".into(),
        |o| o.options = json!({ "tier": "xl" }),
        |o| o.options = json!({ "zones": ["us-east-1a", "us-east-1a"] }),
        |o| o.options = json!({ "zones": ["eu-west-1a", "us-east-1a"] }),
    ];
    for f in wrong {
        assert_eq!(change(f).unwrap_err().kind, Kind::Invalid);
    }
    let named = change(|o| o.options = json!({ "zones": ["us-east-1d", "us-east-1f"] })).unwrap();
    assert_eq!(
        named[0].params["zones"],
        json!(["us-east-1d", "us-east-1f"])
    );
}

#[tokio::test]
async fn a_stack_goes_where_the_machine_type_is() {
    let (api, cloud) = api(None);
    let given = given(false);
    let zone = |name: &str, id: &str| {
        format!(
            "<item><zoneName>{name}</zoneName><zoneId>{id}</zoneId><zoneState>available</zoneState></item>"
        )
    };
    let zones = [
        ("us-east-1a", "use1-az3"),
        ("us-east-1b", "use1-az1"),
        ("us-east-1c", "use1-az2"),
        ("us-east-1d", "use1-az4"),
    ];
    let zones: String = zones.iter().map(|(n, i)| zone(n, i)).collect();
    cloud.xml(
        "DescribeAvailabilityZones",
        &format!("<availabilityZoneInfo>{zones}</availabilityZoneInfo>"),
    );
    let offer = |z: &str| {
        format!("<item><instanceType>t4g.medium</instanceType><location>{z}</location></item>")
    };
    let offers = |list: &[&str]| list.iter().map(|z| offer(z)).collect::<String>();
    let some = offers(&["us-east-1a", "us-east-1b"]);
    cloud.xml(
        "DescribeInstanceTypeOfferings",
        &format!("<instanceTypeOfferingSet>{some}</instanceTypeOfferingSet>"),
    );
    let error = create(&api, &given.at(0)).await.unwrap_err();
    assert_eq!(
        error.kind,
        Kind::NoCapacity,
        "one of the two zones is to be avoided"
    );
    assert!(cloud.changes().is_empty());
    let all = offers(&["us-east-1d", "us-east-1a", "us-east-1b"]);
    cloud.xml(
        "DescribeInstanceTypeOfferings",
        &format!("<instanceTypeOfferingSet>{all}</instanceTypeOfferingSet>"),
    );
    cloud.xml(
        "CreateStack",
        "<CreateStackResult><StackId>arn:stack/1</StackId></CreateStackResult>",
    );
    let made = create(&api, &given.at(0)).await.unwrap();
    assert_eq!(made, Ref::new(STACK, "arn:stack/1").in_region("us-east-1"));
    let sent = cloud.body_of("CreateStack");
    for part in [
        "StackName=kubelease-lbcdfghjkm",
        "ClientRequestToken=lbcdfghjkm-0",
        "Capabilities.member.1=CAPABILITY_IAM",
        "Tags.member.2.Value=lbcdfghjkm",
        "us-east-1b",
        "us-east-1d",
    ] {
        assert!(sent.contains(part), "{part}");
    }
    assert!(!sent.contains("us-east-1a"));
}

#[tokio::test]
async fn a_cluster_and_its_nodes_as_the_house_wants_them() {
    let (api, cloud) = api(None);
    let given = given(true);
    stack(&cloud, "CREATE_COMPLETE", OURS);
    cloud.json("POST /clusters", &json!({ "cluster": { "name": "demo" } }));
    create(&api, &given.at(1)).await.unwrap();
    let body: Value = serde_json::from_str(&cloud.body_of("POST /clusters")).unwrap();
    let expect = json!({
        "name": "demo", "version": "1.35", "roleArn": "arn:cluster-role",
        "resourcesVpcConfig": { "subnetIds": ["subnet-1", "subnet-2"], "endpointPublicAccess": true, "endpointPrivateAccess": false },
        "accessConfig": { "authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": true },
        "upgradePolicy": { "supportType": "STANDARD" }, "deletionProtection": false,
        "tags": { "managed-by": "kubelease", "kubelease-lease": "lbcdfghjkm", "kubelease-expires": "1767614400" },
        "clientRequestToken": "lbcdfghjkm-1",
    });
    assert_eq!(body, expect);
    cloud.json(
        "POST /clusters/demo/node-groups",
        &json!({ "nodegroup": {} }),
    );
    let made = create(&api, &given.at(2)).await.unwrap();
    assert_eq!(made.id, "demo/nodes");
    let body: Value =
        serde_json::from_str(&cloud.body_of("POST /clusters/demo/node-groups")).unwrap();
    assert_eq!(body["amiType"], "AL2023_ARM_64_STANDARD");
    assert_eq!(body["capacityType"], "SPOT");
    assert_eq!(
        body["scalingConfig"],
        json!({ "minSize": 0, "maxSize": 2, "desiredSize": 2 })
    );
    assert_eq!(
        body["launchTemplate"],
        json!({ "id": "lt-1", "version": "1" })
    );
    assert!(body["diskSize"].is_null() && body["remoteAccess"].is_null());
    cloud.json("POST /clusters/demo/addons", &json!({ "addon": {} }));
    create(&api, &given.at(4)).await.unwrap();
    let body: Value = serde_json::from_str(&cloud.body_of("POST /clusters/demo/addons")).unwrap();
    let role =
        json!([{ "serviceAccount": "ebs-csi-controller-sa", "roleArn": "arn:storage-role" }]);
    assert_eq!(body["podIdentityAssociations"], role);
    let values: Value =
        serde_json::from_str(body["configurationValues"].as_str().unwrap()).unwrap();
    assert_eq!(
        values["controller"]["extraVolumeTags"]["kubelease-lease"],
        "lbcdfghjkm"
    );
}

#[tokio::test]
async fn nothing_is_adopted_by_name() {
    let (api, cloud) = api(None);
    let given = given(false);
    assert_eq!(find(&api, &given.at(1)).await.unwrap(), None);
    for tags in [
        json!({}),
        json!({ "managed-by": "kubelease", "kubelease-lease": "lzzzzzzzzz" }),
    ] {
        cloud.json(
            "GET /clusters/demo",
            &json!({ "cluster": { "name": "demo", "tags": tags } }),
        );
        // Before the stack exists, and again before the cluster would be made.
        for seq in [0, 1] {
            let error = find(&api, &given.at(seq)).await.unwrap_err();
            assert!(error.kind == Kind::Conflict && !error.is_temporary());
            assert!(error.message.contains("a cluster `demo`"), "{error}");
        }
    }
    let tags = json!({ "managed-by": "kubelease", "kubelease-lease": "lbcdfghjkm" });
    cloud.json(
        "GET /clusters/demo",
        &json!({ "cluster": { "name": "demo", "tags": tags } }),
    );
    let found = find(&api, &given.at(1)).await.unwrap().unwrap();
    assert_eq!(found, Ref::new(CLUSTER, "demo").in_region("us-east-1"));
    assert_eq!(
        find(&api, &given.at(0)).await.unwrap(),
        None,
        "our own name"
    );
    stack(&cloud, "CREATE_COMPLETE", "");
    assert_eq!(
        find(&api, &given.at(0)).await.unwrap_err().kind,
        Kind::Conflict
    );
    stack(&cloud, "CREATE_COMPLETE", OURS);
    assert_eq!(
        find(&api, &given.at(0)).await.unwrap().unwrap().id,
        "arn:stack/1"
    );
    let gone = "<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack with id x does not exist</Message></Error></ErrorResponse>";
    cloud.answer("DescribeStacks", 400, gone);
    assert_eq!(find(&api, &given.at(0)).await.unwrap(), None);
}

#[tokio::test]
async fn waiting_and_giving_up() {
    let (api, cloud) = api(None);
    let given = given(false);
    let made = |seq: usize, id: &str| Ref::new(&given.steps[seq].kind, id).in_region("us-east-1");
    let cluster = made(1, "demo");
    let state = |v: Value| cloud.json("GET /clusters/demo", &json!({ "cluster": v }));
    assert!(matches!(
        poll(&api, &given.at(1), &cluster).await.unwrap(),
        Progress::Pending(_)
    ));
    state(json!({ "name": "demo", "status": "CREATING" }));
    assert_eq!(
        poll(&api, &given.at(1), &cluster).await.unwrap(),
        Progress::Pending("CREATING".into())
    );
    state(json!({ "name": "demo", "status": "ACTIVE" }));
    assert_eq!(
        poll(&api, &given.at(1), &cluster).await.unwrap(),
        Progress::Ready
    );
    state(
        json!({ "name": "demo", "status": "ACTIVE", "upgradePolicy": { "supportType": "EXTENDED" } }),
    );
    assert!(matches!(
        poll(&api, &given.at(1), &cluster).await.unwrap(),
        Progress::Failed(_)
    ));
    state(
        json!({ "name": "demo", "status": "FAILED", "health": { "issues": [{ "message": "no subnets" }] } }),
    );
    assert_eq!(
        poll(&api, &given.at(1), &cluster).await.unwrap(),
        Progress::Failed("FAILED: no subnets".into())
    );
    stack(&cloud, "ROLLBACK_IN_PROGRESS", OURS);
    let event = |id: &str, reason: &str| {
        format!(
            "<member><EventId>{id}</EventId><LogicalResourceId>{id}</LogicalResourceId><ResourceStatus>CREATE_FAILED</ResourceStatus><ResourceStatusReason>{reason}</ResourceStatusReason></member>"
        )
    };
    let events = format!(
        "{}{}",
        event("Routes", "Resource creation cancelled"),
        event("Network", "VpcLimitExceeded")
    );
    cloud.xml("DescribeStackEvents", &format!("<DescribeStackEventsResult><StackEvents>{events}</StackEvents></DescribeStackEventsResult>"));
    let failed = poll(&api, &given.at(0), &made(0, "arn:stack/1"))
        .await
        .unwrap();
    assert_eq!(
        failed,
        Progress::Failed("ROLLBACK_IN_PROGRESS: Network: VpcLimitExceeded".into())
    );
}

#[tokio::test]
async fn a_launch_that_can_never_be_is_told_at_once() {
    let (api, cloud) = api(None);
    let given = given(false);
    let made = Ref::new(POOL, "demo/nodes").in_region("us-east-1");
    let creating = json!({ "nodegroup": { "status": "CREATING", "resources": { "autoScalingGroups": [{ "name": "asg-1" }] } } });
    cloud.json("GET /clusters/demo/node-groups/nodes", &creating);
    assert_eq!(
        poll(&api, &given.at(2), &made).await.unwrap(),
        Progress::Pending("CREATING".into())
    );
    let activity = |status: &str, words: &str| {
        cloud.xml("DescribeScalingActivities", &format!("<DescribeScalingActivitiesResult><Activities><member><ActivityId>1</ActivityId><StatusCode>{status}</StatusCode><StatusMessage>{words}</StatusMessage></member></Activities></DescribeScalingActivitiesResult>"));
    };
    activity(
        "Failed",
        "We currently do not have sufficient capacity. Launching EC2 instance failed.",
    );
    assert!(matches!(
        poll(&api, &given.at(2), &made).await.unwrap(),
        Progress::Pending(_)
    ));
    activity(
        "Failed",
        "The specified instance type is not eligible for Free Tier.",
    );
    let Progress::Failed(words) = poll(&api, &given.at(2), &made).await.unwrap() else {
        panic!("it fails")
    };
    assert!(words.contains("c7i-flex.large"), "{words}");
    assert!(
        cloud
            .body_of("DescribeScalingActivities")
            .contains("AutoScalingGroupName=asg-1")
    );
}

#[tokio::test]
async fn what_a_stand_in_lacks_is_left_out_and_what_aws_hides_is_not() {
    let page = "<html>404</html>";
    for (endpoint, made) in [(Some("http://127.0.0.1:9"), true), (None, false)] {
        let (api, cloud) = api(endpoint);
        let given = given(true);
        stack(&cloud, "CREATE_COMPLETE", OURS);
        cloud.answer("POST /clusters/demo/addons", 404, page);
        let name = "GET /clusters/demo/addons/eks-pod-identity-agent";
        cloud.answer(name, 404, page);
        assert_eq!(create(&api, &given.at(3)).await.is_ok(), made);
        assert_eq!(find(&api, &given.at(3)).await.is_ok(), made);
        // A page once is a proxy's: the read that follows tells.
        cloud.answer(name, 404, r#"{"message":"No addon"}"#);
        assert!(create(&api, &given.at(3)).await.is_err());
    }
}
