//! A queue of a test's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use job::ports::{DeadLetter, Depth, Queue as _};
use local::{SqliteQueue, SystemClock};
use tokio::runtime::Runtime;

use super::command::run;
use super::directory::Dir;

/// `queue.sqlite` in a test's directory.
pub struct TestQueue {
    queue: SqliteQueue,
    runtime: Runtime,
}

/// Its URL, for the program that runs in the same directory.
pub const QUEUE: &str = "sqlite:queue.sqlite";

impl TestQueue {
    pub fn new(dir: &Dir) -> Self {
        let queue = SqliteQueue::open(&dir.path("queue.sqlite"), Arc::new(SystemClock));
        Self {
            queue: queue.expect("a queue can be made"),
            runtime: Runtime::new().expect("a runtime can be made"),
        }
    }

    /// Puts a body into the queue that may be anything.
    pub fn send(&self, body: &str) {
        self.queue.send_blocking(body).expect("the queue takes a message");
    }

    pub fn depth(&self) -> Depth {
        self.runtime.block_on(self.queue.depth()).expect("the queue can be read")
    }

    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.runtime.block_on(self.queue.dead_letters()).expect("the queue can be read")
    }
}

/// Enqueues a recording with the program, and returns the directory below `vod` that it will be published in.
#[track_caller]
pub fn enqueue(dir: &Dir, recording: &Path) -> PathBuf {
    let mut command = dir.transcoder();
    run(command.args(["enqueue", "--queue", QUEUE]).arg(recording)).succeeds();
    let modified = recording.metadata().and_then(|metadata| metadata.modified());
    let modified = modified.expect("the recording has a time");
    let seconds = modified.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let stem = recording.file_stem().expect("a name").display();
    dir.path(&format!("vod/manual/{stem}/{seconds}"))
}
