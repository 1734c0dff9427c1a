//! What `SQLite` and the file system say, as what a user of the queue can act upon.

use std::io;
use std::path::Path;

use job::ports::QueueError;
use rusqlite::ErrorCode;

use crate::durable;

/// Sorts an error of `SQLite` into what waiting may mend and what it does not.
pub(super) fn explain(url: &str, failure: &rusqlite::Error) -> QueueError {
    let reason = |text: &str| text.to_owned();
    match failure.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            unusable(url, reason("the file is not an SQLite database; name another file"))
        }
        Some(ErrorCode::DatabaseCorrupt) => unusable(
            url,
            reason("the database is damaged; move it away and enqueue its recordings again"),
        ),
        Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
            unusable(
                url,
                format!(
                    "{failure}; this user needs to read and write the file, and to write to its directory"
                ),
            )
        }
        Some(ErrorCode::DiskFull) => unavailable(url, reason("the disk is full; free some space")),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            unavailable(url, reason("another process has held its lock for seconds"))
        }
        Some(ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory) => {
            unavailable(url, failure.to_string())
        }
        // Everything else is a statement that does not fit the tables.
        _ => unusable(url, failure.to_string()),
    }
}

/// The same for an error of the file system while the database at `path` was looked for or created.
pub(super) fn explain_io(url: &str, path: &Path, failure: &io::Error) -> QueueError {
    let directory = durable::parent_of(path).display();
    match failure.kind() {
        io::ErrorKind::NotFound => {
            unusable(url, format!("there is no directory {directory}; create it"))
        }
        io::ErrorKind::NotADirectory => unusable(url, format!("{directory} is not a directory")),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            unusable(url, format!("this user may not write to the directory {directory}"))
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            unavailable(url, "the disk is full; free some space".to_owned())
        }
        _ => unavailable(url, failure.to_string()),
    }
}

pub(super) fn unusable(url: &str, reason: String) -> QueueError {
    QueueError::Unusable { queue: url.to_owned(), reason }
}

fn unavailable(url: &str, reason: String) -> QueueError {
    QueueError::Unavailable { queue: url.to_owned(), reason }
}
