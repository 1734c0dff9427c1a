//! S3 and SQS that are away, refuse, or say something else: nothing is lost, and one sentence says what to do.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use job::message::RecordingMessage;
use job::recording::hex;
use sha2::{Digest as _, Sha256};

use crate::ministack::{BUCKET, Ministack, SECRET, free_address, queue_at, settings};
use crate::scripted::{Answer, Request, Scripted};
use crate::support::{Origin, RECORDING};

const KEY: &str = "in/live/cam/1795326084.flv";

fn origin(lines: &str) -> Origin {
    let origin = Origin::new();
    origin.configure_destination(lines);
    origin
}

fn announce(origin: &Origin) -> Option<i32> {
    let path = origin.record("cam-1795326084.flv", RECORDING);
    origin.announce(&path, "cam-1795326084", "cam")
}

/// The recording is in the spool, whole, and waits.
fn assert_waiting(origin: &Origin) {
    let entry = &origin.entries("")[0];
    assert_eq!(Origin::job(entry)["state"], "spooled");
    assert_eq!(fs::read(entry.join("recording.flv")).unwrap(), RECORDING);
}

fn assert_delivered(origin: &Origin) {
    let (code, swept) = origin.sweep();
    assert_eq!((code, &swept["delivered"]), (Some(0), &1.into()));
    assert!(!origin.entries("")[0].join("recording.flv").exists());
}

fn refusal(status: u16, code: &str) -> Answer {
    let body = format!("<Error><Code>{code}</Code><Message>No.</Message></Error>");
    Answer::Whole(status, vec![("Content-Type", "application/xml".to_owned())], body.into_bytes())
}

/// What HEAD says of an object. Its length is that of the body, which a client does not read: the connection cannot be used again.
fn head(bytes: &[u8], sha256: &str) -> Answer {
    let headers = vec![
        ("ETag", "\"1\"".to_owned()),
        ("x-amz-meta-sha256", sha256.to_owned()),
        ("Connection", "close".to_owned()),
    ];
    Answer::Whole(200, headers, bytes.to_vec())
}

/// The seed's hook deleted, or kept for ever, whatever came of the upload.
#[test]
fn an_s3_that_is_away_loses_nothing() {
    let address = free_address();
    let queue = queue_at(address, "recordings");
    let origin = origin(&settings(address, Some(&queue)));
    assert_eq!(announce(&origin), Some(75));
    assert_waiting(&origin);
    let (code, swept) = origin.sweep();
    assert_eq!((code, &swept["undelivered"]), (Some(75), &1.into()));
    assert_waiting(&origin);
    assert!(origin.has_logged("waits in the spool until sweep can deliver it"));
    assert!(origin.has_logged("no connection to AWS"));

    let ministack = Ministack::start_at(address);
    assert_delivered(&origin);
    assert!(ministack.object(KEY).unwrap().body == RECORDING);
    assert_eq!(ministack.messages().len(), 1);
}

#[test]
fn what_somebody_must_put_right_is_said_and_waits() {
    let ministack = Ministack::start();
    let (address, queue) = (ministack.address, ministack.queue("recordings"));
    let good = settings(address, Some(&queue));
    for (lines, sentence, code) in [
        (good.replace(&format!("s3://{BUCKET}"), "s3://elsewhere"), "there is no such bucket", 2),
        (settings(address, Some(&ministack.queue("other"))), "there is no such queue", 2),
        (settings(address, Some("https://elsewhere")), "no URL of an SQS queue", 2),
        (
            good.replace("region = 'eu-central-1'", ""),
            "set region in [aws] of the settings' file",
            2,
        ),
        // An instance's metadata may be away for a moment.
        (
            good.replace("access_key_id = 'test'", "").replace("secret_access_key", "profile"),
            "no AWS credentials: give the instance a role, or set access_key_id",
            75,
        ),
    ] {
        let origin = origin(&lines);
        let path = origin.record("cam-1795326084.flv", RECORDING);
        let mut hook = origin.command();
        hook.arg(format!("--path={}", path.display())).arg("--name=cam");
        // An instance would be asked for its role, which takes a while where there is none.
        hook.env("AWS_EC2_METADATA_DISABLED", "true");
        assert_eq!(hook.status().unwrap().code(), Some(code), "{sentence}");
        assert!(origin.has_logged(sentence), "{sentence}: {:?}", origin.log());
        assert!(!origin.has_logged(SECRET));
        assert_waiting(&origin);

        origin.configure_destination(&good);
        assert_delivered(&origin);
        assert_eq!(ministack.messages().len(), 1);
    }
}

#[test]
fn a_permission_that_is_missing_is_named() {
    let server = Scripted::start(|request| match request.line.split(' ').next() {
        Some("HEAD") => Answer::Whole(404, Vec::new(), Vec::new()),
        _ => refusal(403, "AccessDenied"),
    });
    let origin = origin(&settings(server.address, None));
    assert_eq!(announce(&origin), Some(2));
    assert!(origin.has_logged("access is denied: allow s3:PutObject"), "{:?}", origin.log());
    assert_waiting(&origin);
}

/// The seed's hook deleted the recording after an upload that nobody had looked at.
#[test]
fn a_message_is_sent_only_when_s3_has_what_was_uploaded() {
    let digest = hex(&Sha256::digest(RECORDING));
    for (size, sha256) in [(RECORDING.len() - 1, digest.as_str()), (RECORDING.len(), "other")] {
        let (is_uploaded, sha256) = (AtomicBool::new(false), sha256.to_owned());
        let server = Scripted::start(move |request| match request.line.split(' ').next() {
            Some("HEAD") if is_uploaded.load(Ordering::SeqCst) => head(&RECORDING[..size], &sha256),
            Some("HEAD") => Answer::Whole(404, Vec::new(), Vec::new()),
            _ => {
                is_uploaded.store(true, Ordering::SeqCst);
                Answer::Whole(200, vec![("ETag", "\"1\"".to_owned())], Vec::new())
            }
        });
        let queue = queue_at(server.address, "recordings");
        let origin = origin(&settings(server.address, Some(&queue)));
        assert_eq!(announce(&origin), Some(75));
        assert_waiting(&origin);
        let lines: Vec<_> = server.requests().into_iter().map(|request| request.line).collect();
        assert!(lines.iter().all(|line| !line.starts_with("POST")), "{lines:?}");
    }
}

#[test]
fn one_recording_that_is_denied_does_not_hold_up_the_others() {
    let digest = hex(&Sha256::digest(RECORDING));
    let server = Scripted::start(move |request| {
        if request.line.contains("/denied/") {
            return Answer::Whole(403, Vec::new(), Vec::new());
        }
        head(RECORDING, &digest)
    });
    let origin = origin(&settings(server.address, Some("https://no-queue")));
    for name in ["denied", "a", "b"] {
        let path = origin.record(format!("{name}-1795326084.flv"), RECORDING);
        assert_eq!(origin.announce(&path, "", ""), Some(2));
    }
    origin.configure_destination(&settings(server.address, None));
    let (code, swept) = origin.sweep();
    assert_eq!(code, Some(2));
    assert_eq!((&swept["delivered"], &swept["undelivered"]), (&2.into(), &1.into()));
    assert!(origin.has_logged("allow s3:GetObject and s3:ListBucket"), "{:?}", origin.log());
}

/// Puts recordings into the spool that wait because of a queue that is none.
fn leave_waiting(origin: &Origin, server: &Scripted, names: &[&str]) {
    origin.configure_destination(&settings(server.address, Some("https://no-queue")));
    for name in names {
        let path = origin.record(format!("{name}-1795326084.flv"), RECORDING);
        assert_eq!(origin.announce(&path, "", ""), Some(2));
    }
    origin.configure_destination(&settings(server.address, None));
}

#[test]
fn the_oldest_recording_does_not_hold_up_the_others_for_as_long_as_it_fails() {
    let digest = hex(&Sha256::digest(RECORDING));
    let server = Scripted::start(move |request| {
        if request.line.contains("/slow/") {
            return Answer::Whole(503, Vec::new(), Vec::new());
        }
        head(RECORDING, &digest)
    });
    let origin = Origin::new();
    leave_waiting(&origin, &server, &["slow", "a", "b"]);
    let (code, swept) = origin.sweep();
    assert_eq!(code, Some(75));
    assert_eq!((&swept["delivered"], &swept["undelivered"]), (&2.into(), &1.into()));
}

#[test]
fn a_service_that_fails_is_not_asked_for_every_recording() {
    let server = Scripted::start(|_| Answer::Whole(503, Vec::new(), Vec::new()));
    let origin = Origin::new();
    leave_waiting(&origin, &server, &["a", "b", "c", "d", "e"]);
    let (code, swept) = origin.sweep();
    assert_eq!((code, &swept["undelivered"]), (Some(75), &5.into()));
    let mut lines: Vec<_> = server.requests().into_iter().map(|request| request.line).collect();
    lines.sort();
    lines.dedup();
    assert_eq!(lines.len(), 3, "{lines:?}");
}

/// S3 knows nothing of an upload that it has completed, and says so when the request is repeated: it was taken for a setting that is wrong.
#[test]
fn an_upload_in_parts_whose_last_answer_was_lost_is_done() {
    let mut bytes = RECORDING.to_vec();
    bytes.resize(16 * 1024 * 1024 + 1, 7);
    let (digest, stored) = (hex(&Sha256::digest(&bytes)), bytes.clone());
    let is_complete = AtomicBool::new(false);
    let etag = || vec![("ETag", "\"1\"".to_owned())];
    let server = Scripted::start(move |request| {
        match request.line.split(' ').next() {
        Some("HEAD") if is_complete.load(Ordering::SeqCst) => head(&stored, &digest),
        Some("HEAD") => Answer::Whole(404, Vec::new(), Vec::new()),
        Some("PUT") => Answer::Whole(200, etag(), Vec::new()),
        Some("POST") if request.line.contains("?uploads") => Answer::Whole(
            200,
            Vec::new(),
            b"<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>"
                .to_vec(),
        ),
        Some("POST") if !is_complete.swap(true, Ordering::SeqCst) => Answer::Nothing,
        _ => refusal(404, "NoSuchUpload"),
    }
    });
    let origin = origin(&settings(server.address, None));
    let path = origin.record("cam-1795326084.flv", &bytes);
    assert_eq!(origin.announce(&path, "cam-1795326084", "cam"), Some(0), "{:?}", origin.log());
    assert!(!origin.entries("")[0].join("recording.flv").exists());
}

/// Our own upload whose answer was lost, or another origin's.
#[test]
fn a_key_that_is_taken_during_the_upload() {
    let digest = hex(&Sha256::digest(RECORDING));
    let own_key = format!("in/live/cam/1795326084-{digest:.16}.flv");
    for (theirs, expected) in [(digest.as_str(), KEY), ("other", &own_key)] {
        let (theirs, digest, own) = (theirs.to_owned(), digest.clone(), own_key.clone());
        let is_sent = [AtomicBool::new(false), AtomicBool::new(false)];
        let server = Scripted::start(move |request| {
            let is_own = request.line.contains(&own);
            let is_sent = &is_sent[usize::from(is_own)];
            if request.line.starts_with("HEAD") {
                return match (is_sent.load(Ordering::SeqCst), is_own) {
                    (false, _) => Answer::Whole(404, Vec::new(), Vec::new()),
                    (true, true) => head(RECORDING, &digest),
                    (true, false) => head(RECORDING, &theirs),
                };
            }
            assert_eq!(request.header("if-none-match"), Some("*"), "{request:?}");
            assert_eq!(request.header("x-amz-expected-bucket-owner"), Some("123456789012"));
            is_sent.store(true, Ordering::SeqCst);
            if is_own {
                return Answer::Whole(200, vec![("ETag", "\"1\"".to_owned())], Vec::new());
            }
            refusal(412, "PreconditionFailed")
        });
        let owner = "expected_owner = '123456789012'";
        let origin = origin(&format!("{owner}\n{}", settings(server.address, None)));
        assert_eq!(announce(&origin), Some(0), "{:?}", origin.log());
        let object = format!("s3://{BUCKET}/{expected}");
        assert_eq!(Origin::job(&origin.entries("")[0])["object"], object);
    }
}

/// S3 with one object, and SQS that says nothing at first.
struct World {
    object: Mutex<Option<(String, String)>>,
    may_send: AtomicBool,
}

impl World {
    fn answer(&self, request: &Request) -> Answer {
        match request.line.split(' ').next() {
            Some("HEAD") => match &*self.object.lock().unwrap() {
                Some((_, sha256)) => head(RECORDING, sha256),
                None => Answer::Whole(404, Vec::new(), Vec::new()),
            },
            Some("PUT") => {
                let sha256 = request.header("x-amz-meta-sha256").unwrap().to_owned();
                *self.object.lock().unwrap() = Some((request.line.clone(), sha256));
                Answer::Whole(200, vec![("ETag", "\"1\"".to_owned())], Vec::new())
            }
            _ if !self.may_send.load(Ordering::SeqCst) => Answer::Silence,
            _ => Answer::Whole(200, Vec::new(), br#"{"MessageId": "1"}"#.to_vec()),
        }
    }
}

#[test]
fn killed_between_upload_and_message() {
    let world = Arc::new(World { object: Mutex::new(None), may_send: AtomicBool::new(false) });
    let theirs = Arc::clone(&world);
    let server = Scripted::start(move |request| theirs.answer(request));
    let queue = queue_at(server.address, "recordings");
    let origin = origin(&settings(server.address, Some(&queue)));
    let path = origin.record("cam-1795326084.flv", RECORDING);
    let mut hook = origin.command();
    let mut hook = hook.arg(format!("--path={}", path.display())).spawn().unwrap();
    let sent = || -> Vec<Request> {
        let requests = server.requests().into_iter();
        requests.filter(|request| request.line.starts_with("POST")).collect()
    };
    let began = Instant::now();
    while sent().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(30), "no message was sent");
        std::thread::sleep(Duration::from_millis(10));
    }
    hook.kill().unwrap();
    hook.wait().unwrap();
    assert_waiting(&origin);

    world.may_send.store(true, Ordering::SeqCst);
    assert_delivered(&origin);
    let bodies = sent().into_iter().map(|request| {
        let sending: serde_json::Value = serde_json::from_str(&request.body).unwrap();
        sending["MessageBody"].as_str().unwrap().to_owned()
    });
    let bodies: Vec<_> = bodies.collect();
    assert_eq!(bodies.len(), 2);
    let [first, second]: [RecordingMessage; 2] =
        [&bodies[0], &bodies[1]].map(|body| serde_json::from_str(body).unwrap());
    assert_eq!(first, second, "one job for the worker");
    let uploads = server.requests().into_iter().filter(|r| r.line.starts_with("PUT")).count();
    assert_eq!(uploads, 1, "what S3 has is not sent again");
}
