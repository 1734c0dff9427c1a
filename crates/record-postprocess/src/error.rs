//! What can go wrong, as exit codes tell it apart.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::connection::DeliveryError;
use crate::recording_file::Irregular;
use crate::settings::SettingsError;

/// Why a command did not do all that it was asked for.
#[derive(Debug, Error)]
pub enum Error {
    /// Arguments or settings make no sense; nothing was touched.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The spool cannot be reached by rename(2).
    #[error(
        "{path:?} and the spool {spool:?} are on different file systems, and recordings are not copied: set spool to a \
         directory on the file system of the recordings; the recording was left where it is"
    )]
    OtherFileSystem {
        /// The recording.
        path: PathBuf,
        /// The spool.
        spool: PathBuf,
    },
    /// What was announced is not there, and was not announced before.
    #[error("there is no recording at {0:?}, and the spool has none from there")]
    NoRecording(PathBuf),
    /// What was announced is not a plain file.
    #[error("{path:?} is refused: it is {reason}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        reason: Irregular,
    },
    /// Somebody still writes to the recording.
    #[error("{0:?} is still being written to: sweep delivers it from the spool once it is closed")]
    StillWritten(PathBuf),
    /// The recording is in the spool, and no worker knows of it.
    #[error("the recording waits in the spool until sweep can deliver it: {0}")]
    Undelivered(#[source] DeliveryError),
    /// A newer release of this program wrote the entry.
    #[error(
        "{entry:?} is of version {version}, which a newer release wrote: use the same release everywhere"
    )]
    NewerEntry {
        /// The entry's `job.json`.
        entry: PathBuf,
        /// Its version.
        version: u32,
    },
    /// Some entries, or the directory of recordings, could not be treated; the log has a line on each.
    #[error("{0} recordings or directories could not be treated, the log says why")]
    Failures(usize),
    /// The file system refused something.
    #[error("{operation} {path:?} failed: {source}")]
    Io {
        /// What was done to the path.
        operation: &'static str,
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Standard output could not be written.
    #[error("standard output: {0}")]
    Output(#[source] io::Error),
}

impl Error {
    /// The exit code, after sysexits.h where there is one: 2 usage or settings, 65 refused, 66 no recording, 74 the file system,
    /// 75 in the spool and not delivered yet. What stays undelivered until somebody changes the settings is 2, too.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) | Self::OtherFileSystem { .. } => 2,
            Self::Undelivered(error) if !error.may_pass() => 2,
            Self::Refused { .. } => 65,
            Self::NoRecording(_) => 66,
            Self::StillWritten(_) | Self::Undelivered(_) => 75,
            Self::NewerEntry { .. } | Self::Failures(_) | Self::Io { .. } | Self::Output(_) => 74,
        }
    }

    /// For `map_err`: what was done, and to what.
    pub fn io<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { operation, path: path.to_owned(), source }
    }
}
