//! The vendor's own client as judge: a whole life of a cluster through the aws command line, over a real socket.

#![expect(clippy::unwrap_used, reason = "a broken connection is a failed test")]
#![expect(clippy::print_stderr, reason = "a judge that is absent must be seen")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output};

use kubelease_sim::{ClockMode, Handle, Options, Provider, spawn_thread};
use serde_json::Value;

const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/eks/tests/stack.yaml");

/// A simulator, and the client that talks to it.
struct Judge {
    sim: Handle,
}

impl Judge {
    /// None, loudly, where there is no client.
    fn new() -> Option<Self> {
        if !Command::new("aws")
            .arg("--version")
            .output()
            .is_ok_and(|o| o.status.success())
        {
            eprintln!("NOT RUN: aws command line judge: `aws` is not on this machine");
            return None;
        }
        let options = Options {
            port: 0,
            clock: ClockMode::Manual,
            start: None,
        };
        Some(Self {
            sim: spawn_thread(options).unwrap(),
        })
    }

    fn run(&self, arguments: &str) -> Output {
        let mut command = Command::new("aws");
        command.args([
            "--endpoint-url",
            &self.sim.endpoints[&Provider::Eks],
            "--output",
            "json",
        ]);
        command.args(arguments.split_whitespace());
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_PAGER", ""),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_MAX_ATTEMPTS", "1"),
        ] {
            command.env(name, value);
        }
        command.output().unwrap()
    }

    /// A command that must succeed: what it prints.
    fn must(&self, arguments: &str) -> Value {
        let output = self.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "aws {arguments}: {error}");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// A command that must fail with an error code.
    fn fails(&self, arguments: &str, code: &str) {
        let output = self.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && error.contains(&format!("({code})")),
            "aws {arguments}: {error}"
        );
    }

    fn control(&self, method: &str, target: &str, body: &str) -> Value {
        let mut stream =
            TcpStream::connect(self.sim.control.trim_start_matches("http://")).unwrap();
        let length = body.len();
        write!(stream, "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        serde_json::from_str(text.split("\r\n\r\n").nth(1).unwrap()).unwrap()
    }

    fn pass(&self, time: &str) {
        self.control("POST", "/clock", &format!("{{\"advance\":\"{time}\"}}"));
    }

    fn left(&self) -> usize {
        self.control("GET", "/world?provider=eks", "")["resources"]
            .as_array()
            .unwrap()
            .len()
    }

    /// The stack's outputs, in the order asked for.
    fn outputs(&self, names: &[&str]) -> Vec<String> {
        let seen = self.must("cloudformation describe-stacks --stack-name net");
        let all = seen["Stacks"][0]["Outputs"].as_array().unwrap().clone();
        let value = |name: &&str| {
            all.iter().find(|o| o["OutputKey"] == *name).unwrap()["OutputValue"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        names.iter().map(value).collect()
    }
}

#[test]
fn a_whole_life_through_the_vendor_s_client() {
    let Some(judge) = Judge::new() else { return };
    assert_eq!(
        judge.must("sts get-caller-identity")["Account"],
        "111122223333"
    );
    let create = format!(
        "cloudformation create-stack --stack-name net --template-body file://{TEMPLATE} --tags Key=kubelease-lease,Value=l1"
    );
    judge.fails(&create, "InsufficientCapabilitiesException");
    judge.must(&format!("{create} --capabilities CAPABILITY_IAM"));
    judge.fails(
        &format!("{create} --capabilities CAPABILITY_IAM"),
        "AlreadyExistsException",
    );
    judge.pass("3m");
    let out = judge.outputs(&["Subnets", "ClusterRole", "NodeRole", "Template", "Vpc"]);
    let [subnets, cluster_role, node_role, template, vpc] = out.as_slice() else {
        panic!("{out:?}")
    };
    judge.must(&format!("eks create-cluster --name c1 --kubernetes-version 1.35 --role-arn {cluster_role} --resources-vpc-config subnetIds={subnets} --upgrade-policy supportType=STANDARD --access-config authenticationMode=API --tags kubelease-lease=l1"));
    judge.pass("10m");
    judge.must("eks wait cluster-active --name c1");
    judge.must(&format!("eks create-nodegroup --cluster-name c1 --nodegroup-name g1 --subnets {} --node-role {node_role} --instance-types t3.medium --scaling-config minSize=0,maxSize=2,desiredSize=1 --launch-template id={template},version=1", subnets.replace(',', " ")));
    judge.pass("5m");
    judge.must("eks wait nodegroup-active --cluster-name c1 --nodegroup-name g1");
    let filter = format!("--filters Name=vpc-id,Values={vpc}");
    let machines = judge.must(&format!("ec2 describe-instances {filter}"));
    assert_eq!(
        machines["Reservations"][0]["Instances"][0]["State"]["Name"],
        "running"
    );
    judge.fails("eks delete-cluster --name c1", "ResourceInUseException");
    judge.must("eks delete-nodegroup --cluster-name c1 --nodegroup-name g1");
    judge.pass("5m");
    judge.must("eks wait nodegroup-deleted --cluster-name c1 --nodegroup-name g1");
    let enis = judge.must(&format!(
        "ec2 describe-network-interfaces {filter} Name=status,Values=available"
    ));
    let eni = enis["NetworkInterfaces"][0]["NetworkInterfaceId"]
        .as_str()
        .unwrap()
        .to_owned();
    judge.must(&format!(
        "ec2 delete-network-interface --network-interface-id {eni}"
    ));
    judge.must("eks delete-cluster --name c1");
    judge.pass("5m");
    judge.must("eks wait cluster-deleted --name c1");
    judge.must("cloudformation delete-stack --stack-name net");
    judge.pass("5m");
    judge.fails(
        "cloudformation describe-stacks --stack-name net",
        "ValidationError",
    );
    assert_eq!(judge.left(), 0);
}

/// What the client shows as a quota is what a launch is held against, on demand and as spot each by itself.
#[test]
fn quotas_are_those_of_the_account() {
    let Some(judge) = Judge::new() else { return };
    let quotas = r#"{"quotas": {"vcpus": 5, "spot_vcpus": 8}}"#;
    judge.control("PUT", "/accounts/eks", quotas);
    let of = |code: &str| {
        let typed =
            format!("service-quotas get-service-quota --service-code ec2 --quota-code {code}");
        judge.must(&typed)["Quota"]["Value"].to_string()
    };
    assert_eq!([of("L-1216C47A"), of("L-34B43A08")], ["5.0", "8.0"]);
    let listed = judge.must("service-quotas list-service-quotas --service-code ec2");
    assert_eq!(listed["Quotas"].as_array().unwrap().len(), 2);
    judge.must(
        "service-quotas get-aws-default-service-quota --service-code ec2 --quota-code L-1216C47A",
    );
    judge.fails(
        "service-quotas get-service-quota --service-code ec2 --quota-code L-00000000",
        "NoSuchResourceException",
    );
}

#[test]
fn faults_and_the_log_know_operations_by_name() {
    let Some(judge) = Judge::new() else { return };
    judge.control("POST", "/faults", r#"{"provider": "eks", "match": "POST /ec2/DescribeVpcs", "nth": 1, "action": "status", "status": 503}"#);
    judge.must("ec2 describe-volumes");
    judge.fails("ec2 describe-vpcs", "RequestLimitExceeded");
    judge.must("ec2 describe-vpcs");
    let log = judge.control("GET", "/requests?provider=eks", "");
    assert_eq!(log["requests"][0]["path"], "/ec2/DescribeVolumes");
    for empty in [
        "elb describe-load-balancers",
        "elbv2 describe-load-balancers",
        "elbv2 describe-target-groups",
        "logs describe-log-groups",
        "iam list-roles",
        "resourcegroupstaggingapi get-resources",
    ] {
        judge.must(empty);
    }
    judge.fails(
        "freetier get-account-plan-state",
        "ResourceNotFoundException",
    );
}
