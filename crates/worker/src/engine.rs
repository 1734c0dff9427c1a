//! The engine: everything that looks into a recording, as the worker sees it. The real one is [`crate::children::ChildProcesses`].

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use job::failure::{Failure, Step};
use job::plan::Chunk;
use job::report::{EncodedAudio, EncodedChunk, EncodedRendition, TakenPictures};
use job::source::SourceIndex;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

/// Told how many frames of its task are done so far: video frames of a chunk, AAC frames of the audio, pictures of the
/// storyboard.
pub type OnFrames<'a> = &'a (dyn Fn(u32) + Send + Sync);

/// One chunk to encode.
#[derive(Clone, Copy, Debug)]
pub struct ChunkTask<'a> {
    /// The recording, a local file.
    pub recording: &'a Path,
    /// `plan.json` as a local file.
    pub plan_file: &'a Path,
    /// The chunk of that plan.
    pub chunk: &'a Chunk,
    /// An empty directory for what comes out.
    pub output: &'a Path,
}

/// What is done once for a whole recording: its audio, its pictures, the copy that is published first.
#[derive(Clone, Copy, Debug)]
pub struct RecordingTask<'a> {
    /// The recording, a local file.
    pub recording: &'a Path,
    /// `plan.json` as a local file.
    pub plan_file: &'a Path,
    /// An empty directory for what comes out.
    pub output: &'a Path,
}

/// Looks into recordings. A call that is cancelled ends soon with [`EngineError::Cancelled`] and leaves nothing running.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Finds the frames of a recording. `scratch` is an empty directory for whatever is needed on the way.
    async fn index(
        &self,
        recording: &Path,
        scratch: &Path,
        cancel: &CancellationToken,
    ) -> Result<SourceIndex, EngineError>;

    /// Encodes one chunk into files of `task.output` that the result names.
    async fn encode_chunk(
        &self,
        task: &ChunkTask<'_>,
        progress: OnFrames<'_>,
        cancel: &CancellationToken,
    ) -> Result<EncodedChunk, EngineError>;

    /// Copies the source rendition of all chunks at once into files of `task.output` that the result names.
    async fn copy_source(
        &self,
        task: &RecordingTask<'_>,
        cancel: &CancellationToken,
    ) -> Result<EncodedRendition, EngineError>;

    /// Encodes the audio into files of `task.output` that the result names.
    async fn encode_audio(
        &self,
        task: &RecordingTask<'_>,
        progress: OnFrames<'_>,
        cancel: &CancellationToken,
    ) -> Result<EncodedAudio, EngineError>;

    /// Takes the pictures into files of `task.output` that the result names.
    async fn take_pictures(
        &self,
        task: &RecordingTask<'_>,
        progress: OnFrames<'_>,
        cancel: &CancellationToken,
    ) -> Result<TakenPictures, EngineError>;
}

/// What an engine could not do.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The input is at fault; the sentence says how.
    #[error("{0}")]
    Refused(String),
    /// The child was ended by the machine: out of memory, a full disk. Nothing is known against the input or the child.
    #[error("{task} was ended by {how}: {last_words}")]
    Interrupted {
        /// What it was doing.
        task: &'static str,
        /// Signal or exit code.
        how: String,
        /// The last line that it wrote to its standard error.
        last_words: String,
    },
    /// The child ended without a result, by a fault of its own.
    #[error("{task} died of {how}: {last_words}")]
    Died {
        /// What it was doing.
        task: &'static str,
        /// Signal or exit code.
        how: String,
        /// The last line that it wrote to its standard error.
        last_words: String,
    },
    /// The child ended well, but what it left behind is not what it should be.
    #[error("{task} left a result that cannot be used: {reason}")]
    BadResult {
        /// What it was doing.
        task: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The job was told to stop.
    #[error("the job was told to stop")]
    Cancelled,
    /// The program does not start.
    #[error("{program} cannot be started: {reason}")]
    Unstartable {
        /// The program.
        program: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// The system fails us beside the child.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl EngineError {
    /// True if the child is at fault, so that the same is likely to happen again.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::Died { .. } | Self::BadResult { .. })
    }

    /// What this means for the job.
    #[must_use]
    pub fn into_failure(self, step: Step) -> Failure {
        match self {
            Self::Refused(_) => Failure::reject(step, self),
            Self::Cancelled => Failure::hand_back(step, self),
            Self::Interrupted { .. }
            | Self::Died { .. }
            | Self::BadResult { .. }
            | Self::Unstartable { .. }
            | Self::Io(_) => Failure::retry(step, self),
        }
    }
}
