//! Recordings that are files of this machine already.

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use job::ports::{FetchError, Recordings};
use job::recording::{Identity, SourceUri};
use tokio::fs;

/// Files of this machine, read where they lie.
///
/// Whoever can send a message can name any path, so the directories that recordings may come from can be listed, and a path
/// whose last component is a symbolic link is refused everywhere.
#[derive(Clone, Debug, Default)]
pub struct LocalRecordings {
    allowed: Vec<PathBuf>,
}

impl LocalRecordings {
    /// Recordings below any of the directories; below any directory at all if the list is empty.
    #[must_use]
    pub fn new(allowed: Vec<PathBuf>) -> Self {
        Self { allowed }
    }

    /// Where the file really lies must be below an allowed directory, whatever links led there.
    async fn is_allowed(&self, parent: &Path) -> bool {
        if self.allowed.is_empty() {
            return true;
        }
        for directory in &self.allowed {
            // A listed directory that is not there (yet) allows nothing.
            let Ok(directory) = fs::canonicalize(directory).await else {
                continue;
            };
            if parent.starts_with(directory) {
                return true;
            }
        }
        false
    }
}

#[async_trait]
impl Recordings for LocalRecordings {
    async fn fetch(
        &self,
        source: &SourceUri,
        _identity: &Identity,
        _scratch: &Path,
    ) -> Result<PathBuf, FetchError> {
        let refused = |reason: &str| FetchError::Refused(source.clone(), reason.to_owned());
        let SourceUri::File(path) = source else {
            return Err(refused("it is not a file of this machine"));
        };
        let path = Path::new(path);
        let (true, Some(parent), Some(_)) = (path.is_absolute(), path.parent(), path.file_name())
        else {
            return Err(refused("it is not the absolute path of a file"));
        };
        let real_parent = fs::canonicalize(parent).await.map_err(|e| unreadable(source, &e))?;
        if !self.is_allowed(&real_parent).await {
            return Err(refused("it is outside of the directories that recordings may come from"));
        }
        let metadata = fs::symlink_metadata(path).await.map_err(|e| unreadable(source, &e))?;
        if metadata.is_symlink() {
            return Err(refused("it is a symbolic link"));
        }
        if !metadata.is_file() {
            return Err(refused("it is not a regular file"));
        }
        Ok(path.to_owned())
    }
}

fn unreadable(source: &SourceUri, error: &io::Error) -> FetchError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            FetchError::Missing(source.clone())
        }
        io::ErrorKind::PermissionDenied => FetchError::Refused(source.clone(), error.to_string()),
        _ => FetchError::Unavailable(source.clone(), error.to_string()),
    }
}
