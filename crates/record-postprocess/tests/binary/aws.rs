//! What arrives in S3 and SQS, and what stays here.

use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use job::message::{RecordingMessage, Request};
use job::recording::{Identity, PresentationName, hex};
use sha2::{Digest as _, Sha256};

use crate::ministack::{BUCKET, Ministack, SECRET, settings};
use crate::support::{Origin, RECORDING, STUB};

const KEY: &str = "in/live/cam/1795326084.flv";

fn origin(lines: &str) -> Origin {
    let origin = Origin::new();
    origin.configure_destination(lines);
    origin
}

/// Announces a recording; its path.
fn announce(origin: &Origin, bytes: &[u8]) -> PathBuf {
    let path = origin.record("cam-1795326084.flv", bytes);
    assert_eq!(origin.announce(&path, "cam-1795326084", "cam"), Some(0));
    path
}

fn message(body: &str) -> RecordingMessage {
    serde_json::from_str(body).unwrap()
}

#[test]
fn a_recording_is_uploaded_and_enqueued_and_then_deleted_here() {
    let ministack = Ministack::start();
    let queue = ministack.queue("recordings");
    let origin = origin(&settings(ministack.address, Some(&queue)));
    let path = announce(&origin, RECORDING);

    let sha256 = hex(&Sha256::digest(RECORDING));
    let object = ministack.object(KEY).unwrap();
    assert!(object.body == RECORDING);
    for header in ["content-type: video/x-flv", &format!("x-amz-meta-sha256: {sha256}")] {
        assert!(object.head.contains(header), "{}", object.head);
    }
    let messages = ministack.messages();
    let [body] = messages.as_slice() else { panic!("{messages:?}") };
    let RecordingMessage { source, size, sha256: digest, .. } = message(body);
    assert_eq!((source, digest), (format!("s3://{BUCKET}/{KEY}"), sha256));
    assert_eq!(size, u64::try_from(RECORDING.len()).unwrap());
    let recording = message(body).recording().unwrap();
    assert_eq!(recording.presentation.as_str(), "live/cam/1795326084");

    // Nothing is left but what is known of it, by which the second announcement is told from a first one.
    let entry = &origin.entries("")[0];
    let job = Origin::job(entry);
    assert_eq!((&job["state"], &job["object"]), (&"delivered".into(), &source_of(KEY).into()));
    assert!(!path.exists() && !entry.join("recording.flv").exists());
    assert_eq!(origin.announce(&path, "cam-1795326084", "cam"), Some(0));
    assert_eq!(origin.sweep(), (Some(0), nothing_swept()));
    assert_eq!(ministack.messages(), [""; 0]);
    assert!(entry.exists());
}

fn source_of(key: &str) -> String {
    format!("s3://{BUCKET}/{key}")
}

fn nothing_swept() -> serde_json::Value {
    serde_json::json!({
        "adopted": 0, "delivered": 0, "rejected": 0, "busy": 0, "undelivered": 0, "failed": 0
    })
}

#[test]
fn s3_alone_triggers_the_work_by_its_event() {
    let ministack = Ministack::start();
    ministack.send_events();
    let origin = origin(&settings(ministack.address, None));
    announce(&origin, RECORDING);
    let bodies = ministack.messages();
    let requests = bodies.iter().map(|body| job::message::parse(body).unwrap());
    let published: Vec<_> = requests
        .filter_map(|request| match request {
            Request::Publish(recordings) => Some(recordings),
            // The event by which S3 tests whether it can send.
            Request::Nothing(_) => None,
        })
        .flatten()
        .collect();
    let [recording] = published.as_slice() else { panic!("{bodies:?}") };
    assert_eq!(recording.presentation.as_str(), "in/live/cam/1795326084");
    assert_eq!(recording.source.to_string(), source_of(KEY));
    assert!(matches!(recording.identity, Identity::Location { .. }));
    let entry = &origin.entries("")[0];
    assert!(Origin::job(entry)["message_id"].is_null());
    assert!(!entry.join("recording.flv").exists());
}

#[test]
fn the_queue_may_stay_here_while_recordings_go_to_s3() {
    let ministack = Ministack::start();
    let origin = Origin::new();
    let queue = format!("sqlite:{}", origin.root().join("queue.db").display());
    origin.configure_destination(&settings(ministack.address, Some(&queue)));
    announce(&origin, RECORDING);
    assert_eq!(origin.messages_about_anything()[0].source, source_of(KEY));
    assert!(ministack.object(KEY).unwrap().body == RECORDING);
    assert_eq!(ministack.messages(), [""; 0]);

    let status = String::from_utf8(origin.output(&["status"]).stdout).unwrap();
    let said = format!("recordings go to s3://{BUCKET}/in/, messages to {queue}\n");
    assert!(status.contains("delivered           1") && status.ends_with(&said), "{status}");
}

#[test]
fn a_recording_in_parts_arrives_whole() {
    let ministack = Ministack::start();
    let origin = origin(&settings(ministack.address, None));
    // One part of 16 MiB and a bit, no two of whose blocks are the same.
    let noise = (0_u32..).flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_le_bytes());
    let bytes: Vec<u8> =
        RECORDING.iter().copied().chain(noise.take(16 * 1024 * 1024 + 5)).collect();
    announce(&origin, &bytes);
    let object = ministack.object(KEY).unwrap();
    assert!(object.body == bytes);
    // An ETag with a dash is that of an object in parts.
    let etag = object.head.lines().find(|line| line.starts_with("etag:")).unwrap();
    assert!(etag.ends_with("-2\""), "{etag}");
    assert!(object.head.contains(&hex(&Sha256::digest(&bytes))));
}

#[test]
fn a_recording_without_a_frame_is_not_uploaded() {
    let ministack = Ministack::start();
    let origin = origin(&settings(ministack.address, None));
    announce(&origin, STUB);
    assert_eq!(ministack.keys(), [""; 0]);
    assert!(origin.entries("rejected")[0].join("recording.flv").exists());
}

/// Nor is its presentation: the message once named that of the other one.
#[test]
fn another_recording_of_the_same_name_is_not_overwritten() {
    let ministack = Ministack::start();
    let queue = ministack.queue("recordings");
    let origin = origin(&settings(ministack.address, Some(&queue)));
    ministack.put(KEY, "of another origin, in the same second");
    announce(&origin, RECORDING);
    assert!(ministack.object(KEY).unwrap().body.starts_with(b"of another origin"));
    let own_key = format!("in/live/cam/1795326084-{:.16}.flv", hex(&Sha256::digest(RECORDING)));
    assert!(ministack.object(&own_key).unwrap().body == RECORDING);
    let message = message(&ministack.messages()[0]);
    assert_eq!(message.source, source_of(&own_key));
    let own_session = format!("1795326084-{:.16}", hex(&Sha256::digest(RECORDING)));
    assert_eq!(message.session, own_session);
    let presentation = message.recording().unwrap().presentation;
    assert_eq!(presentation.as_str(), format!("live/cam/{own_session}"));
    // The same that an event of S3 asks for, but for the prefix.
    assert_eq!(PresentationName::from_key(&own_key).as_str(), format!("in/{presentation}"));
    assert_eq!(Origin::job(&origin.entries("")[0])["session"], own_session);
}

#[test]
fn hostile_names_stay_below_the_prefix() {
    let ministack = Ministack::start();
    let queue = ministack.queue("recordings");
    let origin = origin(&settings(ministack.address, Some(&queue)));
    for (number, name) in ["../../x", ">x", "a b+c%2F", "\u{e4}"].into_iter().enumerate() {
        let path = origin.record(format!("{number}-1795326084.flv"), RECORDING);
        assert_eq!(origin.announce(&path, "", name), Some(0), "{name}");
    }
    let mut expected: Vec<_> = ministack
        .messages()
        .iter()
        .map(|body| format!("in/{}.flv", message(body).recording().unwrap().presentation))
        .collect();
    expected.sort();
    assert_eq!(ministack.keys(), expected);
    for key in &expected {
        let components: Vec<_> = key.split('/').collect();
        assert_eq!((components.len(), components[1]), (4, "live"), "{key}");
        assert!(components.iter().all(|component| !component.starts_with('.')), "{key}");
    }
}

#[test]
fn what_s3_has_and_a_dead_process_left_is_deleted() {
    let ministack = Ministack::start();
    let origin = origin(&settings(ministack.address, None));
    announce(&origin, RECORDING);
    let recording = origin.entries("")[0].join("recording.flv");
    fs::write(&recording, RECORDING).unwrap();
    assert_eq!(origin.sweep(), (Some(0), nothing_swept()));
    assert!(!recording.exists());
}

#[test]
fn what_was_delivered_a_week_ago_is_forgotten() {
    let ministack = Ministack::start();
    let origin = origin(&settings(ministack.address, None));
    announce(&origin, RECORDING);
    let entry = &origin.entries("")[0];
    let mut job = Origin::job(entry);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for (age, remembered) in [(7 * 86_400 - 600, true), (7 * 86_400, false)] {
        job["delivered_at"] = (now - age).into();
        fs::write(entry.join("job.json"), job.to_string()).unwrap();
        assert_eq!(origin.sweep(), (Some(0), nothing_swept()));
        assert_eq!(entry.exists(), remembered);
    }
    assert!(ministack.object(KEY).is_some());
}

#[test]
fn a_secret_for_everybody_is_warned_of_and_never_logged() {
    use std::os::unix::fs::PermissionsExt as _;
    let ministack = Ministack::start();
    let origin = origin(&settings(ministack.address, None));
    for (mode, warned) in [(0o640, false), (0o644, true)] {
        fs::set_permissions(origin.config(), fs::Permissions::from_mode(mode)).unwrap();
        announce(&origin, RECORDING);
        assert_eq!(origin.has_logged("can read the secret key"), warned);
    }
    assert!(!origin.has_logged(SECRET));
}
