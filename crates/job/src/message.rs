//! The body of a queue message and what it asks for.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::recording::{BadSourceUri, Identity, PresentationName, Recording, SourceUri};

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

/// The type tag of our own message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageType {
    /// A recording is done.
    Recording,
}

/// A body that asks for nothing that we do.
#[derive(Debug, Error)]
pub enum BadMessage {
    /// Not JSON.
    #[error("the message is not JSON: {0}")]
    NotJson(String),
    /// JSON of another shape.
    #[error("the message is no 'recording' of ours: {0}")]
    Shape(String),
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

impl RecordingMessage {
    /// The message as a body.
    ///
    /// # Panics
    /// Never: every field serialises.
    #[must_use]
    pub fn to_body(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Reads the body of a message.
///
/// # Errors
/// If it asks for nothing that we do; the message belongs to the dead letters with the error as reason.
pub fn parse(body: &str) -> Result<Recording, BadMessage> {
    let value: serde_json::Value =
        serde_json::from_str(body).map_err(|error| BadMessage::NotJson(error.to_string()))?;
    let message: RecordingMessage =
        serde_json::from_value(value).map_err(|error| BadMessage::Shape(error.to_string()))?;
    if message.version != VERSION {
        return Err(BadMessage::Version(message.version));
    }
    let is_digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    if message.sha256.len() != 64 || !message.sha256.bytes().all(is_digit) {
        return Err(BadMessage::Digest);
    }
    if message.part == 0 {
        return Err(BadMessage::Part);
    }
    let components = [message.app.as_str(), &message.stream, &message.session];
    Ok(Recording {
        source: SourceUri::try_from(message.source)?,
        identity: Identity::Content { sha256: message.sha256 },
        presentation: PresentationName::from_components(components),
        part: message.part,
        profile: message.profile,
    })
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
        let recording = parse(&message().to_body()).unwrap();
        assert_eq!(recording.presentation.as_str(), "live/test/1795326084");
        assert_eq!(recording.source, SourceUri::File("/rec/test-1795326084.flv".to_owned()));
    }

    #[test]
    fn junk_is_refused_in_one_sentence() {
        let body = message().to_body();
        for (body, sentence) in [
            ("", "the message is not JSON: "),
            ("{", "the message is not JSON: "),
            ("42", "the message is no 'recording' of ours: "),
            ("{\"type\":\"recording\"}", "the message is no 'recording' of ours: missing field"),
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
