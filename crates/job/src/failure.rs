//! How a job ends when it cannot be published. Whoever meets the error decides, by type, whether trying again can help.

use std::error::Error as StdError;
use std::fmt;

/// A job that did not end in a publication.
#[derive(Debug)]
pub struct Failure {
    /// What happens to the message.
    pub decision: Decision,
    /// The step that failed.
    pub step: Step,
    /// Why, as one sentence for people.
    pub source: Box<dyn StdError + Send + Sync>,
}

/// What happens to the message of a failed job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The world is at fault; the message becomes visible again after a delay.
    Retry,
    /// The input is at fault; the message goes to the dead letters with the reason.
    Reject,
    /// The job was told to stop (shutdown, or its lease was lost); nothing is known against the input.
    HandBack,
}

/// The steps of a job, by the type that each produces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reading the message.
    Request,
    /// Looking for a publication that is there already.
    Claim,
    /// Getting the recording.
    Fetch,
    /// Finding its frames.
    Index,
    /// Planning.
    Plan,
    /// Encoding a chunk or the audio.
    Encode,
    /// Uploading and committing a chunk or the audio.
    Commit,
    /// Checking the result.
    Check,
    /// Writing playlists and the done marker.
    Publish,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request",
            Self::Claim => "claim",
            Self::Fetch => "fetch",
            Self::Index => "index",
            Self::Plan => "plan",
            Self::Encode => "encode",
            Self::Commit => "commit",
            Self::Check => "check",
            Self::Publish => "publish",
        })
    }
}

impl Failure {
    /// The world is at fault.
    pub fn retry(step: Step, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { decision: Decision::Retry, step, source: source.into() }
    }

    /// The input is at fault.
    pub fn reject(step: Step, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { decision: Decision::Reject, step, source: source.into() }
    }

    /// The job was told to stop.
    pub fn hand_back(step: Step, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { decision: Decision::HandBack, step, source: source.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.source()
    }
}
