//! What can go wrong with media, and whose fault it is.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::cmaf::CmafError;

/// What can go wrong with media. A message does not contain its source: who prints it prints the chain.
#[derive(Debug, Error)]
pub enum MediaError {
    /// The recording cannot be published, whoever tries. The sentence is for people.
    #[error("{0}")]
    Refused(String),
    /// A file could not be read or written.
    #[error("{path}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A library call failed that should not have.
    #[error("{doing} failed")]
    Ffmpeg {
        /// What was being done.
        doing: &'static str,
        /// What the library said.
        source: ffmpeg_next::Error,
    },
    /// There is nothing published where it was looked for.
    #[error("there is no presentation: {0} does not exist")]
    NoPresentation(String),
    /// A published object could not be asked for; it may be there another time.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// Where the object should be.
        url: String,
        /// What kept us from it.
        reason: String,
    },
    /// Boxes could not be written, or what was published is not what it should be.
    #[error(transparent)]
    Cmaf(#[from] CmafError),
    /// The plan and the recording do not fit together: the recording has changed, or the plan is of another one.
    #[error("the recording does not fit its plan: {0}")]
    PlanMismatch(String),
}

impl MediaError {
    /// True if the input is at fault and no other attempt can help.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// Wraps a library's error with what was being done.
    pub(crate) fn ffmpeg(doing: &'static str) -> impl Fn(ffmpeg_next::Error) -> Self {
        move |source| Self::Ffmpeg { doing, source }
    }

    /// Wraps a file's error with its path.
    pub(crate) fn file(path: &std::path::Path) -> impl Fn(io::Error) -> Self + '_ {
        move |source| Self::File { path: path.to_owned(), source }
    }
}
