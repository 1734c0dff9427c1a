//! The queue's contract over SQS.
//!
//! Not `a_stale_receipt_cannot_extend`: ministack, like every stand-in known, extends a message that has timed out, which SQS refuses.
//! `sqs` shows what the queue makes of SQS's own answers.

#[path = "../../../local/tests/contract/queue.rs"]
#[expect(dead_code, reason = "see above")]
mod contract;

use std::time::Duration;

use async_trait::async_trait;
use cloud::{Aws, SqsQueue};
use contract::QueueFixture;
use job::ports::{DeadLetter, Queue};

use crate::support::Ministack;
use crate::support::sqs::{Queues, make_queues};

const MAX_RECEIVE_COUNT: u32 = 3;

struct Sqs {
    _ministack: Ministack,
    aws: Aws,
    queues: Queues,
}

impl Sqs {
    async fn new() -> Self {
        let ministack = Ministack::start();
        let queues = make_queues(&ministack, MAX_RECEIVE_COUNT).await;
        Self { aws: ministack.aws().await, _ministack: ministack, queues }
    }

    fn open(&self) -> SqsQueue {
        SqsQueue::open(&self.aws, &self.queues.url).unwrap()
    }
}

#[async_trait]
impl QueueFixture for Sqs {
    fn connect(&self) -> Box<dyn Queue> {
        Box::new(self.open())
    }

    async fn advance(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn dead_letters(&self) -> Vec<DeadLetter> {
        self.open().dead_letters(usize::MAX).await.unwrap()
    }

    fn max_receive_count(&self) -> u32 {
        MAX_RECEIVE_COUNT
    }
}

macro_rules! contract {
    ($($name:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            contract::$name(&Sqs::new().await).await;
        })*
    };
}

contract! {
    a_message_is_hidden_and_then_redelivered
    visibility_can_be_changed
    deletion_is_idempotent_and_needs_the_newest_receipt
    a_rejected_message_is_a_dead_letter
    a_message_that_never_ends_is_given_up
    depth_follows_a_message
    two_consumers_share_without_overlap
}
