//! The body of a queue message and what it asks for: our own message, or an event of S3 in any of its wrappings.

mod s3_event;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::recording::{
    BadSourceUri, Identity, ObjectVersion, PresentationName, Recording, SourceUri,
};

/// Version of our own message.
pub const VERSION: u32 = 1;

/// Our own message: a recording is done. Written by `record-postprocess` and `transcoder enqueue`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordingMessage {
    /// Always `recording`.
    pub r#type: MessageType,
    /// [`VERSION`] of the writer.
    pub version: u32,
    /// Where the recording lies: `file:///path` or `s3://bucket/key`.
    pub source: String,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of its bytes in lower-case hexadecimal.
    pub sha256: String,
    /// nginx's application.
    pub app: String,
    /// The stream's name.
    pub stream: String,
    /// The broadcast that this is a part of.
    pub session: String,
    /// Which part, from 1.
    pub part: u32,
    /// A profile other than the worker's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// The type tag of [`RecordingMessage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageType {
    /// A recording is done.
    Recording,
}

/// Our own message for an object in S3 of which nobody knows a digest. Written by `transcoder enqueue`; it asks for the same as S3's own event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectMessage {
    /// Always `object`.
    pub r#type: ObjectMessageType,
    /// [`VERSION`] of the writer.
    pub version: u32,
    /// Its bucket.
    pub bucket: String,
    /// Its key, as it is.
    pub key: String,
    /// Length in bytes.
    pub size: u64,
    /// Which version of it.
    pub object_version: ObjectVersion,
    /// A profile other than the worker's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// The type tag of [`ObjectMessage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectMessageType {
    /// An object is to be published.
    Object,
}

/// What a message asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// To publish these recordings, one or more.
    Publish(Vec<Recording>),
    /// Nothing, and that is all right: the message is done. Why, as one phrase.
    Nothing(&'static str),
}

/// A body that asks for nothing that we do.
#[derive(Debug, Error)]
pub enum BadMessage {
    /// Not JSON.
    #[error("the message is not JSON: {0}")]
    NotJson(String),
    /// JSON of another shape.
    #[error("the message is neither ours nor an event of S3: {0}")]
    Shape(String),
    /// It begins like an event of S3.
    #[error("the event of S3 cannot be read: {0}")]
    Event(String),
    /// A version of S3's events that says other things.
    #[error("the event of S3 has version {0}, this worker knows 2.x: upgrade it")]
    EventVersion(String),
    /// An event's key, once decoded, is no text.
    #[error("the key {0:?} in the event of S3 is not UTF-8 once it is decoded: rename the object")]
    Key(String),
    /// Written by a newer version.
    #[error("the message has version {0}, this worker knows {VERSION}: upgrade it")]
    Version(u32),
    /// Its source names nothing.
    #[error(transparent)]
    Source(#[from] BadSourceUri),
    /// Its digest is none.
    #[error("sha256 must be 64 lower-case hexadecimal digits")]
    Digest,
    /// Parts count from 1.
    #[error("part must be 1 or more")]
    Part,
}

impl ObjectMessage {
    /// The message as a body.
    #[must_use]
    pub fn to_body(&self) -> String {
        body(self)
    }

    /// What it asks to publish.
    ///
    /// # Errors
    /// If a newer version wrote it, or it names no object.
    pub fn recording(self) -> Result<Recording, BadMessage> {
        if self.version != VERSION {
            return Err(BadMessage::Version(self.version));
        }
        let presentation = PresentationName::from_key(&self.key);
        let uri = format!("s3://{}/{}", self.bucket, self.key);
        let (version, size) = (self.object_version, self.size);
        let identity = Identity::Location { uri: uri.clone(), version, size };
        let source = SourceUri::try_from(uri)?;
        let title = source.file_stem().to_owned();
        Ok(Recording { source, identity, title, presentation, part: 1, profile: self.profile })
    }
}

impl RecordingMessage {
    /// The message as a body.
    #[must_use]
    pub fn to_body(&self) -> String {
        body(self)
    }

    /// What it asks to publish.
    ///
    /// # Errors
    /// If one of its fields says something that cannot be.
    pub fn recording(self) -> Result<Recording, BadMessage> {
        if self.version != VERSION {
            return Err(BadMessage::Version(self.version));
        }
        let is_digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if self.sha256.len() != 64 || !self.sha256.bytes().all(is_digit) {
            return Err(BadMessage::Digest);
        }
        if self.part == 0 {
            return Err(BadMessage::Part);
        }
        let components = [self.app.as_str(), &self.stream, &self.session];
        Ok(Recording {
            presentation: PresentationName::from_components(components),
            source: SourceUri::try_from(self.source)?,
            identity: Identity::Content { sha256: self.sha256 },
            title: self.stream,
            part: self.part,
            profile: self.profile,
        })
    }
}

fn body(message: &impl Serialize) -> String {
    // Every field of ours serialises.
    serde_json::to_string(message).unwrap_or_default()
}

/// Reads the body of a message.
///
/// # Errors
/// If it asks for nothing that we do; the message belongs to the dead letters with the error as reason.
pub fn parse(body: &str) -> Result<Request, BadMessage> {
    let value: serde_json::Value =
        serde_json::from_str(body).map_err(|error| BadMessage::NotJson(error.to_string()))?;
    if let Some(request) = s3_event::parse(&value)? {
        return Ok(request);
    }
    let shape = |error: serde_json::Error| BadMessage::Shape(error.to_string());
    let recording = if value.get("type").and_then(serde_json::Value::as_str) == Some("object") {
        ObjectMessage::deserialize(value).map_err(shape)?.recording()?
    } else {
        RecordingMessage::deserialize(value).map_err(shape)?.recording()?
    };
    Ok(Request::Publish(vec![recording]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> RecordingMessage {
        RecordingMessage {
            r#type: MessageType::Recording,
            version: VERSION,
            source: "file:///rec/test-1795326084.flv".to_owned(),
            size: 9,
            sha256: "ab".repeat(32),
            app: "live".to_owned(),
            stream: "test".to_owned(),
            session: "1795326084".to_owned(),
            part: 1,
            profile: None,
        }
    }

    #[test]
    fn our_message_is_read_as_written() {
        let request = parse(&message().to_body()).unwrap();
        let recording = message().recording().unwrap();
        assert_eq!(request, Request::Publish(vec![recording.clone()]));
        assert_eq!(recording.presentation.as_str(), "live/test/1795326084");
        assert_eq!(recording.source, SourceUri::File("/rec/test-1795326084.flv".to_owned()));
    }

    /// Sent by hand, an object becomes what S3's event for it becomes.
    #[test]
    fn an_object_asks_for_what_its_event_asks_for() {
        let message = ObjectMessage {
            r#type: ObjectMessageType::Object,
            version: VERSION,
            bucket: "in".to_owned(),
            key: "live/a b.flv".to_owned(),
            size: 7,
            object_version: ObjectVersion {
                id: Some("v1".to_owned()),
                etag: Some("d41d".to_owned()),
            },
            profile: None,
        };
        let event = r#"{"Records":[{"eventVersion":"2.1","eventName":"ObjectCreated:Put",
            "s3":{"bucket":{"name":"in"},"object":{"key":"live/a+b.flv","size":7,"eTag":"d41d","versionId":"v1"}}}]}"#;
        assert_eq!(parse(&message.to_body()).unwrap(), parse(event).unwrap());
        let bodies = [
            message.to_body().replace("\"version\":1", "\"version\":9"),
            message.to_body().replace("\"in\"", "\"\""),
            message.to_body().replace("\"size\":7,", ""),
        ];
        for body in bodies {
            assert!(parse(&body).is_err(), "{body}");
        }
    }

    #[test]
    fn junk_is_refused_in_one_sentence() {
        let body = message().to_body();
        for (body, sentence) in [
            ("", "the message is not JSON: "),
            ("{", "the message is not JSON: "),
            ("42", "the message is neither ours nor an event of S3: "),
            (
                "{\"type\":\"recording\"}",
                "the message is neither ours nor an event of S3: missing field",
            ),
            (&body.replace("\"version\":1", "\"version\":2"), "the message has version 2"),
            (&body.replace("abab", "ABAB"), "sha256 must be"),
            (&body.replace("file:///rec", "rec"), "\"rec/"),
            (&body.replace("\"part\":1", "\"part\":0"), "part must be"),
        ] {
            let error = parse(body).unwrap_err().to_string();
            assert!(error.starts_with(sentence) && !error.contains('\n'), "{body}: {error}");
        }
    }
}
