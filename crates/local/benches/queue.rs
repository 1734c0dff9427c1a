//! How many messages a second go through the queue, one after the other: send, receive, delete, each of them on disk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use job::ports::Queue as _;
use local::{SqliteQueue, SystemClock};

const MESSAGES: u32 = 2000;

#[tokio::main]
async fn main() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let queue = SqliteQueue::open(&directory.path().join("queue.db"), Arc::new(SystemClock))
        .expect("a new queue");
    let started = Instant::now();
    for _ in 0..MESSAGES {
        queue.send("a body of ordinary length").await.expect("send");
    }
    report("send", started);
    let started = Instant::now();
    while let Some(delivery) =
        queue.receive(Duration::ZERO, Duration::from_mins(1)).await.expect("receive")
    {
        queue.delete(&delivery.receipt).await.expect("delete");
    }
    report("receive and delete", started);
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its result")]
fn report(what: &str, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    println!("{what}: {:.0} messages a second", f64::from(MESSAGES) / seconds);
}
