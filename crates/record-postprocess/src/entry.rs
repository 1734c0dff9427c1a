//! One entry of the spool: a directory with the recording and its `job.json`, worked on by one process at a time.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::Error;
use crate::job_file::{JobFile, VERSION};

const RECORDING: &str = "recording.flv";
const JOB: &str = "job.json";
const JOB_DRAFT: &str = "job.json.tmp";

/// An entry that no other process of ours works on.
#[derive(Debug)]
pub struct Entry {
    directory: PathBuf,
    /// The directory itself, with flock(2): the lock ends with the process and needs no file that could be left over.
    lock: File,
}

impl Entry {
    /// Locks an entry that this process has just made. Only a sweep that looks into it could hold it, for a moment.
    pub fn lock(directory: PathBuf) -> Result<Self, Error> {
        let lock = File::open(&directory).map_err(Error::io("opening", &directory))?;
        lock.lock().map_err(Error::io("locking", &directory))?;
        Ok(Self { directory, lock })
    }

    /// Locks an entry that was found; `None` if another process works on it or has just moved it away.
    pub fn try_lock(directory: PathBuf) -> Result<Option<Self>, Error> {
        let lock = match File::open(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result.map_err(Error::io("opening", &directory))?,
        };
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(Error::io("locking", &directory)(error)),
        }
        let locked = lock.metadata().map_err(Error::io("reading", &directory))?;
        let is_still_there = fs::metadata(&directory)
            .is_ok_and(|now| (now.dev(), now.ino()) == (locked.dev(), locked.ino()));
        Ok(is_still_there.then_some(Self { directory, lock }))
    }

    /// The entry's name in the spool.
    pub fn name(&self) -> String {
        let name = self.directory.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Where its recording lies, or will lie.
    pub fn recording(&self) -> PathBuf {
        recording_of(&self.directory)
    }

    /// What it knows of its recording; `None` if that is missing or damaged.
    pub fn job(&self) -> Result<Option<JobFile>, Error> {
        read_job(&self.directory)
    }

    /// Writes `job.json` as a whole or not at all, if the machine stays up: [`sync`](Self::sync) is still to come.
    pub fn write_job(&self, job: &JobFile) -> Result<(), Error> {
        self.write_draft(job)?;
        self.publish_draft()
    }

    /// Replaces `job.json` durably: after a power cut the old or the new one is there.
    pub fn replace_job(&self, job: &JobFile) -> Result<(), Error> {
        let draft = self.write_draft(job)?;
        draft.sync_all().map_err(Error::io("syncing", &self.directory))?;
        self.publish_draft()?;
        self.lock.sync_all().map_err(Error::io("syncing", &self.directory))
    }

    /// Puts `job.json` and the entry's directory on disk.
    pub fn sync(&self) -> Result<(), Error> {
        let job = self.directory.join(JOB);
        File::open(&job).and_then(|job| job.sync_all()).map_err(Error::io("syncing", &job))?;
        self.lock.sync_all().map_err(Error::io("syncing", &self.directory))
    }

    /// Deletes the recording; `job.json` stays.
    pub fn remove_recording(&self) -> Result<(), Error> {
        let recording = self.recording();
        fs::remove_file(&recording).map_err(Error::io("removing", &recording))
    }

    /// Removes an entry that has no recording.
    pub fn remove(self) -> Result<(), Error> {
        for file in [JOB, JOB_DRAFT] {
            match fs::remove_file(self.directory.join(file)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io("removing", &self.directory)(error));
                }
                _ => {}
            }
        }
        fs::remove_dir(&self.directory).map_err(Error::io("removing", &self.directory))
    }

    /// Moves the entry as a whole into another directory of the spool.
    pub fn move_into(self, directory: &Path) -> Result<(), Error> {
        let target = directory.join(self.name());
        fs::rename(&self.directory, &target).map_err(Error::io("moving", &self.directory))
    }

    fn write_draft(&self, job: &JobFile) -> Result<File, Error> {
        let path = self.directory.join(JOB_DRAFT);
        let write = || {
            let mut options = File::options();
            let mut draft =
                options.write(true).create(true).truncate(true).mode(0o640).open(&path)?;
            let mut text = serde_json::to_vec_pretty(job)?;
            text.push(b'\n');
            draft.write_all(&text)?;
            Ok(draft)
        };
        write().map_err(Error::io("writing", &path))
    }

    fn publish_draft(&self) -> Result<(), Error> {
        let draft = self.directory.join(JOB_DRAFT);
        fs::rename(&draft, self.directory.join(JOB)).map_err(Error::io("renaming", &draft))
    }
}

/// Where the recording of an entry lies.
pub fn recording_of(entry: &Path) -> PathBuf {
    entry.join(RECORDING)
}

/// What an entry knows of its recording; `None` if that is missing or damaged, as after a power cut.
pub fn read_job(entry: &Path) -> Result<Option<JobFile>, Error> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let path = entry.join(JOB);
    let text = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result.map_err(Error::io("reading", &path))?,
    };
    match serde_json::from_slice(&text) {
        Ok(Versioned { version }) if version > VERSION => {
            Err(Error::NewerEntry { entry: path, version })
        }
        _ => Ok(serde_json::from_slice(&text).ok()),
    }
}
