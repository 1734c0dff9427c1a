//! From the spool to where a worker reads the recording, and to the queue that tells it so.

use job::ports::Clock as _;
use job::recording::{PresentationName, SourceUri};
use local::SystemClock;

use crate::connection::{Connection, DeliveryError};
use crate::described::Described;
use crate::entry::Entry;
use crate::error::Error;
use crate::job_file::{JobFile, State, epoch_seconds};
use crate::upload::Content;

/// A recording that lies where a worker reads it: in S3, which HEAD has confirmed, or in the spool.
#[derive(Debug)]
pub struct Placed {
    described: Described,
    source: SourceUri,
}

/// A recording whose message is in the queue, or whose upload was the message.
#[derive(Debug)]
pub struct Delivered {
    entry: Entry,
    job: JobFile,
}

impl Described {
    /// Uploads the recording if it does not stay in the spool.
    ///
    /// Where another recording has its name, its session becomes `<session>-<begin of SHA-256>`, for its message as well as for its key:
    /// two recordings are two presentations.
    pub fn place(mut self, connection: &Connection<'_>) -> Result<Placed, Error> {
        let JobFile { app, stream, session, .. } = &self.job;
        let file = self.entry.recording();
        let content = Content { file: &file, size: self.size, sha256: &self.sha256 };
        for session in [session.clone(), format!("{session}-{:.16}", self.sha256)] {
            let name = PresentationName::from_components([app.as_str(), stream, &session]);
            let stored = connection.store(name.as_str(), content).map_err(Error::Undelivered)?;
            if let Some(source) = stored {
                self.job.session = session;
                return Ok(Placed { described: self, source });
            }
            tracing::warn!(
                entry = self.entry.name(),
                name = name.as_str(),
                "another recording has the name"
            );
        }
        Err(Error::Undelivered(DeliveryError::Taken { session: session.clone() }))
    }
}

impl Placed {
    /// Sends the message, then notes it. After a crash in between it is sent again, with the same digest: one job for the worker.
    pub fn deliver(self, connection: &Connection<'_>) -> Result<Delivered, Error> {
        let Self { described: Described { entry, mut job, size, sha256 }, source } = self;
        let message = job.message(source.to_string(), size, sha256.clone());
        let message_id = connection.send(&message.to_body()).map_err(Error::Undelivered)?;
        tracing::info!(
            entry = entry.name(),
            stream = job.stream,
            session = job.session,
            size,
            sha256,
            recovered = job.recovered,
            source = %source,
            message_id,
            "recording delivered"
        );
        let object = matches!(source, SourceUri::S3 { .. }).then(|| source.to_string());
        let delivered_at = epoch_seconds(SystemClock.now());
        job.state = State::Delivered { message_id, object, size, sha256, delivered_at };
        entry.replace_job(&job)?;
        Ok(Delivered { entry, job })
    }
}

impl Delivered {
    /// An entry that another process left, if it is delivered.
    pub fn resume(entry: Entry, job: JobFile) -> Option<Self> {
        matches!(job.state, State::Delivered { .. }).then_some(Self { entry, job })
    }

    /// Deletes the recording here if S3 has it. Its `job.json` stays for a while, so that a second announcement is known as one.
    pub fn release(self) -> Result<(), Error> {
        match self.job.state {
            State::Delivered { object: Some(_), .. } => self.entry.remove_recording(),
            _ => Ok(()),
        }
    }
}
