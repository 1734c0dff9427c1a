//! Events of S3 as they come into a queue: from the bucket itself, through a topic of SNS, or through a rule of `EventBridge`.
//!
//! Sources: "Event message structure" and "Events that `EventBridge` receives from S3" in the Amazon S3 User Guide; "HTTP/HTTPS notification
//! JSON format" in the SNS Developer Guide, whose envelope is that of SQS subscriptions without raw delivery.

use serde::Deserialize;
use serde_json::Value;

use super::{BadMessage, Request};
use crate::recording::{Identity, ObjectVersion, PresentationName, Recording, SourceUri};

/// Reads an event; none if the value is no event at all.
pub(super) fn parse(value: &Value) -> Result<Option<Request>, BadMessage> {
    let text = |name| value.get(name).and_then(Value::as_str);
    if text("Type") == Some("Notification")
        && let Some(message) = text("Message")
    {
        return wrapped_by_sns(message);
    }
    if text("Event") == Some("s3:TestEvent") {
        return Ok(Some(Request::Nothing("S3 tests whether it can send")));
    }
    if text("source") == Some("aws.s3") {
        return from_event_bridge(value).map(Some);
    }
    if value.get("Records").is_some() {
        return from_bucket(value).map(Some);
    }
    Ok(None)
}

/// The envelope's message is a document of its own, and no further envelope.
fn wrapped_by_sns(message: &str) -> Result<Option<Request>, BadMessage> {
    let value: Value =
        serde_json::from_str(message).map_err(|error| BadMessage::NotJson(error.to_string()))?;
    if value.get("Type").is_some() {
        return Err(BadMessage::Event("an envelope of SNS within another".to_owned()));
    }
    parse(&value)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_version: String,
    event_name: String,
    s3: Content,
}

#[derive(Deserialize)]
struct Content {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

/// An object as S3 and `EventBridge` spell it. All but the key may be missing: of a deleted object, say.
#[derive(Deserialize)]
struct Object {
    key: String,
    #[serde(default)]
    size: u64,
    #[serde(default, alias = "etag")]
    #[serde(rename = "eTag")]
    etag: String,
    #[serde(default, alias = "version-id")]
    #[serde(rename = "versionId")]
    version_id: String,
}

fn from_bucket(value: &Value) -> Result<Request, BadMessage> {
    let Notification { records } =
        Notification::deserialize(value).map_err(|error| BadMessage::Event(error.to_string()))?;
    let mut recordings = Vec::new();
    for Record { event_version, event_name, s3 } in records {
        // "Consumers should check the major version and ignore minor ones."
        if !event_version.starts_with("2.") {
            return Err(BadMessage::EventVersion(event_version));
        }
        let kind = event_name.strip_prefix("s3:").unwrap_or(&event_name);
        if !kind.starts_with("ObjectCreated:") {
            continue;
        }
        let key = decoded(&s3.object.key)?;
        recordings.extend(recording(s3, key));
    }
    Ok(publish(recordings))
}

#[derive(Deserialize)]
struct BridgeEvent {
    #[serde(rename = "detail-type")]
    detail_type: String,
    detail: Value,
}

fn from_event_bridge(value: &Value) -> Result<Request, BadMessage> {
    let unreadable = |error: serde_json::Error| BadMessage::Event(error.to_string());
    let event = BridgeEvent::deserialize(value).map_err(unreadable)?;
    if event.detail_type != "Object Created" {
        return Ok(publish(Vec::new()));
    }
    let content = Content::deserialize(&event.detail).map_err(unreadable)?;
    // Unlike the bucket's own notifications, these carry the key as it is.
    let key = content.object.key.clone();
    Ok(publish(recording(content, key).into_iter().collect()))
}

fn publish(recordings: Vec<Recording>) -> Request {
    if recordings.is_empty() {
        return Request::Nothing("no object was created");
    }
    Request::Publish(recordings)
}

/// None if the object only stands for a folder, as the console makes them.
fn recording(Content { bucket, object }: Content, key: String) -> Option<Recording> {
    if key.ends_with('/') {
        return None;
    }
    let presentation = PresentationName::from_key(&key);
    let source = SourceUri::S3 { bucket: bucket.name, key };
    let said = |text: String| (!text.is_empty()).then_some(text);
    let version = ObjectVersion { id: said(object.version_id), etag: said(object.etag) };
    let identity = Identity::Location { uri: source.to_string(), version, size: object.size };
    let title = source.file_stem().to_owned();
    Some(Recording { source, identity, title, presentation, part: 1, profile: None })
}

/// The key as it is: in notifications of a bucket it is encoded as in a query, with `+` for a space.
fn decoded(key: &str) -> Result<String, BadMessage> {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, behind @ ..]) if let Some(byte) = hex_byte(*high, *low) => {
                bytes.push(byte);
                rest = behind;
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).map_err(|_| BadMessage::Key(key.to_owned()))
}

fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |c: u8| char::from(c).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::parse;
    use super::*;

    fn record(name: &str, key: &str) -> Value {
        json!({
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "eu-central-1",
            "eventName": name,
            "s3": {
                "s3SchemaVersion": "1.0",
                "bucket": { "name": "in", "arn": "arn:aws:s3:::in" },
                "object": { "key": key, "size": 1024, "eTag": "d41d8cd9", "sequencer": "0055" },
            },
        })
    }

    fn event(records: &[Value]) -> Value {
        json!({ "Records": records })
    }

    fn wrapped(value: &Value) -> Value {
        json!({ "Type": "Notification", "MessageId": "1", "TopicArn": "arn", "Message": value.to_string() })
    }

    fn sources(value: &Value) -> Vec<String> {
        match parse(&value.to_string()).unwrap() {
            Request::Publish(recordings) => {
                recordings.iter().map(|recording| recording.source.to_string()).collect()
            }
            Request::Nothing(_) => Vec::new(),
        }
    }

    #[test]
    fn every_record_becomes_a_recording_whatever_is_wrapped_around_it() {
        let put = record("ObjectCreated:Put", "live/test/1795326084.flv");
        let multipart = record("s3:ObjectCreated:CompleteMultipartUpload", "b.flv");
        let removed = record("ObjectRemoved:Delete", "c.flv");
        let folder = record("ObjectCreated:Put", "live/");
        let bare = event(&[put, removed, multipart, folder]);
        let expected = ["s3://in/live/test/1795326084.flv", "s3://in/b.flv"];
        assert_eq!(sources(&bare), expected);
        assert_eq!(sources(&wrapped(&bare)), expected);
    }

    #[test]
    fn a_recording_of_an_event_is_known_by_where_it_lies() {
        let Request::Publish(recordings) =
            parse(&event(&[record("ObjectCreated:Put", "live/test/17.flv")]).to_string()).unwrap()
        else {
            panic!("nothing is asked for");
        };
        let identity = Identity::Location {
            uri: "s3://in/live/test/17.flv".to_owned(),
            version: ObjectVersion { id: None, etag: Some("d41d8cd9".to_owned()) },
            size: 1024,
        };
        assert_eq!(recordings[0].identity, identity);
        assert_eq!(recordings[0].presentation.as_str(), "live/test/17");
        assert_eq!((recordings[0].part, &recordings[0].profile), (1, &None));
    }

    #[test]
    fn keys_of_notifications_are_decoded() {
        for (encoded, key) in [
            ("in/my+vid%C3%A9o%2B1.mp4", "in/my vidéo+1.mp4"),
            ("a%20b%2fc.flv", "a b/c.flv"),
            ("100%.flv", "100%.flv"),
            ("%zz%4.flv", "%zz%4.flv"),
        ] {
            let value = event(&[record("ObjectCreated:Put", encoded)]);
            assert_eq!(sources(&value), [format!("s3://in/{key}")]);
        }
        let broken = event(&[record("ObjectCreated:Put", "%ff.flv")]).to_string();
        assert!(matches!(parse(&broken), Err(BadMessage::Key(_))));
    }

    #[test]
    fn event_bridge_carries_the_key_as_it_is() {
        let created = json!({
            "version": "0",
            "detail-type": "Object Created",
            "source": "aws.s3",
            "detail": {
                "version": "0",
                "bucket": { "name": "in" },
                "object": { "key": "a+b%20c.flv", "size": 7, "etag": "e", "version-id": "v" },
                "reason": "PutObject",
            },
        });
        let Request::Publish(recordings) = parse(&created.to_string()).unwrap() else {
            panic!("nothing is asked for");
        };
        assert_eq!(recordings[0].source.to_string(), "s3://in/a+b%20c.flv");
        let version = ObjectVersion { id: Some("v".to_owned()), etag: Some("e".to_owned()) };
        assert!(
            matches!(&recordings[0].identity, Identity::Location { version: found, .. } if *found == version)
        );
        let mut deleted = created;
        deleted["detail-type"] = json!("Object Deleted");
        assert!(sources(&deleted).is_empty());
    }

    #[test]
    fn events_that_ask_for_nothing_are_done() {
        let test = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "in" });
        for value in [
            &test,
            &wrapped(&test),
            &event(&[]),
            &event(&[record("ObjectRemoved:Delete", "a.flv")]),
            &event(&[record("ObjectCreated:Put", "folder/")]),
        ] {
            let request = parse(&value.to_string()).unwrap();
            assert!(matches!(request, Request::Nothing(_)), "{value}");
        }
    }

    #[test]
    fn events_that_cannot_be_read_are_refused_in_one_sentence() {
        let mut version = record("ObjectCreated:Put", "a.flv");
        version["eventVersion"] = json!("3.0");
        for (value, sentence) in [
            (event(&[version]), "the event of S3 has version 3.0"),
            (event(&[json!({})]), "the event of S3 cannot be read: missing field"),
            (json!({ "Records": 7 }), "the event of S3 cannot be read: invalid type"),
            (json!({ "source": "aws.s3" }), "the event of S3 cannot be read: missing field"),
            (wrapped(&wrapped(&event(&[]))), "the event of S3 cannot be read: an envelope"),
            (wrapped(&json!("junk")), "the message is neither ours nor an event"),
            (json!({ "Type": "Notification", "Message": "Hello" }), "the message is not JSON: "),
        ] {
            let error = parse(&value.to_string()).unwrap_err().to_string();
            assert!(error.starts_with(sentence) && !error.contains('\n'), "{value}: {error}");
        }
    }
}
