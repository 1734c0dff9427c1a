//! Notices of the instance's end, from a server that wants a token as the real one does.

use std::collections::BTreeMap;

use cloud::{InstanceMetadata, Notice};

use crate::support::scripted::{Answer, Scripted};
use crate::support::{self, free_address};

const TOKEN: &str = "token";

fn server(pages: &[(&'static str, &'static str)]) -> Scripted {
    let pages: BTreeMap<_, _> = pages.iter().copied().collect();
    Scripted::start(move |request| {
        let (method, path) = request.line.split_once(' ').unwrap();
        if (method, path) == ("PUT", "/latest/api/token") {
            let lifetime = ("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600".to_owned());
            return Answer::Whole(200, vec![lifetime], TOKEN.as_bytes().to_vec());
        }
        if request.header("x-aws-ec2-metadata-token") != Some(TOKEN) {
            return Answer::Whole(401, Vec::new(), Vec::new());
        }
        match path.strip_prefix("/latest/meta-data/").and_then(|name| pages.get(name)) {
            Some(text) => Answer::Whole(200, Vec::new(), text.as_bytes().to_vec()),
            None => Answer::Whole(404, Vec::new(), b"not here".to_vec()),
        }
    })
}

#[tokio::test]
async fn the_end_of_an_instance_is_noticed() {
    const SPOT: &str = r#"{"action": "terminate", "time": "2026-11-22T08:22:00Z"}"#;
    const STATE: &str = "autoscaling/target-lifecycle-state";
    for (pages, expected) in [
        (&[][..], None),
        (&[(STATE, "InService")], None),
        (&[(STATE, "Terminated")], Some(Notice::ScaleIn)),
        (&[("spot/instance-action", SPOT)], Some(Notice::SpotInterruption)),
        (&[("spot/instance-action", "?"), (STATE, "InService")], Some(Notice::SpotInterruption)),
    ] {
        let server = server(pages);
        let aws = support::aws(server.address, "AKID").await;
        let metadata = InstanceMetadata::at(&aws, &format!("http://{}", server.address)).unwrap();
        assert_eq!(metadata.notice().await.unwrap(), expected, "{pages:?}");
    }
}

#[tokio::test]
async fn an_instance_knows_its_id_and_elsewhere_nobody_answers() {
    let server = server(&[("instance-id", "i-0abc")]);
    let aws = support::aws(server.address, "AKID").await;
    let at = |address| InstanceMetadata::at(&aws, &format!("http://{address}")).unwrap();
    assert_eq!(at(server.address).instance_id().await.unwrap(), "i-0abc");
    let error = at(free_address()).notice().await.unwrap_err().to_string();
    assert!(error.starts_with("the instance metadata service does not answer"), "{error}");
    assert!(!error.contains('\n'), "{error}");
}
