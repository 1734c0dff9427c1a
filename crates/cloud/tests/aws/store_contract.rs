//! The store's contract over S3.

#[path = "../../../local/tests/contract/store.rs"]
mod contract;

use std::sync::Arc;

use cloud::{Bucket, S3Store};

use crate::support::{Ministack, s3::make_bucket};

/// A store below a prefix, and its server.
async fn store(ministack: &Ministack) -> S3Store {
    let bucket = make_bucket(ministack).await;
    S3Store::new(Bucket::open(&ministack.aws().await, &bucket), "vod")
}

macro_rules! contract {
    ($($name:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let ministack = Ministack::start();
            contract::$name(&store(&ministack).await).await;
        })*
    };
}

contract! {
    what_is_missing_is_none
    objects_are_written_and_read
    creation_happens_once
    replacement_needs_the_current_version
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_creation_has_one_winner() {
    let ministack = Ministack::start();
    contract::concurrent_creation_has_one_winner(Arc::new(store(&ministack).await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_replacement_loses_nothing() {
    let ministack = Ministack::start();
    contract::concurrent_replacement_loses_nothing(Arc::new(store(&ministack).await)).await;
}
