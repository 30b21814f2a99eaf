//! Stacks: made one resource after the other, rolled back, refused, removed.

use super::{Story, TEMPLATE};

#[test]
fn a_stack_grows_step_by_step_and_goes_again() {
    let mut story = Story::new();
    let net = story.network();
    let events = story.cfn(&[("Action", "DescribeStackEvents"), ("StackName", "net")]);
    let first = events.all("LogicalResourceId").pop().unwrap();
    assert_eq!(first, "net", "the stack's own event is the oldest");
    let vpcs = story.ec2(&[("Action", "DescribeVpcs"), ("VpcId.1", &net.vpc)]);
    for word in ["kubelease-lease", "aws:cloudformation:stack-name"] {
        assert!(vpcs.all("key").iter().any(|k| k == word), "{}", vpcs.text);
    }
    assert_eq!(
        story
            .cfn(&[("Action", "DeleteStack"), ("StackName", "net")])
            .status,
        200
    );
    story.pass(120);
    let gone = story.cfn(&[("Action", "DescribeStacks"), ("StackName", "net")]);
    assert_eq!(
        (gone.status, gone.one("Code").as_str()),
        (400, "ValidationError")
    );
    assert!(gone.one("Message").ends_with("does not exist"));
    assert!(story.kinds().is_empty(), "{:?}", story.kinds());
}

#[test]
fn a_deleted_stack_is_still_known_by_its_id() {
    let mut story = Story::new();
    let id = story.create_stack(TEMPLATE, &[]).one("StackId");
    story.pass(120);
    story.cfn(&[("Action", "DeleteStack"), ("StackName", "net")]);
    story.pass(120);
    let seen = story.cfn(&[("Action", "DescribeStacks"), ("StackName", &id)]);
    assert_eq!(seen.one("StackStatus"), "DELETE_COMPLETE");
}

#[test]
fn what_cannot_be_made_is_taken_back() {
    let broken = TEMPLATE.replace("10.42.64.0/18", "10.99.0.0/18");
    for (on_failure, end) in [
        ("ROLLBACK", "ROLLBACK_COMPLETE"),
        ("DO_NOTHING", "CREATE_FAILED"),
    ] {
        let mut story = Story::new();
        story.create_stack(&broken, &[("OnFailure", on_failure)]);
        story.pass(300);
        assert_eq!(story.stack_status(), end);
        let left = story.kinds().len();
        assert_eq!(left == 1, on_failure == "ROLLBACK", "{:?}", story.kinds());
    }
    let mut story = Story::new();
    story.create_stack(&broken, &[("OnFailure", "DELETE")]);
    story.pass(300);
    assert!(story.kinds().is_empty(), "{:?}", story.kinds());
}

#[test]
fn requests_that_are_wrong_make_nothing() {
    let mut story = Story::new();
    let plain = [
        ("Action", "CreateStack"),
        ("StackName", "net"),
        ("TemplateBody", TEMPLATE),
    ];
    assert_eq!(
        story.cfn(&plain).one("Code"),
        "InsufficientCapabilitiesException"
    );
    let odd = TEMPLATE.replace("AWS::EC2::RouteTable\n", "AWS::EC2::RoundTable\n");
    assert_eq!(story.create_stack(&odd, &[]).one("Code"), "ValidationError");
    let parameter = [
        ("Parameters.member.1.ParameterKey", "Nobody"),
        ("Parameters.member.1.ParameterValue", "x"),
    ];
    assert_eq!(
        story.create_stack(TEMPLATE, &parameter).one("Code"),
        "ValidationError"
    );
    assert_eq!(
        story
            .create_stack(TEMPLATE, &[("Colour", "red")])
            .one("Code"),
        "ValidationError"
    );
    assert!(story.kinds().is_empty());
    let first = story
        .create_stack(TEMPLATE, &[("ClientRequestToken", "t")])
        .one("StackId");
    assert_eq!(
        story
            .create_stack(TEMPLATE, &[("ClientRequestToken", "t")])
            .one("StackId"),
        first
    );
    assert_eq!(
        story.create_stack(TEMPLATE, &[]).one("Code"),
        "AlreadyExistsException"
    );
}

#[test]
fn protection_holds_until_it_is_taken_off() {
    let mut story = Story::new();
    story.create_stack(TEMPLATE, &[("EnableTerminationProtection", "true")]);
    story.pass(120);
    let delete = [("Action", "DeleteStack"), ("StackName", "net")];
    assert_eq!(story.cfn(&delete).one("Code"), "ValidationError");
    story.cfn(&[
        ("Action", "UpdateTerminationProtection"),
        ("StackName", "net"),
        ("EnableTerminationProtection", "false"),
    ]);
    assert_eq!(story.cfn(&delete).status, 200);
}
