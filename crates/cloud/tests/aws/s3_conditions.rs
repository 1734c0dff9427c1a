//! Conditional writes when answers are lost.

use cloud::{Bucket, S3Store};
use job::names::ObjectKind::State;
use job::ports::{Conditional, Store as _, Version};

use crate::support::scripted::{Answer, Request, Scripted};
use crate::support::{self, Ministack, s3::make_bucket};

fn refusal(status: u16, code: &str) -> Answer {
    let body = format!("<Error><Code>{code}</Code><Message>No.</Message></Error>");
    Answer::Whole(status, vec![("Content-Type", "application/xml".to_owned())], body.into_bytes())
}

fn written() -> Answer {
    Answer::Whole(200, vec![("ETag", "\"2\"".to_owned())], Vec::new())
}

fn object(bytes: &[u8]) -> Answer {
    Answer::Whole(200, vec![("ETag", "\"1\"".to_owned())], bytes.to_vec())
}

async fn store_at(
    script: impl Fn(&Request) -> Answer + Send + Sync + 'static,
) -> (S3Store, Scripted) {
    let server = Scripted::start(script);
    let aws = support::aws(server.address, "AKID").await;
    (S3Store::new(Bucket::open(&aws, "bucket"), ""), server)
}

/// The first write was done, its answer lost, the second is refused by the first.
#[tokio::test]
async fn a_write_that_refuses_its_own_repetition_was_written() {
    for (there, expected) in
        [(&b"ours"[..], Conditional::Written), (b"theirs", Conditional::Refused)]
    {
        for lost in [500, 0] {
            let script = move |request: &Request| match (request.number, lost) {
                (0, 0) => Answer::Nothing,
                (0, status) => refusal(status, "InternalError"),
                (1, _) => refusal(412, "PreconditionFailed"),
                _ => object(there),
            };
            let (store, _server) = store_at(script).await;
            assert_eq!(store.create("done.json", State, b"ours").await.unwrap(), expected);
            let (store, _server) = store_at(script).await;
            let version = Version("\"1\"".to_owned());
            let replaced = store.replace("done.json", State, b"ours", &version).await;
            assert_eq!(replaced.unwrap(), expected);
        }
    }
}

/// A refusal at once is believed although the bytes are the same: somebody else wrote them.
#[tokio::test]
async fn a_write_that_is_refused_at_once_is_refused() {
    let (store, server) = store_at(|_| refusal(412, "PreconditionFailed")).await;
    let created = store.create("done.json", State, b"ours").await;
    assert_eq!(created.unwrap(), Conditional::Refused);
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("if-none-match"), Some("*"));
}

#[tokio::test]
async fn a_conflict_and_a_request_for_fewer_calls_are_waited_out() {
    let (store, server) = store_at(|request| match request.number {
        0 => refusal(409, "ConditionalRequestConflict"),
        1 => refusal(503, "SlowDown"),
        _ => written(),
    })
    .await;
    let version = Version("\"1\"".to_owned());
    let replaced = store.replace("presentation.json", State, b"2", &version).await;
    assert_eq!(replaced.unwrap(), Conditional::Written);
    let asked: Vec<_> =
        server.requests().iter().map(|r| r.header("if-match").map(str::to_owned)).collect();
    assert_eq!(asked, [const { Some("\"1\"") }; 3].map(|v| v.map(str::to_owned)));
}

#[tokio::test]
async fn a_write_that_is_denied_is_not_repeated() {
    let (store, server) = store_at(|_| refusal(403, "AccessDenied")).await;
    let error = store.create("done.json", State, b"ours").await.unwrap_err();
    assert!(!error.transient);
    let text = error.to_string();
    assert!(
        text.contains("s3://bucket/done.json") && text.contains("allow s3:PutObject"),
        "{text}"
    );
    assert_eq!(server.requests().len(), 1);
}

/// Both sides of a race through the real thing, bytes and all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_workers_one_commits_each_time() {
    let ministack = Ministack::start();
    let name = make_bucket(&ministack).await;
    let open = async || S3Store::new(Bucket::open(&ministack.aws().await, &name), "");
    let (one, two) = (open().await, open().await);
    for round in 0..50 {
        let name = format!("{round}/done.json");
        let (one, two) =
            tokio::join!(one.create(&name, State, b"one"), two.create(&name, State, b"two"));
        let winner: &[u8] = match (one.unwrap(), two.unwrap()) {
            (Conditional::Written, Conditional::Refused) => b"one",
            (Conditional::Refused, Conditional::Written) => b"two",
            other => panic!("round {round}: {other:?}"),
        };
        let there = open().await.get(&name).await.unwrap().unwrap();
        assert_eq!(there.bytes, winner);
    }
}
