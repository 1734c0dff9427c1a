//! The directory in which a job works, and what dead predecessors left of theirs.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

const PREFIX: &str = "job-";
const LOCK: &str = ".lock";

/// A directory that is removed when dropped, whatever became of the job. It is locked while it is in use, so that a later process can tell
/// what a killed one left behind (`flock` ends with the process, a process id may come again).
#[derive(Debug)]
pub struct Workdir {
    path: PathBuf,
    _lock: File,
}

impl Workdir {
    /// Makes a directory below `root`, which is made too.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(root: &Path) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        fs::create_dir_all(root)?;
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = root.join(format!("{PREFIX}{}-{number}", process::id()));
            match fs::create_dir(&path) {
                // Left by a predecessor of the same process id that could not be removed.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    let lock = File::create_new(path.join(LOCK))?;
                    lock.lock()?;
                    return Ok(Self { path, _lock: lock });
                }
            }
        }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes an empty directory in it; what was there of the same name is removed.
    ///
    /// # Errors
    /// What the file system says.
    pub fn subdirectory(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir(&path)?,
        }
        Ok(path)
    }
}

impl Drop for Workdir {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            crate::events::workdir_not_removed(&self.path, &error);
        }
    }
}

/// Removes the directories of workers that are no more. What is locked is in use; what cannot be removed stays.
///
/// # Errors
/// If `root` is there and cannot be read.
pub fn remove_stale(root: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let is_job = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if !is_job || !entry.file_type()?.is_dir() || is_locked(&entry.path()) {
            continue;
        }
        match fs::remove_dir_all(entry.path()) {
            Ok(()) => crate::events::stale_workdir_removed(&entry.path()),
            Err(error) => crate::events::workdir_not_removed(&entry.path(), &error),
        }
    }
    Ok(())
}

/// No lock file means that its maker died, or is just about to make it: only the latter is young.
fn is_locked(workdir: &Path) -> bool {
    const TIME_TO_LOCK: std::time::Duration = std::time::Duration::from_mins(1);
    match File::open(workdir.join(LOCK)) {
        Ok(file) => matches!(file.try_lock(), Err(TryLockError::WouldBlock)),
        Err(_) => fs::metadata(workdir)
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|made| made.elapsed().is_ok_and(|age| age < TIME_TO_LOCK)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workdir_goes_when_its_job_ends() {
        let root = tempfile::tempdir().unwrap();
        let workdir = Workdir::create(root.path()).unwrap();
        let other = Workdir::create(root.path()).unwrap();
        assert_ne!(workdir.path(), other.path());
        let chunk = workdir.subdirectory("chunk").unwrap();
        fs::write(chunk.join("segment"), "x").unwrap();
        let again = workdir.subdirectory("chunk").unwrap();
        assert_eq!(fs::read_dir(again).unwrap().count(), 0, "it is empty again");
        let path = workdir.path().to_owned();
        drop(workdir);
        assert!(!path.exists() && other.path().exists());
    }

    #[test]
    fn only_what_the_dead_left_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let living = Workdir::create(root.path()).unwrap();
        let dead = root.path().join("job-1-0");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        let young = root.path().join("job-2-0");
        fs::create_dir(&young).unwrap();
        let foreign = root.path().join("recordings");
        fs::create_dir(&foreign).unwrap();
        remove_stale(root.path()).unwrap();
        assert!(!dead.exists(), "nobody holds its lock");
        assert!(living.path().exists() && young.exists() && foreign.exists());
        remove_stale(&root.path().join("missing")).unwrap();
    }
}
