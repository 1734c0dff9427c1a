//! Recordings that are always at hand.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use job::message::{MessageType, RecordingMessage, VERSION};
use job::ports::{FetchError, Recordings};
use job::recording::{Identity, SourceUri};

/// Every recording is there, except those with `missing` or `unavailable` in their names.
#[derive(Clone, Copy, Debug, Default)]
pub struct FakeRecordings;

#[async_trait]
impl Recordings for FakeRecordings {
    async fn fetch(
        &self,
        source: &SourceUri,
        _identity: &Identity,
        scratch: &Path,
    ) -> Result<PathBuf, FetchError> {
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

/// The message that S3 sends of new objects in the bucket `in`: one recording for each key, which has to be safe in a query as it is.
#[must_use]
pub fn s3_event_message(keys: &[&str]) -> String {
    let record = |key: &&str| {
        serde_json::json!({
            "eventVersion": "2.1",
            "eventName": "ObjectCreated:Put",
            "s3": {
                "bucket": { "name": "in" },
                "object": { "key": key, "size": 1, "eTag": job::recording::short_digest(key.as_bytes()) },
            },
        })
    };
    let records: Vec<_> = keys.iter().map(record).collect();
    serde_json::json!({ "Records": records }).to_string()
}

#[cfg(test)]
mod tests {
    use job::message::{Request, parse};

    use super::*;

    #[tokio::test]
    async fn a_recording_is_a_file_unless_its_name_says_otherwise() {
        let scratch = tempfile::tempdir().unwrap();
        let fetch = async |name: &str| {
            let source = SourceUri::S3 { bucket: "in".to_owned(), key: format!("live/{name}") };
            let identity = Identity::Content { sha256: "ab".repeat(32) };
            FakeRecordings.fetch(&source, &identity, scratch.path()).await
        };
        assert_eq!(std::fs::read(fetch("a.flv").await.unwrap()).unwrap(), b"a.flv");
        assert!(matches!(fetch("missing.flv").await, Err(FetchError::Missing(_))));
        assert!(matches!(fetch("unavailable.flv").await, Err(FetchError::Unavailable(..))));
    }

    #[test]
    fn messages_ask_for_what_they_name() {
        let Request::Publish(recordings) = parse(&s3_event_message(&["a.flv", "b/c.flv"])).unwrap()
        else {
            panic!("it asks for recordings");
        };
        let sources: Vec<String> =
            recordings.iter().map(|recording| recording.source.to_string()).collect();
        assert_eq!(sources, ["s3://in/a.flv", "s3://in/b/c.flv"]);
        assert_ne!(recordings[0].identity, recordings[1].identity);
        let Request::Publish(recordings) = parse(&recording_message("a").to_body()).unwrap() else {
            panic!("it asks for a recording");
        };
        assert_eq!(recordings, [recording_message("a").recording().unwrap()]);
    }
}
