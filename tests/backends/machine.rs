//! `SQLite` and a directory.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use job::ports::{DeadLetter, Queue, Store};
use local::{DirectoryStore, SqliteQueue, SystemClock};
use tempfile::TempDir;

use crate::contract::Backend;

struct Machine {
    directory: TempDir,
}

impl Machine {
    #[expect(clippy::unused_async, reason = "other backends are made so")]
    async fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn sqlite(&self) -> SqliteQueue {
        SqliteQueue::open(&self.directory.path().join("queue"), Arc::new(SystemClock)).unwrap()
    }
}

#[async_trait]
impl Backend for Machine {
    fn queue(&self) -> Arc<dyn Queue> {
        Arc::new(self.sqlite())
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(DirectoryStore::open(&self.directory.path().join("vod")).unwrap())
    }

    async fn dead_letters(&self) -> Vec<DeadLetter> {
        self.sqlite().dead_letters().await.unwrap()
    }

    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let root = self.directory.path().join("vod");
        list(&root, &root, &mut names);
        names
    }
}

fn list(root: &Path, directory: &Path, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        // The store's own: locks and drafts.
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            list(root, &path, names);
        } else {
            names.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
}

contract!(Machine);
