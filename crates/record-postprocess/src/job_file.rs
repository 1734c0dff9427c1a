//! `job.json`: what an entry of the spool knows about its recording.

use std::time::{SystemTime, UNIX_EPOCH};

use job::message::{MessageType, RecordingMessage, VERSION as MESSAGE_VERSION};
use job::ports::Clock as _;
use local::SystemClock;
use serde::{Deserialize, Serialize};

use crate::announced::Announced;
use crate::names::as_text;

/// Version of the shape below.
pub const VERSION: u32 = 1;

/// The content of `job.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFile {
    /// [`VERSION`] of the writer.
    pub version: u32,
    /// Where the recording lay.
    pub path: String,
    /// nginx's application.
    pub app: String,
    /// The stream's name, raw.
    pub stream: String,
    /// The broadcast: epoch seconds.
    pub session: String,
    /// Found by sweep rather than announced.
    pub recovered: bool,
    /// Epoch seconds of the announcement.
    pub announced_at: u64,
    /// How far it came.
    #[serde(flatten)]
    pub state: State,
}

/// How far a recording came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Announced; the recording is beside this file, or about to be.
    Spooled,
    /// A worker can read it, and is told so.
    Delivered {
        /// Our message's id in the queue; `None` if an event of S3 replaces it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message_id: Option<String>,
        /// Where it lies in S3; `None` if the recording beside this file is what the worker reads.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        object: Option<String>,
        /// Length of the recording in bytes.
        size: u64,
        /// SHA-256 of the recording, lower-case hexadecimal.
        sha256: String,
        /// Epoch seconds.
        delivered_at: u64,
    },
    /// Not worth a job.
    Rejected {
        /// Why, one sentence.
        reason: String,
    },
}

impl JobFile {
    /// The job of an announced recording that was last written to at `modified`.
    pub fn announced(announced: &Announced, modified: SystemTime) -> Self {
        let session = announced.session.clone();
        Self {
            version: VERSION,
            path: as_text(announced.path.as_os_str()),
            app: announced.app.clone(),
            stream: announced.stream.clone(),
            session: session.unwrap_or_else(|| epoch_seconds(modified).to_string()),
            recovered: announced.recovered,
            announced_at: epoch_seconds(SystemClock.now()),
            state: State::Spooled,
        }
    }

    /// The job of a recording whose `job.json` did not survive a power cut; the entry's name stands for the stream's.
    pub fn unnamed(entry: &str, app: &str, modified: SystemTime) -> Self {
        Self {
            version: VERSION,
            path: String::new(),
            app: app.to_owned(),
            stream: format!("unnamed-{entry}"),
            session: epoch_seconds(modified).to_string(),
            recovered: true,
            announced_at: epoch_seconds(modified),
            state: State::Spooled,
        }
    }

    /// The message that asks for the recording at `source` to be published.
    pub fn message(&self, source: String, size: u64, sha256: String) -> RecordingMessage {
        RecordingMessage {
            r#type: MessageType::Recording,
            version: MESSAGE_VERSION,
            source,
            size,
            sha256,
            app: self.app.clone(),
            stream: self.stream.clone(),
            session: self.session.clone(),
            part: 1,
            profile: None,
        }
    }
}

/// Seconds since 1970; 0 before.
pub fn epoch_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_reads_as_documented() {
        let mut job = JobFile::unnamed("1", "live", UNIX_EPOCH);
        job.state = State::Rejected { reason: "the file is empty".to_owned() };
        let text = serde_json::to_string(&job).unwrap();
        assert_eq!(
            text,
            "{\"version\":1,\"path\":\"\",\"app\":\"live\",\"stream\":\"unnamed-1\",\"session\":\"0\",\"recovered\":true,\
             \"announced_at\":0,\"state\":\"rejected\",\"reason\":\"the file is empty\"}"
        );
        assert_eq!(serde_json::from_str::<JobFile>(&text).unwrap(), job);
    }
}
