//! The queue's contract over `SQLite`.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "contract/queue.rs"]
mod contract;
mod support;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contract::QueueFixture;
use job::ports::{DeadLetter, Queue};
use local::SqliteQueue;
use support::ManualClock;
use tempfile::TempDir;

const MAX_RECEIVE_COUNT: NonZeroU32 = NonZeroU32::new(3).unwrap();

struct Sqlite {
    directory: TempDir,
    clock: Arc<ManualClock>,
}

impl Sqlite {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), clock: Arc::default() }
    }

    fn open(&self) -> SqliteQueue {
        SqliteQueue::open(&self.directory.path().join("queue.db"), self.clock.clone())
            .unwrap()
            .with_max_receive_count(MAX_RECEIVE_COUNT)
    }
}

#[async_trait]
impl QueueFixture for Sqlite {
    fn connect(&self) -> Box<dyn Queue> {
        Box::new(self.open())
    }

    async fn advance(&self, time: Duration) {
        self.clock.advance(time);
    }

    async fn dead_letters(&self) -> Vec<DeadLetter> {
        self.open().dead_letters().await.unwrap()
    }

    fn max_receive_count(&self) -> u32 {
        MAX_RECEIVE_COUNT.get()
    }
}

macro_rules! contract {
    ($($name:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            contract::$name(&Sqlite::new()).await;
        })*
    };
}

contract! {
    a_message_is_hidden_and_then_redelivered
    visibility_can_be_changed
    a_stale_receipt_cannot_extend
    deletion_is_idempotent_and_needs_the_newest_receipt
    a_rejected_message_is_a_dead_letter
    a_message_that_never_ends_is_given_up
    depth_follows_a_message
    two_consumers_share_without_overlap
}
