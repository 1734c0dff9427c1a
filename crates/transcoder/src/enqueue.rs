//! `transcoder enqueue`: recordings into the queue by hand.

use std::io::Write;
use std::path::Path;
use std::time::UNIX_EPOCH;

use job::message::{MessageType, ObjectMessage, ObjectMessageType, RecordingMessage, VERSION};
use serde::Serialize;

use crate::args::{Enqueue, SettingsFile};
use crate::exit::Usage;
use crate::lifecycle;
use crate::output::print;
use crate::places::QueuePlace;
use crate::recording::{GivenRecording, LocalFile};
use crate::settings::{FileSettings, profile, required};
use crate::wire::Wiring;

#[derive(Serialize)]
struct Enqueued {
    recording: String,
    message_id: String,
}

impl Enqueue {
    /// Runs the command.
    pub fn run(self, file: &SettingsFile) -> anyhow::Result<()> {
        let file = FileSettings::read(file)?;
        let queue = required(self.queue.clone().or(file.queue), "queue")?.parse()?;
        if let Some(name) = &self.profile {
            profile(name)?;
        }
        let wiring = Wiring::new(file.expected_owner);
        lifecycle::runtime()?.block_on(self.send(&queue, &wiring))
    }

    /// Sends one message after the other, and tells of each when it is sent: what comes later may fail.
    async fn send(&self, place: &QueuePlace, wiring: &Wiring) -> anyhow::Result<()> {
        let queue = wiring.queue(place).await?.port();
        for given in &self.recordings {
            let given = GivenRecording::look(given, wiring).await?;
            let body = match &given {
                GivenRecording::File(file) => self.file(file, place)?.to_body(),
                GivenRecording::Object { bucket, key, size, version } => ObjectMessage {
                    r#type: ObjectMessageType::Object,
                    version: VERSION,
                    bucket: bucket.clone(),
                    key: key.clone(),
                    size: *size,
                    object_version: version.clone(),
                    profile: self.profile.clone(),
                }
                .to_body(),
            };
            let message_id = queue.send(&body).await?;
            self.tell(&Enqueued { recording: given.source()?.to_string(), message_id })?;
        }
        Ok(())
    }

    fn tell(&self, enqueued: &Enqueued) -> anyhow::Result<()> {
        let mut out = Vec::new();
        if self.json {
            serde_json::to_writer(&mut out, enqueued)?;
            writeln!(out)?;
        } else {
            let Enqueued { recording, message_id } = enqueued;
            writeln!(out, "{recording} enqueued as message {message_id}")?;
        }
        Ok(print(&out)?)
    }

    fn file(&self, file: &LocalFile, queue: &QueuePlace) -> anyhow::Result<RecordingMessage> {
        let path = file.path_text()?;
        if let QueuePlace::Sqs(_) = queue {
            let reason = "its workers read S3: upload it and enqueue s3://bucket/key";
            return Err(Usage(format!("{path} cannot go through a queue in SQS, {reason}")).into());
        }
        let modified = std::fs::metadata(&file.path)?.modified()?;
        let session = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Ok(RecordingMessage {
            r#type: MessageType::Recording,
            version: VERSION,
            source: format!("file://{path}"),
            size: file.size,
            sha256: file.sha256.clone(),
            app: self.app.clone(),
            stream: stem(&file.path),
            session: session.to_string(),
            part: 1,
            profile: self.profile.clone(),
        })
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}
