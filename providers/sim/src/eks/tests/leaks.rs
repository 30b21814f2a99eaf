//! What a careless delete leaves behind, what blocks what, and how a careful client gets rid of it.

use kubelease_sim_kube::{Effect, LbPort};
use serde_json::{Value, json};

use super::{Network, Story};

impl Story {
    fn effect(&mut self, effect: Effect) {
        let key = self.cluster_key();
        let (cloud, core) = self.world.cloud(super::ME);
        cloud.effect(core, &key, effect);
        self.world.settle();
    }

    fn load_balancer(&mut self) {
        let port = LbPort {
            name: String::new(),
            protocol: "TCP".into(),
            port: 80,
            node_port: 30_080,
        };
        self.effect(Effect::EnsureLoadBalancer {
            service_uid: "0a1b2c3d-0000-4000-8000-000000000001".into(),
            namespace: "default".into(),
            name: "web".into(),
            ports: vec![port],
            annotations: std::collections::BTreeMap::new(),
        });
    }

    fn volume(&mut self, net: &Network) {
        let values =
            json!({"controller": {"extraVolumeTags": {"kubelease-lease": "l1"}}}).to_string();
        let body = json!({"addonName": "aws-ebs-csi-driver", "configurationValues": values, "podIdentityAssociations": [{"serviceAccount": "ebs-csi-controller-sa", "roleArn": net.csi_role}]});
        self.must("POST", "/clusters/c1/addons", &body);
        self.pass(60);
        self.effect(Effect::CreateVolume {
            pv_name: "pvc-1".into(),
            pvc_namespace: "default".into(),
            pvc_name: "data".into(),
            size_gib: 4,
            storage_class: "ebs-csi-default-sc".into(),
        });
    }

    fn delete_all(&mut self) {
        self.must("DELETE", "/clusters/c1/node-groups/g1", &Value::Null);
        self.pass(300);
        self.must("DELETE", "/clusters/c1", &Value::Null);
        self.pass(300);
        assert_eq!(self.eks("GET", "/clusters/c1", &Value::Null).0, 404);
    }
}

#[test]
fn a_careless_delete_leaves_everything_that_costs() {
    let mut story = Story::new();
    let net = story.with_nodes();
    story.load_balancer();
    story.volume(&net);
    story.delete_all();
    story.cfn(&[("Action", "DeleteStack"), ("StackName", "net")]);
    story.pass(3_600);
    assert_eq!(story.stack_status(), "DELETE_FAILED");
    let kinds = story.kinds();
    for kind in [
        "load_balancer",
        "volume",
        "network_interface",
        "security_group",
        "vpc",
        "subnet",
    ] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    assert!(
        !kinds.contains(&"role") && !kinds.contains(&"cluster"),
        "{kinds:?}"
    );
    let owners: Vec<_> = story
        .world
        .resources(Some(super::ME))
        .into_iter()
        .map(|r| r.owner)
        .collect();
    assert!(
        owners.iter().all(|o| o.as_deref() == Some("l1")),
        "{owners:?}"
    );
}

#[test]
fn a_careful_sweep_removes_all_of_it() {
    let mut story = Story::new();
    let net = story.with_nodes();
    story.load_balancer();
    story.volume(&net);
    let name = story
        .elb(&[("Action", "DescribeLoadBalancers")])
        .one("LoadBalancerName");
    assert_eq!(name, "a0a1b2c3d000040008000000000000001"[..32].to_owned());
    story.delete_all();
    story.elb(&[
        ("Action", "DeleteLoadBalancer"),
        ("LoadBalancerName", &name),
    ]);
    let of_vpc = [
        ("Filter.1.Name", "vpc-id"),
        ("Filter.1.Value.1", net.vpc.as_str()),
    ];
    let left = story.ec2(&[&[("Action", "DescribeNetworkInterfaces")], &of_vpc[..]].concat());
    assert_eq!(
        left.all("status"),
        ["available"; 2],
        "the last nodes' plugin interfaces: {}",
        left.text
    );
    for eni in left.all("networkInterfaceId") {
        assert_eq!(
            story
                .ec2(&[
                    ("Action", "DeleteNetworkInterface"),
                    ("NetworkInterfaceId", &eni)
                ])
                .status,
            200
        );
    }
    let groups = story.ec2(&[&[("Action", "DescribeSecurityGroups")], &of_vpc[..]].concat());
    assert!(
        groups.text.contains("k8s-elb-") && groups.text.contains("eks-cluster-sg-c1-"),
        "{}",
        groups.text
    );
    // The load balancer's group is named in the cluster's: it goes only after that one.
    let ids = groups_by_name(&groups.text);
    let id = |prefix: &str| {
        ids.iter()
            .find(|(n, _)| n.starts_with(prefix))
            .unwrap()
            .1
            .clone()
    };
    let drop = |story: &mut Story, id: &str| {
        story
            .ec2(&[("Action", "DeleteSecurityGroup"), ("GroupId", id)])
            .one("Code")
    };
    assert_eq!(drop(&mut story, &id("k8s-elb-")), "DependencyViolation");
    assert_eq!(drop(&mut story, &id("eks-cluster-sg-")), "");
    assert_eq!(drop(&mut story, &id("k8s-elb-")), "");
    assert_eq!(drop(&mut story, &id("default")), "CannotDelete");
    let volume = story
        .ec2(&[
            ("Action", "DescribeVolumes"),
            ("Filter.1.Name", "tag:kubelease-lease"),
            ("Filter.1.Value.1", "l1"),
        ])
        .one("volumeId");
    assert_eq!(
        story
            .ec2(&[("Action", "DeleteVolume"), ("VolumeId", &volume)])
            .status,
        200
    );
    story.cfn(&[("Action", "DeleteStack"), ("StackName", "net")]);
    story.pass(120);
    assert!(story.kinds().is_empty(), "{:?}", story.kinds());
}

/// Names and ids of the groups in an answer.
fn groups_by_name(text: &str) -> Vec<(String, String)> {
    let between = |part: &str, name: &str| {
        part.split(&format!("<{name}>"))
            .nth(1)
            .and_then(|p| p.split('<').next())
            .unwrap_or_default()
            .to_owned()
    };
    text.split("<groupDescription>")
        .skip(1)
        .map(|p| {
            let own = p.split("<groupId>").next().map_or("", |_| p);
            (between(own, "groupName"), between(own, "groupId"))
        })
        .collect()
}

#[test]
fn without_the_plugin_s_interface_the_cluster_s_group_goes_along() {
    let mut story = Story::new();
    story.cluster();
    story.must("DELETE", "/clusters/c1", &Value::Null);
    story.pass(300);
    assert!(
        !story.kinds().contains(&"security_group"),
        "{:?}",
        story.kinds()
    );
}

#[test]
fn logs_come_back_while_something_writes_them() {
    let mut story = Story::new();
    let net = story.network();
    let mut body = net.cluster_body();
    body["logging"] = json!({"clusterLogging": [{"types": ["api"], "enabled": true}]});
    story.must("POST", "/clusters", &body);
    story.pass(600);
    let drop = |story: &mut Story| {
        let body = json!({"logGroupName": "/aws/eks/c1/cluster"}).to_string();
        story
            .send(
                "logs",
                "POST",
                "/",
                body,
                &[("x-amz-target", "Logs_20140328.DeleteLogGroup")],
            )
            .status
    };
    assert_eq!(drop(&mut story), 200);
    story.pass(60);
    assert!(story.kinds().contains(&"log_group"));
    story.must("DELETE", "/clusters/c1", &Value::Null);
    story.pass(300);
    assert_eq!(drop(&mut story), 200);
    story.pass(60);
    assert!(!story.kinds().contains(&"log_group"));
}
