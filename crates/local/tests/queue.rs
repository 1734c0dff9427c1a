//! What the `SQLite` queue does beyond the contract: dropped receives, order, files, crashes.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use job::ports::{Delivery, Queue as _, QueueError};
use local::{SqliteQueue, SystemClock};
use support::ManualClock;
use tempfile::TempDir;

const NO_WAIT: Duration = Duration::ZERO;
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

fn queue() -> (TempDir, Arc<ManualClock>, SqliteQueue) {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::<ManualClock>::default();
    let queue = SqliteQueue::open(&directory.path().join("queue.db"), clock.clone()).unwrap();
    (directory, clock, queue)
}

fn raw(directory: &TempDir) -> rusqlite::Connection {
    rusqlite::Connection::open(directory.path().join("queue.db")).unwrap()
}

async fn receive_some(queue: &SqliteQueue) -> Delivery {
    queue.receive(SECOND, HOUR).await.unwrap().expect("a message is visible")
}

#[tokio::test]
async fn messages_come_oldest_first() {
    let (_directory, clock, queue) = queue();
    for body in ["a", "b", "c"] {
        queue.send_blocking(body).unwrap();
        clock.advance(SECOND);
    }
    let first = receive_some(&queue).await;
    assert_eq!(receive_some(&queue).await.body, "b");
    assert_eq!(queue.depth().await.unwrap().oldest_age, Some(3 * SECOND));
    queue.change_visibility(&first.receipt, NO_WAIT).await.unwrap();
    assert_eq!(receive_some(&queue).await.body, "a");
    assert_eq!(receive_some(&queue).await.body, "c");
}

/// A publisher's clock may be ahead, or ours be set back: what was sent is visible all the same.
#[tokio::test]
async fn a_clock_that_is_set_back_hides_nothing() {
    let (directory, clock, queue) = queue();
    let ahead = Arc::<ManualClock>::default();
    ahead.advance(600 * SECOND);
    let path = directory.path().join("queue.db");
    SqliteQueue::open(&path, ahead).unwrap().send_blocking("from the future").unwrap();
    assert_eq!(queue.depth().await.unwrap().oldest_age, Some(NO_WAIT));
    assert_eq!(receive_some(&queue).await.body, "from the future");
    drop(clock);
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_waits_as_long_as_asked_and_no_longer() {
    let (_directory, _clock, queue) = queue();
    let started = tokio::time::Instant::now();
    assert_eq!(queue.receive(20 * SECOND, HOUR).await.unwrap(), None);
    let waited = started.elapsed();
    assert!(waited >= 20 * SECOND && waited < 21 * SECOND, "{waited:?}");
}

#[tokio::test]
async fn a_long_poll_sees_a_message_that_arrives() {
    let (_directory, _clock, queue) = queue();
    let consumer = queue.clone();
    let poll = tokio::spawn(async move { consumer.receive(10 * SECOND, HOUR).await.unwrap() });
    tokio::time::sleep(SECOND / 20).await;
    queue.send("late").await.unwrap();
    let delivery = tokio::time::timeout(SECOND, poll).await.expect("within a second").unwrap();
    assert_eq!(delivery.unwrap().body, "late");
}

/// The future is dropped while its thread waits for the database: the message that it then takes comes back.
#[tokio::test]
async fn a_receive_dropped_before_the_answer_takes_nothing() {
    let (directory, _clock, queue) = queue();
    queue.send("body").await.unwrap();
    let blocker = raw(&directory);
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let dropped = tokio::time::timeout(SECOND / 10, queue.receive(NO_WAIT, HOUR)).await;
    assert!(dropped.is_err(), "the lock was meant to hold it up");
    blocker.execute_batch("COMMIT").unwrap();
    assert_eq!(receive_some(&queue).await.receive_count, 1);
}

/// The future is dropped when its thread has taken the message but nobody has looked at the answer.
#[tokio::test]
async fn a_receive_dropped_after_the_answer_takes_nothing() {
    let (directory, _clock, queue) = queue();
    queue.send("body").await.unwrap();
    let observer = raw(&directory);
    {
        let mut receive = pin!(queue.receive(NO_WAIT, HOUR));
        let poll = receive.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(poll.is_pending());
        let taken = || -> bool {
            observer
                .query_row("SELECT receipt IS NOT NULL FROM messages", [], |row| row.get(0))
                .unwrap()
        };
        while !taken() {
            tokio::time::sleep(SECOND / 100).await;
        }
        // Longer than a thread needs from its commit to its answer.
        tokio::time::sleep(SECOND / 10).await;
    }
    assert_eq!(queue.depth().await.unwrap().visible, 1);
    assert_eq!(receive_some(&queue).await.receive_count, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receives_dropped_at_any_moment_lose_no_message() {
    let (_directory, _clock, queue) = queue();
    let mut left: HashSet<String> = HashSet::new();
    for n in 0..30 {
        left.insert(queue.send(&n.to_string()).await.unwrap());
    }
    for attempt in 0..300_u64 {
        let patience = Duration::from_micros(attempt * 10);
        if let Ok(Ok(Some(delivery))) =
            tokio::time::timeout(patience, queue.receive(SECOND, HOUR)).await
        {
            assert!(left.remove(&delivery.id));
            queue.delete(&delivery.receipt).await.unwrap();
        }
    }
    while !left.is_empty() {
        let delivery = receive_some(&queue).await;
        assert_eq!(delivery.receive_count, 1);
        assert!(left.remove(&delivery.id));
        queue.delete(&delivery.receipt).await.unwrap();
    }
    assert_eq!(queue.depth().await.unwrap(), job::ports::Depth::default());
}

#[tokio::test]
async fn rejecting_with_a_stale_receipt_leaves_the_message_to_its_owner() {
    let (_directory, clock, queue) = queue();
    queue.send("body").await.unwrap();
    let stale = receive_some(&queue).await;
    clock.advance(2 * HOUR);
    let owner = receive_some(&queue).await;
    let result = queue.reject(&stale, "too late").await;
    assert!(matches!(result, Err(QueueError::LeaseLost { .. })), "{result:?}");
    assert_eq!(queue.dead_letters().await.unwrap(), []);
    queue.change_visibility(&owner.receipt, HOUR).await.unwrap();
}

#[tokio::test]
async fn a_dead_letter_can_be_sent_again() {
    let (_directory, clock, queue) = queue();
    let queue = queue.with_max_receive_count(std::num::NonZeroU32::MIN);
    let id = queue.send("body").await.unwrap();
    receive_some(&queue).await;
    clock.advance(2 * HOUR);
    assert_eq!(queue.receive(NO_WAIT, HOUR).await.unwrap(), None);
    let dead = queue.dead_letters().await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].id.as_str(), dead[0].body.as_str()), (id.as_str(), "body"));
    assert_eq!(dead[0].reason, "received 1 times without success");
    assert_eq!(dead[0].receive_count, 1);

    assert!(!queue.redrive("no such id").await.unwrap());
    assert!(queue.redrive(&id).await.unwrap());
    assert!(!queue.redrive(&id).await.unwrap());
    assert_eq!(queue.depth().await.unwrap().oldest_age, Some(NO_WAIT));
    let again = receive_some(&queue).await;
    assert_eq!((again.id, again.receive_count), (id, 1));
}

#[test]
fn sixteen_may_create_the_queue_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("queue.db");
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let queue = SqliteQueue::open(&path, Arc::new(SystemClock)).unwrap();
                queue.send_blocking("body").unwrap();
            });
        }
    });
    let count: u32 =
        raw(&directory).query_row("SELECT count(*) FROM messages", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 16);
}

/// The child's ids are printed after `send` returned; then it is killed in the middle of more.
#[tokio::test]
async fn a_sent_message_outlives_kill_9() {
    const PATH: &str = "LOCAL_TEST_CRASHING_QUEUE";
    if let Some(path) = std::env::var_os(PATH) {
        let queue = SqliteQueue::open(Path::new(&path), Arc::new(SystemClock)).unwrap();
        loop {
            println!("\nsent {}", queue.send_blocking("body").unwrap());
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("queue.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_sent_message_outlives_kill_9", "--nocapture"])
        .env(PATH, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut sent = lines.filter_map(|line| line.strip_prefix("sent ").map(str::to_owned));
    let mut printed: Vec<String> = sent.by_ref().take(50).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    // The last line may be cut off.
    let whole = printed[0].len();
    printed.extend(sent.filter(|id| id.len() == whole));

    let queue = SqliteQueue::open(&path, Arc::new(SystemClock)).unwrap();
    let mut found = HashSet::new();
    while let Some(delivery) = queue.receive(NO_WAIT, HOUR).await.unwrap() {
        found.insert(delivery.id);
    }
    assert!(printed.len() >= 50);
    assert!(printed.iter().all(|id| found.contains(id)));
}

/// Commits that happen as a statement is reset are never checkpointed, and their errors are lost.
#[test]
fn sends_do_not_grow_the_journal_for_ever() {
    let (directory, _clock, queue) = queue();
    let length = |name| std::fs::metadata(directory.path().join(name)).unwrap().len();
    let empty = length("queue.db");
    // SQLite checkpoints after 1000 pages; a send of this length writes five and more.
    let body = "x".repeat(10_000);
    for _ in 0..250 {
        queue.send_blocking(&body).unwrap();
    }
    assert!(length("queue.db") > empty, "nothing was checkpointed");
}

#[test]
fn what_is_no_queue_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("junk"), "not a database, but long enough to be looked at ".repeat(50))
        .unwrap();
    std::fs::write(at("short"), "junk").unwrap();
    std::fs::write(at("empty"), "").unwrap();
    std::fs::create_dir(at("directory")).unwrap();
    rusqlite::Connection::open(at("foreign"))
        .unwrap()
        .execute_batch("CREATE TABLE messages (id)")
        .unwrap();
    for (name, expected) in [
        ("junk", "the file is not an SQLite database; name another file"),
        ("short", "the file is not an SQLite database; name another file"),
        ("empty", "the file is an SQLite database of something else; name another file"),
        ("foreign", "the file is an SQLite database of something else; name another file"),
        ("directory", "unable to open database file"),
        ("none/queue.db", "none; create it"),
        ("junk/queue.db", "junk is not a directory"),
    ] {
        let Err(error) = SqliteQueue::open(&at(name), Arc::new(SystemClock)) else {
            panic!("{name} was opened")
        };
        assert!(matches!(error, QueueError::Unusable { .. }), "{name}: {error:?}");
        assert!(error.to_string().contains(expected), "{name}: {error}");
        assert!(!error.to_string().contains('\n'), "{name}: {error}");
    }
}
