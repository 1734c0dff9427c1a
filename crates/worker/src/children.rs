//! The engine as child processes. This is the only place where processes are started.
//!
//! | command | leaves in its output directory |
//! |---|---|
//! | `<program> index-recording --input F --output index.json` | `index.json`, a [`SourceIndex`] |
//! | `<program> encode-chunk --input F --plan plan.json --chunk N --output DIR` | `chunk.json`, an [`EncodedChunk`], and its files |
//! | `<program> copy-source --input F --plan plan.json --output DIR` | `source.json`, an [`EncodedRendition`], and its files |
//! | `<program> encode-audio --input F --plan plan.json --output DIR` | `audio.json`, an [`EncodedAudio`], and its files |
//! | `<program> take-pictures --input F --plan plan.json --output DIR` | `pictures.json`, a [`TakenPictures`], and its files |
//!
//! A child has an empty environment, its output directory as working directory and nothing on its standard input. On its standard output it
//! writes lines of `{"frames":N}`, frames so far. Exit code 0 means that the result is there, [`REFUSED`] that the input is at fault, and
//! then the last line of its standard error is the sentence that says how. [`TRY_AGAIN`] and SIGKILL, which is how Linux ends processes
//! when memory is short, are the machine's fault. Everything else is a death.

use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use job::report::{EncodedAudio, EncodedChunk, EncodedRendition, TakenPictures};
use job::source::SourceIndex;
use serde::de::DeserializeOwned;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::engine::{ChunkTask, Engine, EngineError, OnFrames, RecordingTask};
use crate::output;
use crate::pipes::{LastWords, read_frames};

/// Exit code of a child that refuses its input (`EX_DATAERR` of sysexits.h).
pub const REFUSED: i32 = 65;

/// Exit code of a child that the machine failed, as with a full disk (`EX_TEMPFAIL` of sysexits.h).
pub const TRY_AGAIN: i32 = 75;
/// What the kernel ends processes with when memory is short.
const SIGKILL: i32 = 9;

/// How long after a child's end its pipes may stay open: only a process that it left behind can hold them.
const PIPES_LINGER: Duration = Duration::from_millis(500);

/// Runs each task as a child process, at most as many at a time as there are slots. All jobs of a process share one of these, so that the
/// cores stay busy while one of the jobs fetches or publishes.
#[derive(Clone, Debug)]
pub struct ChildProcesses {
    program: PathBuf,
    slots: Arc<Semaphore>,
}

/// One command to run.
struct Invocation<'a> {
    task: &'static str,
    arguments: Vec<&'a OsStr>,
    output: &'a Path,
    result: &'static str,
}

impl<'a> Invocation<'a> {
    /// A command for a whole recording.
    fn once(command: &'static str, task: &RecordingTask<'a>, result: &'static str) -> Self {
        let arguments = vec![
            "--input".as_ref(),
            task.recording.as_ref(),
            "--plan".as_ref(),
            task.plan_file.as_ref(),
            "--output".as_ref(),
            task.output.as_ref(),
        ];
        Self { task: command, arguments, output: task.output, result }
    }
}

impl ChildProcesses {
    /// `program` is an absolute path, as children have neither our working directory nor our `PATH`.
    #[must_use]
    pub fn new(program: PathBuf, slots: usize) -> Self {
        Self { program, slots: Arc::new(Semaphore::new(slots)) }
    }

    async fn run<T: DeserializeOwned + Send + 'static>(
        &self,
        invocation: Invocation<'_>,
        progress: OnFrames<'_>,
        cancel: &CancellationToken,
    ) -> Result<T, EngineError> {
        let acquired = cancel.run_until_cancelled(self.slots.acquire()).await;
        // The semaphore is never closed, so no permit means that we were told to stop.
        let Some(Ok(_slot)) = acquired else {
            return Err(EngineError::Cancelled);
        };
        let task = invocation.task;
        let mut last_words = LastWords::default();
        let mut child = self.start(&invocation)?;
        let status = attend(&mut child, &mut last_words, progress, cancel).await?;
        if status.code() == Some(REFUSED) {
            return Err(EngineError::Refused(last_words.line()));
        }
        if !status.success() {
            let (how, last_words) = (cause_of_death(status), last_words.line());
            let interrupted = status.code() == Some(TRY_AGAIN) || status.signal() == Some(SIGKILL);
            return Err(if interrupted {
                EngineError::Interrupted { task, how, last_words }
            } else {
                EngineError::Died { task, how, last_words }
            });
        }
        let (directory, name) = (invocation.output.to_owned(), invocation.result);
        tokio::task::spawn_blocking(move || output::json(&directory, name))
            .await
            .map_err(std::io::Error::from)?
            .map_err(|error| EngineError::BadResult { task, reason: error.to_string() })
    }

    fn start(&self, invocation: &Invocation<'_>) -> Result<Child, EngineError> {
        Command::new(&self.program)
            .arg(invocation.task)
            .args(&invocation.arguments)
            .env_clear()
            .current_dir(invocation.output)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|reason| EngineError::Unstartable { program: self.program.clone(), reason })
    }
}

/// Reads what the child says until it ends; kills it and waits for its end if told to stop.
async fn attend(
    child: &mut Child,
    last_words: &mut LastWords,
    progress: OnFrames<'_>,
    cancel: &CancellationToken,
) -> Result<ExitStatus, EngineError> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut talk = pin!(async {
        tokio::join!(read_frames(stdout, progress), last_words.listen(stderr));
    });
    let mut talking = true;
    loop {
        tokio::select! {
            () = cancel.cancelled() => {
                child.kill().await?;
                return Err(EngineError::Cancelled);
            }
            status = child.wait() => {
                let status = status?;
                if talking {
                    // Running out of this time leaves us with what was heard so far.
                    let _ = timeout(PIPES_LINGER, &mut talk).await;
                }
                return Ok(status);
            }
            () = &mut talk, if talking => talking = false,
        }
    }
}

fn cause_of_death(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("signal {signal}"),
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => status.to_string(),
    }
}

#[async_trait]
impl Engine for ChildProcesses {
    async fn index(
        &self,
        recording: &Path,
        scratch: &Path,
        cancel: &CancellationToken,
    ) -> Result<SourceIndex, EngineError> {
        let invocation = Invocation {
            task: "index-recording",
            arguments: vec![
                "--input".as_ref(),
                recording.as_ref(),
                "--output".as_ref(),
                "index.json".as_ref(),
            ],
            output: scratch,
            result: "index.json",
        };
        self.run(invocation, &|_| (), cancel).await
    }

    async fn encode_chunk(
        &self,
        task: &ChunkTask<'_>,
        progress: OnFrames<'_>,
        cancel: &CancellationToken,
    ) -> Result<EncodedChunk, EngineError> {
        let number = task.chunk.index.to_string();
        let invocation = Invocation {
            task: "encode-chunk",
            arguments: vec![
                "--input".as_ref(),
                task.recording.as_ref(),
                "--plan".as_ref(),
                task.plan_file.as_ref(),
                "--chunk".as_ref(),
                number.as_ref(),
                "--output".as_ref(),
                task.output.as_ref(),
            ],
            output: task.output,
            result: "chunk.json",
        };
        self.run(invocation, progress, cancel).await
    }

    async fn copy_source(
        &self,
        task: &RecordingTask<'_>,
        cancel: &CancellationToken,
    ) -> Result<EncodedRendition, EngineError> {
        self.run(Invocation::once("copy-source", task, "source.json"), &|_| (), cancel).await
    }

    async fn encode_audio(
        &self,
        task: &RecordingTask<'_>,
        progress: OnFrames<'_>,
        cancel: &CancellationToken,
    ) -> Result<EncodedAudio, EngineError> {
        self.run(Invocation::once("encode-audio", task, "audio.json"), progress, cancel).await
    }

    async fn take_pictures(
        &self,
        task: &RecordingTask<'_>,
        progress: OnFrames<'_>,
        cancel: &CancellationToken,
    ) -> Result<TakenPictures, EngineError> {
        self.run(Invocation::once("take-pictures", task, "pictures.json"), progress, cancel).await
    }
}
