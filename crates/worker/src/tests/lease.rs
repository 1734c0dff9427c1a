use std::sync::Arc;
use std::time::Duration;

use job::failure::Step;
use job::ports::{Delivery, Queue as _};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::fakes::{Entry, Fault, Journal, MemoryQueue, Verb};
use crate::fence::{Fence, LeaseEnd};
use crate::lease::{Lease, Verdict};

const VISIBILITY: Duration = Duration::from_secs(30);

struct Held {
    queue: Arc<MemoryQueue>,
    journal: Journal,
    stop: CancellationToken,
    lease: Lease,
    delivery: Delivery,
}

async fn hold() -> Held {
    let journal = Journal::default();
    let queue = Arc::new(MemoryQueue::new(50, journal.clone()));
    queue.send("body").await.unwrap();
    let delivery = queue.receive(Duration::ZERO, VISIBILITY).await.unwrap().unwrap();
    let stop = CancellationToken::new();
    let held = Arc::<MemoryQueue>::clone(&queue);
    let lease = Lease::hold(held, delivery.clone(), VISIBILITY, stop.clone());
    Held { queue, journal, stop, lease, delivery }
}

fn extensions(journal: &Journal) -> usize {
    let extended = |entry: &&Entry| matches!(entry, Entry::Visibility(_, 30));
    journal.entries().iter().filter(extended).count()
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_keeps_the_message_hidden() {
    let held = hold().await;
    let other = held.queue.receive(Duration::from_secs(150), VISIBILITY).await.unwrap();
    assert_eq!(other, None);
    assert!(extensions(&held.journal) >= 14, "every 10 seconds");
    assert!(!held.stop.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_lease_beats_no_more() {
    let Held { queue, journal, lease, .. } = hold().await;
    sleep(Duration::from_secs(15)).await;
    drop(lease);
    assert!(queue.receive(Duration::from_secs(30), VISIBILITY).await.unwrap().is_some());
    assert_eq!(extensions(&journal), 1);
}

#[tokio::test(start_paused = true)]
async fn an_extension_that_fails_at_first_is_tried_again() {
    for fault in [Fault::Unavailable, Fault::Hang] {
        let held = hold().await;
        held.queue.fail(Verb::ChangeVisibility, fault, 2);
        sleep(Duration::from_mins(1)).await;
        assert!(!held.stop.is_cancelled(), "{fault:?}");
        assert!(extensions(&held.journal) >= 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_stops_before_a_lease_that_cannot_be_extended_ends() {
    for fault in [Fault::Unavailable, Fault::Hang] {
        let started = Instant::now();
        let held = hold().await;
        held.queue.fail(Verb::ChangeVisibility, fault, u32::MAX);
        held.stop.cancelled().await;
        let after = started.elapsed();
        assert!(after <= Duration::from_secs(28), "{fault:?}: {after:?} leaves time to stop");
        assert!(after >= Duration::from_secs(25), "{fault:?}: {after:?} was worth trying");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_stops_the_job_and_closes_the_fence() {
    let Held { queue, lease, stop, delivery, journal } = hold().await;
    // Somebody takes the message away: it becomes visible, and another worker has it.
    queue.change_visibility(&delivery.receipt, Duration::ZERO).await.unwrap();
    let theirs = queue.receive(Duration::ZERO, VISIBILITY).await.unwrap().unwrap();
    stop.cancelled().await;
    assert!(lease.fence().pass(Step::Publish, async {}).await.is_err());
    let before = journal.entries().len();
    lease.finish(Verdict::Reject("not ours to say".to_owned())).await;
    assert_eq!(journal.entries().len(), before, "the other worker decides");
    queue.change_visibility(&theirs.receipt, VISIBILITY).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_fence_closes_at_the_lease_end_even_if_no_heartbeat_ran() {
    let end = LeaseEnd::new(Instant::now() + VISIBILITY);
    let fence = Fence::leased(CancellationToken::new(), end);
    sleep(Duration::from_secs(29)).await;
    assert_eq!(fence.pass(Step::Publish, async { 1 }).await.unwrap(), 1);
    sleep(Duration::from_secs(1)).await;
    assert!(fence.pass(Step::Publish, async { 1 }).await.is_err());
    assert!(fence.child().pass(Step::Publish, async { 1 }).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_verdict_decides_over_the_message() {
    for (verdict, last) in [
        (Verdict::Done, Entry::Deleted("message-1".to_owned())),
        (Verdict::Retry, Entry::Visibility("message-1".to_owned(), 5)),
        (Verdict::HandBack, Entry::Visibility("message-1".to_owned(), 0)),
        (Verdict::Reject("bad".to_owned()), Entry::Rejected("message-1".to_owned())),
    ] {
        let held = hold().await;
        held.lease.finish(verdict).await;
        assert_eq!(held.journal.entries().pop().unwrap(), last);
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_does_not_delete_holds_nobody() {
    let held = hold().await;
    held.queue.fail(Verb::Delete, Fault::Hang, 1);
    let started = Instant::now();
    held.lease.finish(Verdict::Done).await;
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(held.queue.depth().await.unwrap().in_flight, 1, "it comes again, and is done");
}

#[tokio::test(start_paused = true)]
async fn a_message_is_handed_back_before_the_queue_takes_it_away() {
    let held = hold().await;
    let started = Instant::now();
    held.stop.cancelled().await;
    let hours = Duration::from_hours(1);
    assert!(started.elapsed() > 11 * hours && started.elapsed() < 12 * hours);
    held.lease.finish(Verdict::HandBack).await;
    assert_eq!(held.queue.depth().await.unwrap().visible, 1);
}
