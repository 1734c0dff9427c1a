//! `transcoder enqueue`: recordings into the queue by hand.

use std::io::Write;
use std::path::Path;
use std::time::UNIX_EPOCH;

use job::message::{MessageType, RecordingMessage, VERSION};
use job::ports::Queue;
use serde::Serialize;

use crate::args::{Enqueue, SettingsFile};
use crate::recording::LocalFile;
use crate::settings::{FileSettings, profile, required};
use crate::{lifecycle, wire};

#[derive(Serialize)]
struct Enqueued {
    file: String,
    message_id: String,
}

impl Enqueue {
    /// Runs the command.
    pub fn run(self, file: &SettingsFile) -> anyhow::Result<()> {
        let queue = required(self.queue.clone().or(FileSettings::read(file)?.queue), "queue")?;
        let queue = wire::queue(&queue)?;
        if let Some(name) = &self.profile {
            profile(name)?;
        }
        let mut enqueued = Vec::new();
        let runtime = lifecycle::runtime()?;
        for path in &self.files {
            let message = self.message(path)?;
            let message_id = runtime.block_on(queue.send(&message.to_body()))?;
            enqueued.push(Enqueued { file: message.source, message_id });
        }
        let mut out = std::io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &enqueued)?;
            return Ok(writeln!(out)?);
        }
        for Enqueued { file, message_id } in &enqueued {
            writeln!(out, "{file} enqueued as message {message_id}")?;
        }
        Ok(())
    }

    fn message(&self, path: &Path) -> anyhow::Result<RecordingMessage> {
        let file = LocalFile::open(path)?;
        let modified = std::fs::metadata(&file.path)?.modified()?;
        let session = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let stem = file
            .path
            .file_stem()
            .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        Ok(RecordingMessage {
            r#type: MessageType::Recording,
            version: VERSION,
            source: format!("file://{}", file.path_text()?),
            size: file.size,
            sha256: file.sha256,
            app: self.app.clone(),
            stream: stem,
            session: session.to_string(),
            part: 1,
            profile: self.profile.clone(),
        })
    }
}
