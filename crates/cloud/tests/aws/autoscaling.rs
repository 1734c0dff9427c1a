//! Protection from scale-in, in the words of AWS: ministack knows no `SetInstanceProtection`.

use cloud::ScalingGroup;
use job::ports::Fleet as _;

use crate::support::scripted::{Answer, Scripted};
use crate::support::{self, Ministack};

const INSTANCE: &str = "i-0abc";

fn xml(status: u16, body: String) -> Answer {
    Answer::Whole(status, vec![("Content-Type", "text/xml".to_owned())], body.into_bytes())
}

fn refusal(status: u16, code: &str) -> Answer {
    let error =
        format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>No.</Message></Error>");
    xml(status, format!("<ErrorResponse>{error}</ErrorResponse>"))
}

fn membership() -> Answer {
    const NAME: &str = "DescribeAutoScalingInstances";
    let member = format!(
        "<member><InstanceId>{INSTANCE}</InstanceId><AutoScalingGroupName>workers</AutoScalingGroupName></member>"
    );
    let instances = format!("<AutoScalingInstances>{member}</AutoScalingInstances>");
    xml(200, format!("<{NAME}Response><{NAME}Result>{instances}</{NAME}Result></{NAME}Response>"))
}

fn protected() -> Answer {
    const NAME: &str = "SetInstanceProtection";
    xml(200, format!("<{NAME}Response><{NAME}Result/></{NAME}Response>"))
}

#[tokio::test]
async fn an_instance_is_protected_and_freed() {
    let server = Scripted::start(|request| match request.number {
        0 => membership(),
        // Busy with scaling: a later attempt is taken.
        1 => refusal(500, "ResourceContention"),
        2 | 3 => protected(),
        _ => refusal(403, "AccessDenied"),
    });
    let aws = support::aws(server.address, "AKID").await;
    let group = ScalingGroup::of_instance(&aws, INSTANCE).await.unwrap().unwrap();
    assert_eq!(group.name(), "workers");
    group.protect(true).await.unwrap();
    group.protect(false).await.unwrap();
    let error = group.protect(true).await.unwrap_err().to_string();
    assert!(error.contains("allow autoscaling:SetInstanceProtection"), "{error}");
    let requests = server.requests();
    for (request, said) in requests[1..].iter().zip(["true", "true", "false", "true"]) {
        for part in ["AutoScalingGroupName=workers", INSTANCE, &format!("ScaleIn={said}")] {
            assert!(request.body.contains(part), "{request:?}");
        }
    }
}

#[tokio::test]
async fn an_instance_outside_of_groups_has_none() {
    let ministack = Ministack::start();
    let aws = ministack.aws().await;
    assert!(ScalingGroup::of_instance(&aws, INSTANCE).await.unwrap().is_none());
}

fn hooks() -> Answer {
    const NAME: &str = "DescribeLifecycleHooks";
    let hook = |name: &str, transition: &str| {
        format!(
            "<member><LifecycleHookName>{name}</LifecycleHookName><LifecycleTransition>autoscaling:EC2_INSTANCE_{transition}</LifecycleTransition></member>"
        )
    };
    let hooks = hook("welcome", "LAUNCHING")
        + &hook("drain", "TERMINATING")
        + &hook("other", "TERMINATING");
    xml(
        200,
        format!(
            "<{NAME}Response><{NAME}Result><LifecycleHooks>{hooks}</LifecycleHooks></{NAME}Result></{NAME}Response>"
        ),
    )
}

/// The group waits for no instance that has nothing left to do; an action that is over already is no error.
#[tokio::test]
async fn a_drained_instance_lets_its_termination_go_on() {
    let server = Scripted::start(|request| {
        match request.number {
        0 => membership(),
        1 => hooks(),
        2 => refusal(400, "ValidationError"),
        3 => xml(
            200,
            "<CompleteLifecycleActionResponse><CompleteLifecycleActionResult/></CompleteLifecycleActionResponse>"
                .to_owned(),
        ),
        _ => refusal(403, "AccessDenied"),
    }
    });
    let aws = support::aws(server.address, "AKID").await;
    let group = ScalingGroup::of_instance(&aws, INSTANCE).await.unwrap().unwrap();
    group.leave().await.unwrap();
    let requests = server.requests();
    for (request, hook) in requests[2..].iter().zip(["drain", "other"]) {
        for part in
            ["CompleteLifecycleAction", "CONTINUE", INSTANCE, &format!("LifecycleHookName={hook}")]
        {
            assert!(request.body.contains(part), "{request:?}");
        }
    }
    assert_eq!(requests.len(), 4);
    assert!(group.leave().await.is_err(), "denied");
}
