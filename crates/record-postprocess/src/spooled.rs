//! The step that must not fail, and is therefore the shortest: from nginx's directory into the spool, durably.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::announced::Announced;
use crate::entry::Entry;
use crate::error::Error;
use crate::job_file::{JobFile, State};
use crate::recording_file::{self, Irregular};
use crate::spool::{Spool, sync_directory};

/// A recording that is safe in the spool, with all that is known of it.
#[derive(Debug)]
pub struct Spooled {
    /// Its entry.
    pub entry: Entry,
    /// What is known of it.
    pub job: JobFile,
    /// Its bytes.
    pub recording: File,
}

impl Announced {
    /// Moves the recording into the spool and puts it on disk. What cannot be moved is left where it is.
    ///
    /// Its names are written before it is moved, so that a kill at any moment leaves either the recording where it was or both in
    /// the spool; but nothing is synced before, so that it leaves nginx's reach (truncation, with `record_unique off`) at once.
    pub fn spool(self, spool: &Spool) -> Result<Spooled, Error> {
        let metadata =
            fs::symlink_metadata(&self.path).map_err(|error| missing(&self.path, error))?;
        recording_file::check(&metadata).map_err(|reason| refused(&self.path, reason))?;
        let modified = metadata.modified().map_err(Error::io("reading", &self.path))?;
        let job = JobFile::announced(&self, modified);
        let entry = spool.create_entry()?;
        if let Err(error) = take(&entry, &job, &self.path, spool) {
            // What is left would be removed by a sweep.
            let _ = entry.remove();
            return Err(error);
        }
        let spooled = Spooled::make_durable(entry, job, spool)?;
        if let Some(parent) = self.path.parent() {
            sync_directory(parent)?;
        }
        tracing::info!(
            entry = spooled.entry.name(),
            path = spooled.job.path,
            app = spooled.job.app,
            stream = spooled.job.stream,
            session = spooled.job.session,
            recovered = spooled.job.recovered,
            "recording spooled"
        );
        Ok(spooled)
    }
}

impl Spooled {
    /// Takes up an entry that another process left, whose recording is in place but may not be on disk yet.
    pub fn resume(entry: Entry, app: &str, spool: &Spool) -> Result<Self, Error> {
        let job = match entry.job()? {
            Some(job) => job,
            None => nameless(&entry, app)?,
        };
        Self::make_durable(entry, job, spool)
    }

    fn make_durable(entry: Entry, job: JobFile, spool: &Spool) -> Result<Self, Error> {
        let path = entry.recording();
        let recording = match open_checked(&path).map_err(Error::io("opening", &path))? {
            Ok(recording) => recording,
            // Somebody exchanged it between the first look and the move.
            Err(reason) => {
                reject(entry, job, format!("it is {reason}"), spool)?;
                return Err(Error::Refused { path, reason });
            }
        };
        entry.sync()?;
        recording.sync_all().map_err(Error::io("syncing", &path))?;
        spool.sync()?;
        Ok(Self { entry, job, recording })
    }
}

/// Puts an entry aside that is not worth a job, with the reason.
pub fn reject(entry: Entry, mut job: JobFile, reason: String, spool: &Spool) -> Result<(), Error> {
    tracing::warn!(
        entry = entry.name(),
        path = job.path,
        stream = job.stream,
        reason,
        "recording rejected"
    );
    job.state = State::Rejected { reason };
    entry.replace_job(&job)?;
    spool.put_aside(entry)
}

fn take(entry: &Entry, job: &JobFile, path: &Path, spool: &Spool) -> Result<(), Error> {
    entry.write_job(job)?;
    fs::rename(path, entry.recording()).map_err(|error| match error.kind() {
        io::ErrorKind::CrossesDevices => {
            Error::OtherFileSystem { path: path.to_owned(), spool: spool.directory().to_owned() }
        }
        _ => missing(path, error),
    })
}

fn open_checked(path: &Path) -> io::Result<Result<File, Irregular>> {
    if let Err(reason) = recording_file::check(&fs::symlink_metadata(path)?) {
        return Ok(Err(reason));
    }
    let file = recording_file::open(path)?;
    Ok(recording_file::check(&file.metadata()?).map(|()| file))
}

fn nameless(entry: &Entry, app: &str) -> Result<JobFile, Error> {
    let path = entry.recording();
    let modified = fs::symlink_metadata(&path).and_then(|metadata| metadata.modified());
    let modified = modified.map_err(Error::io("reading", &path))?;
    let job = JobFile::unnamed(&entry.name(), app, modified);
    tracing::warn!(
        entry = entry.name(),
        stream = job.stream,
        "job.json is lost or damaged: recording gets a name of its own"
    );
    entry.write_job(&job)?;
    Ok(job)
}

fn missing(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Error::NoRecording(path.to_owned())
        }
        _ => Error::io("moving", path)(error),
    }
}

fn refused(path: &Path, reason: Irregular) -> Error {
    Error::Refused { path: path.to_owned(), reason }
}
