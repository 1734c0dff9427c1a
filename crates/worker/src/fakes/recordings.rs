//! Recordings that are always at hand.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use job::message::{MessageType, RecordingMessage, VERSION};
use job::ports::{FetchError, Recordings};
use job::recording::SourceUri;

/// Every recording is there, except those with `missing` or `unavailable` in their names.
#[derive(Clone, Copy, Debug, Default)]
pub struct FakeRecordings;

#[async_trait]
impl Recordings for FakeRecordings {
    async fn fetch(&self, source: &SourceUri, scratch: &Path) -> Result<PathBuf, FetchError> {
        let name = source.file_name();
        if name.contains("missing") {
            return Err(FetchError::Missing(source.clone()));
        }
        let unavailable = |reason| FetchError::Unavailable(source.clone(), reason);
        if name.contains("unavailable") {
            return Err(unavailable("asked to fail".to_owned()));
        }
        let path = scratch.join("recording");
        std::fs::write(&path, name).map_err(|error| unavailable(error.to_string()))?;
        Ok(path)
    }
}

/// The message of the recording `stream`.
#[must_use]
pub fn recording_message(stream: &str) -> RecordingMessage {
    RecordingMessage {
        r#type: MessageType::Recording,
        version: VERSION,
        source: format!("file:///recordings/{stream}.flv"),
        size: 1,
        sha256: job::recording::short_digest(stream.as_bytes()).repeat(4),
        app: "live".to_owned(),
        stream: stream.to_owned(),
        session: "1".to_owned(),
        part: 1,
        profile: None,
    }
}
