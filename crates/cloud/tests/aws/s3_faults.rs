//! Uploads that fail and downloads that break.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use cloud::{Bucket, Headers, S3Recordings, S3Store};
use job::names::ObjectKind::{Segment, State};
use job::ports::{FetchError, Recordings as _, Store as _};
use job::recording::SourceUri;

use crate::support::faults::Faults;
use crate::support::s3::{client, make_bucket, newest, noise, noise_file, open_uploads};
use crate::support::scripted::{Answer, Scripted};
use crate::support::{self, Ministack};

const MIB: usize = 1024 * 1024;

fn source(bucket: &str) -> SourceUri {
    SourceUri::S3 { bucket: bucket.to_owned(), key: "in/a.flv".to_owned() }
}

/// The fourth part is denied, with others on their way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_upload_leaves_no_parts() {
    let (ministack, scratch) = (Ministack::start(), tempfile::tempdir().unwrap());
    let name = make_bucket(&ministack).await;
    // microburst takes UploadPart for PutObject.
    let faults = Faults::in_requests(
        &ministack,
        r#"[{"service": "s3", "operation": "PutObject", "sequence": {"pass": 3, "fail": 1000},
             "error": {"code": "AccessDenied", "status": 403}}]"#,
    );
    let bucket = Bucket::open(&ministack.aws_at(faults.address).await, &name);
    let file = scratch.path().join("file");
    noise_file(&file, 100 * MIB);
    let error = bucket.upload("a", Headers::default(), &file).await.unwrap_err();
    assert!(error.to_string().contains("allow s3:PutObject"), "{error}");
    assert!(faults.fired() > 0);
    assert_eq!(open_uploads(&client(&ministack).await, &name).await, 0);
    assert_eq!(Bucket::open(&ministack.aws().await, &name).head("a").await.unwrap(), None);
}

/// A job that is stopped drops its upload.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_upload_leaves_no_parts() {
    let (ministack, scratch) = (Ministack::start(), tempfile::tempdir().unwrap());
    let name = make_bucket(&ministack).await;
    let (sdk, bucket) = (client(&ministack).await, Bucket::open(&ministack.aws().await, &name));
    let file = scratch.path().join("file");
    noise_file(&file, 200 * MIB);
    let uploading =
        tokio::spawn(async move { bucket.upload("a", Headers::default(), &file).await });
    let began = Instant::now();
    while open_uploads(&sdk, &name).await == 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "no upload began");
    }
    uploading.abort();
    assert!(uploading.await.unwrap_err().is_cancelled(), "it was over before it was dropped");
    let began = Instant::now();
    while open_uploads(&sdk, &name).await > 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "its parts are still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Every connection breaks after 3 MiB, so that each range of 16 is resumed at least five times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_is_resumed_where_it_broke() {
    let (ministack, scratch) = (Ministack::start(), tempfile::tempdir().unwrap());
    let name = make_bucket(&ministack).await;
    let file = scratch.path().join("file");
    let bytes = noise_file(&file, 40 * MIB + 5);
    let bucket = Bucket::open(&ministack.aws().await, &name);
    bucket.upload("in/a.flv", Headers::default(), &file).await.unwrap();
    let faults = Faults::in_connections(
        &ministack,
        r#"[{"service": "tcp", "operation": "conn", "cut_reply": {"after_bytes": 3145728}}]"#,
    );
    let recordings = S3Recordings::new(&ministack.aws_at(faults.address).await, Vec::new());
    let began = Instant::now();
    let copy = recordings.fetch(&source(&name), &newest(), scratch.path()).await.unwrap();
    println!("{} breaks, {:?}", faults.fired(), began.elapsed());
    assert!(std::fs::read(copy).unwrap() == bytes, "other bytes");
    assert!(faults.fired() >= 13, "{} breaks", faults.fired());
}

/// A proxy that drops lengths makes a body that ends early look complete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_too_short_without_an_error_is_noticed() {
    let (ministack, scratch) = (Ministack::start(), tempfile::tempdir().unwrap());
    let name = make_bucket(&ministack).await;
    let file = scratch.path().join("file");
    let bytes = noise_file(&file, 20 * MIB);
    let bucket = Bucket::open(&ministack.aws().await, &name);
    bucket.upload("in/a.flv", Headers::default(), &file).await.unwrap();
    let faults = Faults::in_requests(
        &ministack,
        r#"[{"service": "s3", "operation": "GetObject", "times": 3,
             "response": {"truncate_bytes": 1000000}}]"#,
    );
    let recordings = S3Recordings::new(&ministack.aws_at(faults.address).await, Vec::new());
    let copy = recordings.fetch(&source(&name), &newest(), scratch.path()).await.unwrap();
    assert!(std::fs::read(copy).unwrap() == bytes, "other bytes");
    assert_eq!(faults.fired(), 3);
}

#[tokio::test]
async fn slow_down_is_waited_out() {
    let (ministack, scratch) = (Ministack::start(), tempfile::tempdir().unwrap());
    let name = make_bucket(&ministack).await;
    let faults = Faults::in_requests(
        &ministack,
        r#"[{"service": "s3", "operation": "PutObject", "times": 3,
             "error": {"code": "SlowDown", "status": 503}}]"#,
    );
    let store = S3Store::new(Bucket::open(&ministack.aws_at(faults.address).await, &name), "");
    let file = scratch.path().join("file");
    noise_file(&file, MIB);
    store.upload("a.m4s", Segment, &file).await.unwrap();
    store.create("done.json", State, b"{}").await.unwrap();
    assert_eq!(faults.fired(), 3);
}

/// An object of two versions: the second range finds another one than the first.
fn changing_object(changes: usize) -> Scripted {
    let old = noise(20 * MIB);
    Scripted::start(move |request| {
        let range = request.header("range").unwrap().strip_prefix("bytes=").unwrap();
        let (first, last) = range.split_once('-').unwrap();
        let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
        // Each answer to a first range begins a version, and the next one is there at once as long as there are changes left.
        let version = format!("\"{}\"", (request.number / 2).min(changes));
        let now = format!("\"{}\"", request.number.div_ceil(2).min(changes));
        if request.header("if-match").is_some_and(|asked| asked != now) {
            return Answer::Whole(412, Vec::new(), Vec::new());
        }
        let bytes = &old[first..=last.min(old.len() - 1)];
        let headers = vec![
            ("ETag", version),
            ("Content-Range", format!("bytes {first}-{}/{}", first + bytes.len() - 1, old.len())),
        ];
        Answer::Whole(206, headers, bytes.to_vec())
    })
}

/// Two versions are never mixed: the download begins again, and gives up when that does not help.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_changes_is_read_as_one_version() {
    let scratch = tempfile::tempdir().unwrap();
    for (changes, expected) in [(0, 2), (2, 6)] {
        let server = changing_object(changes);
        let aws = support::aws(server.address, "AKID").await;
        let recordings = S3Recordings::new(&aws, Vec::new());
        let copy = recordings.fetch(&source("bucket"), &newest(), scratch.path()).await.unwrap();
        assert!(std::fs::read(copy).unwrap() == noise(20 * MIB));
        let requests = server.requests();
        assert_eq!(requests.len(), expected, "{requests:?}");
    }
    let server = changing_object(usize::MAX);
    let aws = support::aws(server.address, "AKID").await;
    let error = S3Recordings::new(&aws, Vec::new())
        .fetch(&source("bucket"), &newest(), scratch.path())
        .await;
    assert!(matches!(error, Err(FetchError::Unavailable(..))), "{error:?}");
    assert!(error.unwrap_err().to_string().contains("changes while it is read"));
}

/// Every call says whose bucket it must be.
#[tokio::test]
async fn the_expected_owner_is_named_in_every_call() {
    const OWNER: &str = "123456789012";
    let scratch = tempfile::tempdir().unwrap();
    let server = Scripted::start(|request| {
        let body = match request.line.as_str() {
            line if line.starts_with("POST") && line.contains("uploads") => {
                "<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>"
            }
            line if line.starts_with("POST") => {
                "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>"
            }
            line if line.starts_with("HEAD") => "",
            _ => "body",
        };
        let headers =
            vec![("ETag", "\"1\"".to_owned()), ("Content-Range", "bytes 0-3/4".to_owned())];
        Answer::Whole(200, headers, body.as_bytes().to_vec())
    });
    let aws = support::aws(server.address, "AKID").await;
    let store = S3Store::new(Bucket::open(&aws, "bucket").with_expected_owner(OWNER), "");
    let file = scratch.path().join("file");
    noise_file(&file, 17 * MIB);
    store.upload("large", Segment, &file).await.unwrap();
    noise_file(&file, 17);
    store.upload("small", Segment, &file).await.unwrap();
    store.put("a", State, b"a").await.unwrap();
    let object = store.get("a").await.unwrap().unwrap();
    store.replace("a", State, b"a", &object.version).await.unwrap();
    store.size("a").await.unwrap();
    let recordings = S3Recordings::new(&aws, Vec::new()).with_expected_owner(OWNER);
    recordings.fetch(&source("bucket"), &newest(), scratch.path()).await.unwrap();
    let requests = server.requests();
    let verbs: BTreeSet<_> =
        requests.iter().map(|r| r.line.split_once(' ').unwrap().0.to_owned()).collect();
    assert_eq!(verbs.into_iter().collect::<Vec<_>>(), ["GET", "HEAD", "POST", "PUT"]);
    for request in requests {
        assert_eq!(request.header("x-amz-expected-bucket-owner"), Some(OWNER), "{request:?}");
    }
}
