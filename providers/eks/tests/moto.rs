//! A whole life against moto, a server of AWS's APIs that nobody here wrote: create, what controllers
//! leave behind, teardown, nothing left.
//!
//! Runs when `KUBELEASE_MOTO` names a fresh one; says loudly that it did not run otherwise:
//! `MOTO_IAM_LOAD_MANAGED_POLICIES=true moto_server -H 127.0.0.1 -p 5055`, then
//! `KUBELEASE_MOTO=http://127.0.0.1:5055 cargo test -p kubelease-eks --test moto`.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::{
    Clock, Credential, Health, Kind, LeaseView, Listing, ManualClock, Order, OwnerTag, Progress,
    Provider, Ref, Removal, Scope, StepAt,
};
use kubelease_eks::{Config, provider};
use kubelease_http::{Request, Reqwest, Silent, Toolkit, Transport, encode};

const REGION: &str = "us-east-1";

struct World {
    url: String,
    clock: ManualClock,
    provider: Arc<dyn Provider>,
    order: Order,
    lease: LeaseView,
    tag: OwnerTag,
}

impl World {
    fn new(url: String) -> Self {
        let now: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().unwrap();
        let clock = ManualClock::at(now);
        let tools = Toolkit {
            clock: Arc::new(clock.clone()),
            transport: Arc::new(Reqwest::default()),
            observer: Arc::new(Silent),
            seed: 7,
        };
        let config = Config::read(&|_| None, Some(&url), true).unwrap();
        let id: kubelease_core::LeaseId = "lbcdfghjkm".parse().unwrap();
        let order = Order {
            lease: id.clone(),
            name: "moto-life".into(),
            region: REGION.into(),
            size: "t3.medium".into(),
            version: "1.35".into(),
            count: 2,
            spot: true,
            disk_gib: 30,
            volumes: true,
            expires_at: now + TimeDelta::hours(4),
            options: serde_json::Value::Null,
        };
        Self {
            url,
            clock,
            provider: provider(config, tools),
            lease: LeaseView {
                id: id.clone(),
                name: order.name.clone(),
                region: REGION.into(),
                refs: Vec::new(),
            },
            tag: OwnerTag {
                lease: id,
                expires_at: Some(order.expires_at),
                protect_until: None,
            },
            order,
        }
    }

    /// Plays the engine: find, create, poll, for each step; and find again, as after a crash.
    async fn create(&mut self) {
        let steps = self.provider.plan(&self.order).unwrap();
        for (seq, step) in steps.iter().enumerate() {
            let lease = self.lease.clone();
            let at = StepAt {
                lease: &lease,
                order: &self.order,
                step,
                seq: u16::try_from(seq).unwrap(),
                tag: &self.tag,
            };
            assert_eq!(
                self.provider.find(&at).await.unwrap(),
                None,
                "{}",
                step.name
            );
            let made = self.provider.create(&at).await.unwrap();
            let mut polls = 0;
            loop {
                match self.provider.poll(&at, &made).await.unwrap() {
                    Progress::Ready => break,
                    Progress::Pending(_) if polls < 20 => polls += 1,
                    other => panic!("{}: {other:?}", step.name),
                }
                self.clock.advance(TimeDelta::seconds(15));
            }
            if step.kind != "addon" {
                let again = self.provider.find(&at).await.unwrap();
                assert_eq!(again.as_ref(), Some(&made));
            }
            self.lease.refs.push(made);
        }
    }

    async fn owned(&self) -> Listing {
        let recorded: Vec<_> = self
            .lease
            .refs
            .iter()
            .map(|r| (self.lease.id.clone(), r.clone()))
            .collect();
        let scope = Scope {
            recorded: &recorded,
            foreign: false,
        };
        self.provider.owned(&scope).await.unwrap()
    }

    /// Plays the engine's teardown: whatever nothing blocks goes, until two empty looks.
    async fn teardown(&mut self) {
        let mut gone: BTreeSet<Ref> = BTreeSet::new();
        for pass in 0..40 {
            let listing = self.owned().await;
            assert!(listing.complete, "{:?}", listing.missing);
            let mine = listing.things.iter().filter(|t| t.owner.is_some());
            let mine: Vec<_> = mine.filter(|t| !gone.contains(&t.target)).collect();
            for thing in &mine {
                if !self.lease.refs.contains(&thing.target) {
                    self.lease.refs.push(thing.target.clone());
                }
            }
            let present: BTreeSet<&Ref> = mine.iter().map(|t| &t.target).collect();
            let open: Vec<Ref> = self
                .lease
                .refs
                .iter()
                .filter(|r| !gone.contains(*r))
                .cloned()
                .collect();
            if open.is_empty() {
                eprintln!("torn down in {pass} passes, {} things", gone.len());
                return;
            }
            let free = |t: &Ref| {
                let thing = mine.iter().find(|m| m.target == *t);
                thing.is_none_or(|m| !m.blocked_by.iter().any(|b| present.contains(b)))
            };
            for target in open.iter().filter(|t| free(t)) {
                match self.provider.destroy(target).await {
                    Ok(Removal::Gone) => drop(gone.insert(target.clone())),
                    Ok(Removal::Accepted(_)) => {}
                    Err(error) if error.kind == Kind::InUse => eprintln!("later: {error}"),
                    Err(error) => panic!("{error}"),
                }
            }
            self.clock.advance(TimeDelta::seconds(30));
        }
        panic!("not empty: {:?}", self.owned().await);
    }

    /// A call that our crate does not make, as a controller in the cluster would.
    async fn controller(
        &self,
        service: &str,
        version: &str,
        action: &str,
        params: &[(&str, &str)],
    ) -> String {
        let mut form = format!("Action={action}&Version={version}");
        for (name, value) in params {
            form = format!("{form}&{}={}", encode(name), encode(value));
        }
        let date = self.clock.now().format("%Y%m%d");
        let scope = format!("Credential=x/{date}/{REGION}/{service}/aws4_request");
        let mut request = Request::post(format!("{}/", self.url), "play a controller")
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"),
            )
            .header("content-type", "application/x-www-form-urlencoded");
        request.body = Some(form.into());
        let response = Reqwest::default().send(&request).await.unwrap();
        let text = String::from_utf8_lossy(&response.body).into_owned();
        assert!(response.is_success(), "{action}: {text}");
        text
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).unwrap().1.split_once(end).unwrap().0
}

/// What controllers make: load balancers with a target group and a security group, an interface of the pod
/// network, a claim's volume.
async fn leave_things(world: &World) {
    let key = format!("kubernetes.io/cluster/{}", world.order.name);
    let ec2 = "2016-11-15";
    let subnets = world
        .controller(
            "ec2",
            ec2,
            "DescribeSubnets",
            &[
                ("Filter.1.Name", "tag:kubelease-lease"),
                ("Filter.1.Value.1", "lbcdfghjkm"),
            ],
        )
        .await;
    let subnet = between(&subnets, "<subnetId>", "</subnetId>");
    let vpc = between(&subnets, "<vpcId>", "</vpcId>");
    let elb = [
        ("LoadBalancerName", "a1b2"),
        ("Listeners.member.1.Protocol", "TCP"),
        ("Listeners.member.1.LoadBalancerPort", "80"),
        ("Listeners.member.1.InstancePort", "30080"),
        ("Subnets.member.1", subnet),
    ];
    world
        .controller(
            "elasticloadbalancing",
            "2012-06-01",
            "CreateLoadBalancer",
            &elb,
        )
        .await;
    let nlb = [
        ("Name", "k8s-web"),
        ("Type", "network"),
        ("Subnets.member.1", subnet),
    ];
    world
        .controller(
            "elasticloadbalancing",
            "2015-12-01",
            "CreateLoadBalancer",
            &nlb,
        )
        .await;
    let group = [
        ("Name", "tg1"),
        ("Protocol", "TCP"),
        ("Port", "80"),
        ("VpcId", vpc),
    ];
    world
        .controller(
            "elasticloadbalancing",
            "2015-12-01",
            "CreateTargetGroup",
            &group,
        )
        .await;
    let sg = [
        ("GroupName", "k8s-elb-a1b2"),
        ("GroupDescription", "of a load balancer"),
        ("VpcId", vpc),
    ];
    world
        .controller("ec2", ec2, "CreateSecurityGroup", &sg)
        .await;
    let eni = [("SubnetId", subnet), ("Description", "aws-K8S-i-0abc")];
    world
        .controller("ec2", ec2, "CreateNetworkInterface", &eni)
        .await;
    let volume = [
        ("AvailabilityZone", "us-east-1a"),
        ("Size", "4"),
        ("VolumeType", "gp3"),
        ("TagSpecification.1.ResourceType", "volume"),
        ("TagSpecification.1.Tag.1.Key", key.as_str()),
        ("TagSpecification.1.Tag.1.Value", "owned"),
    ];
    world.controller("ec2", ec2, "CreateVolume", &volume).await;
}

#[tokio::test]
async fn a_whole_life_leaves_nothing() {
    let Ok(url) = std::env::var("KUBELEASE_MOTO") else {
        // Past the harness, which swallows what a passing test prints.
        let words =
            "NOT RUN: eks against moto; set KUBELEASE_MOTO to the URL of a fresh moto_server";
        writeln!(std::io::stderr(), "{words}").unwrap();
        return;
    };
    let mut world = World::new(url);
    let account = world.provider.account().await.unwrap();
    assert!(account.identity.starts_with("arn:aws:"), "{account:?}");
    let catalog = world.provider.catalog().await.unwrap();
    assert!(
        catalog
            .sizes
            .iter()
            .any(|s| s.slug == "t3.medium" && s.cpu == 2 && s.memory_mib == 4096)
    );
    world.create().await;
    let state = world.provider.inspect(&world.lease).await.unwrap();
    assert_eq!((state.health, state.nodes), (Health::Running, (2, 2)));
    // moto's certificate authority is random bytes; everything else of the access is there.
    match world.provider.access(&world.lease).await {
        Ok(access) => assert!(matches!(access.credential, Credential::Token { .. })),
        Err(error) => assert!(error.message.contains("certificate authority"), "{error}"),
    }
    let later = OwnerTag {
        expires_at: Some(world.order.expires_at + TimeDelta::hours(2)),
        ..world.tag.clone()
    };
    world.provider.retag(&world.lease, &later).await.unwrap();
    // moto's own clock is the real one, and its cluster may be younger than our virtual time.
    leave_things(&world).await;
    everything_is_seen(&world, &later).await;
    world.teardown().await;
    nothing_is_left(&world).await;
}

/// What was made and what controllers left is ours, with the dates of the cluster.
async fn everything_is_seen(world: &World, tag: &OwnerTag) {
    let listing = world.owned().await;
    assert!(listing.complete, "{:?}", listing.missing);
    let kinds: BTreeSet<&str> = listing
        .things
        .iter()
        .map(|t| t.target.kind.as_str())
        .collect();
    for kind in [
        "stack",
        "cluster",
        "node_pool",
        "load_balancer",
        "target_group",
        "security_group",
        "network_interface",
        "volume",
        "vpc",
        "addon",
    ] {
        assert!(kinds.contains(kind), "{kind} in {kinds:?}");
    }
    let owner = listing
        .things
        .iter()
        .find(|t| t.target.kind == "stack")
        .and_then(|t| t.owner.clone());
    assert_eq!(
        owner,
        Some(tag.clone()),
        "the cluster's dates count for its stack"
    );
}

/// Asks AWS's lists by themselves, not through our crate.
async fn nothing_is_left(world: &World) {
    for (service, version, action, ours) in [
        ("ec2", "2016-11-15", "DescribeVpcs", "kubelease"),
        ("ec2", "2016-11-15", "DescribeVolumes", "vol-"),
        ("ec2", "2016-11-15", "DescribeInternetGateways", "kubelease"),
        ("ec2", "2016-11-15", "DescribeLaunchTemplates", "kubelease"),
        ("iam", "2010-05-08", "ListRoles", "<RoleName>"),
        (
            "elasticloadbalancing",
            "2012-06-01",
            "DescribeLoadBalancers",
            "a1b2",
        ),
        (
            "elasticloadbalancing",
            "2015-12-01",
            "DescribeTargetGroups",
            "tg1",
        ),
        (
            "cloudformation",
            "2010-05-15",
            "DescribeStacks",
            "kubelease",
        ),
    ] {
        let left = world.controller(service, version, action, &[]).await;
        assert!(!left.contains(ours), "{action}: {left}");
    }
}
