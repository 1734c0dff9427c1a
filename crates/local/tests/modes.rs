//! Modes of files under the strictest umask. The umask belongs to the process, hence a test binary of its own.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use job::names::ObjectKind::{Playlist, Segment};
use job::ports::Store as _;
use local::{DirectoryStore, SqliteQueue, SystemClock};
use rustix::fs::Mode;

fn strictest_umask() {
    rustix::process::umask(Mode::from_raw_mode(0o077));
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_queue_and_its_journal_are_the_groups_too() {
    strictest_umask();
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for _ in 0..2 {
        let queue = SqliteQueue::open(&at("queue.db"), Arc::new(SystemClock)).unwrap();
        queue.send_blocking("body").unwrap();
        for name in ["queue.db", "queue.db-wal", "queue.db-shm"] {
            assert_eq!(mode(&at(name)), 0o660, "{name}");
        }
        drop(queue);
        assert!(!at("queue.db-wal").exists(), "the last one to close removes the journal");
    }
}

#[tokio::test]
async fn what_is_published_can_be_read_by_everybody() {
    strictest_umask();
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let store = DirectoryStore::open(&at("root")).unwrap();
    std::fs::write(at("source"), "bytes").unwrap();
    store.upload("a/b/segment.m4s", Segment, &at("source")).await.unwrap();
    store.put("a/put.m3u8", Playlist, b"bytes").await.unwrap();
    store.create("a/created.m3u8", Playlist, b"bytes").await.unwrap();
    assert_eq!(mode(&at("source")), 0o600, "the source is as it was");
    for file in ["root/a/b/segment.m4s", "root/a/put.m3u8", "root/a/created.m3u8"] {
        assert_eq!(mode(&at(file)), 0o644, "{file}");
    }
    for made in ["root", "root/a", "root/a/b"] {
        assert_eq!(mode(&at(made)), 0o755, "{made}");
    }
}
