//! The store's contract over a directory.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "contract/store.rs"]
mod contract;

use std::sync::Arc;

use local::DirectoryStore;

macro_rules! contract {
    ($($name:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let directory = tempfile::tempdir().unwrap();
            contract::$name(&DirectoryStore::open(directory.path()).unwrap()).await;
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
    let directory = tempfile::tempdir().unwrap();
    let store = DirectoryStore::open(directory.path()).unwrap();
    contract::concurrent_creation_has_one_winner(Arc::new(store)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_replacement_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = DirectoryStore::open(directory.path()).unwrap();
    contract::concurrent_replacement_loses_nothing(Arc::new(store)).await;
}
