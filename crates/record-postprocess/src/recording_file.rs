//! A recording must be a plain file of its own: whoever can write to nginx's directory could otherwise have any file published,
//! or the hook wait for ever.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::time::Duration;

use job::ports::Clock as _;
use local::SystemClock;
use rustix::fs::{Mode, OFlags};
use thiserror::Error;

/// What a recording must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Irregular {
    /// A symbolic link.
    #[error("a symbolic link")]
    Symlink,
    /// A file that has another name somewhere.
    #[error("a file with more than one name (hard links)")]
    HardLink,
    /// A named pipe.
    #[error("a pipe")]
    Pipe,
    /// A directory, a socket or a device.
    #[error("not a regular file")]
    Other,
}

/// Looks at what a path names, links not followed.
pub fn check(metadata: &Metadata) -> Result<(), Irregular> {
    let kind = metadata.file_type();
    if kind.is_symlink() {
        return Err(Irregular::Symlink);
    }
    if kind.is_fifo() {
        return Err(Irregular::Pipe);
    }
    if !kind.is_file() {
        return Err(Irregular::Other);
    }
    if metadata.nlink() > 1 {
        return Err(Irregular::HardLink);
    }
    Ok(())
}

/// Opens what lies at `path` for reading without following a link or waiting for a pipe. What was opened is still to be checked.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

/// Whether a file has not changed for a while. A clock that was set back must not keep it for ever, so a time far in the future
/// counts as well.
pub fn is_settled(metadata: &Metadata, settle: Duration) -> bool {
    let Ok(modified) = metadata.modified() else {
        return false;
    };
    let since = SystemClock.now().duration_since(modified);
    since.unwrap_or_else(|future| future.duration()) >= settle
}
