//! The worker over real queues and stores: the same tests over those of one machine (`SQLite`, a directory) and over those of AWS (SQS, S3)
//! as ministack answers for them. The engine alone is a fake, so that seconds are enough.
//!
//! `REC2VOD_AWS_VENV` names a Python environment with ministack; without it the tests fail.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

/// Runs every test of the contract over a backend that is made for it.
macro_rules! contract {
    ($backend:ty) => {
        contract! { $backend:
            recordings_are_published_and_their_messages_deleted
            every_record_of_an_event_is_published_and_a_test_event_is_dropped
            what_cannot_be_published_is_a_dead_letter_with_its_reason
            a_message_that_comes_twice_changes_nothing
            two_workers_on_one_recording_publish_once
            a_job_that_is_handed_back_goes_on_where_it_was
            a_long_job_is_not_delivered_again
            what_may_pass_is_tried_again
        }
    };
    ($backend:ty: $($test:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            crate::contract::$test(&<$backend>::new().await).await;
        })*
    };
}

#[path = "backends/aws.rs"]
mod aws;
#[path = "backends/contract.rs"]
mod contract;
#[path = "backends/machine.rs"]
mod machine;
#[path = "support/ministack.rs"]
#[expect(dead_code, reason = "it does more than is needed here")]
mod ministack;
