//! The spool: where recordings are safe from nginx, and wait until they are delivered.
//!
//! ```text
//! <spool>/<nanoseconds since 1970>-<process id>/recording.flv, job.json
//! <spool>/rejected/<entry>/...                  without a frame; for people to look at and delete
//! ```
//!
//! Entries that are delivered stay, for their recording is the worker's source.
//!
//! Where nginx and the worker run as different users, the spool belongs to nginx's user and to a group that the worker is in, and
//! hands that group on (`install -d -m 2750 -o www-data -g rec2vod DIR`).

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use job::ports::Clock as _;
use local::SystemClock;

use crate::entry::{Entry, read_job};
use crate::error::Error;
use crate::names::as_text;
use crate::settings::SettingsError;

const REJECTED: &str = "rejected";

/// The worker's user reads the recordings through the directory's group.
const MODE: u32 = 0o750;

/// An existing spool directory.
#[derive(Debug)]
pub struct Spool {
    directory: PathBuf,
}

impl Spool {
    /// Opens the spool, and makes its directory if only that is missing.
    pub fn open(directory: &Path) -> Result<Self, SettingsError> {
        let unusable = |reason: String| SettingsError::Spool { path: directory.to_owned(), reason };
        make_directory(directory).map_err(|error| unusable(error.to_string()))?;
        let directory = fs::canonicalize(directory).map_err(|error| unusable(error.to_string()))?;
        if directory.to_str().is_none() {
            return Err(unusable("messages can only carry names in UTF-8".to_owned()));
        }
        Ok(Self { directory })
    }

    /// Its directory, absolute and without links.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes an entry, locked.
    pub fn create_entry(&self) -> Result<Entry, Error> {
        loop {
            let now = SystemClock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let name = format!("{:020}-{}", now.as_nanos(), std::process::id());
            let directory = self.directory.join(name);
            match DirBuilder::new().mode(MODE).create(&directory) {
                Ok(()) => return Entry::lock(directory),
                // A process of another PID namespace was here in the same nanosecond.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("making", &directory)(error)),
            }
        }
    }

    /// The directories of all entries but the rejected ones, oldest first.
    pub fn entries(&self) -> Result<Vec<PathBuf>, Error> {
        entries_of(&self.directory)
    }

    /// The directories of the rejected entries, oldest first.
    pub fn rejected_entries(&self) -> Result<Vec<PathBuf>, Error> {
        let rejected = self.directory.join(REJECTED);
        if rejected.is_dir() { entries_of(&rejected) } else { Ok(Vec::new()) }
    }

    /// The newest entry of the recording that lay at `path`; rejected ones count.
    pub fn find(&self, path: &Path) -> Result<Option<PathBuf>, Error> {
        let path = as_text(path.as_os_str());
        // In this order, one that is put aside meanwhile is not missed.
        let mut entries = self.entries()?;
        entries.extend(self.rejected_entries()?);
        entries.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
        let is_of_path =
            |entry: &PathBuf| matches!(read_job(entry), Ok(Some(job)) if job.path == path);
        Ok(entries.into_iter().rev().find(is_of_path))
    }

    /// Moves an entry among the rejected ones.
    pub fn put_aside(&self, entry: Entry) -> Result<(), Error> {
        let rejected = self.directory.join(REJECTED);
        make_directory(&rejected).map_err(Error::io("making", &rejected))?;
        entry.move_into(&rejected)?;
        sync_directory(&rejected)?;
        self.sync()
    }

    /// Puts the list of entries on disk.
    pub fn sync(&self) -> Result<(), Error> {
        sync_directory(&self.directory)
    }
}

/// Puts the names in a directory on disk.
pub fn sync_directory(directory: &Path) -> Result<(), Error> {
    let sync = || File::open(directory)?.sync_all();
    sync().map_err(Error::io("syncing", directory))
}

fn make_directory(directory: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(MODE).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

fn entries_of(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let read = || {
        let mut entries = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let is_ours =
                entry.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit);
            if is_ours && entry.file_type()?.is_dir() {
                entries.push(entry.path());
            }
        }
        entries.sort();
        Ok(entries)
    };
    read().map_err(Error::io("listing", directory))
}
