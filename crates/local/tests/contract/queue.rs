//! What every implementation of the port `Queue` must do. `local` runs it over `SQLite`; another crate's tests can include this
//! file with `#[path]` and run it over its own queue.
//!
//! Timeouts are whole seconds, for SQS knows nothing shorter. Only messages of the test itself may be in the queue.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use job::ports::{DeadLetter, Delivery, Queue, QueueError};

/// A queue under test, empty at first.
#[async_trait]
pub trait QueueFixture: Sync {
    /// A consumer or producer of its own, as another process would have it.
    fn connect(&self) -> Box<dyn Queue>;

    /// Lets time pass for the queue: a manual clock is set, a real queue waited for.
    async fn advance(&self, time: Duration);

    /// What the queue has given up.
    async fn dead_letters(&self) -> Vec<DeadLetter>;

    /// How often a message is received before it is given up.
    fn max_receive_count(&self) -> u32;
}

const NO_WAIT: Duration = Duration::ZERO;
const VISIBILITY: Duration = Duration::from_secs(3);
const MORE_THAN_VISIBILITY: Duration = Duration::from_secs(4);

async fn receive(queue: &dyn Queue) -> Option<Delivery> {
    queue.receive(NO_WAIT, VISIBILITY).await.expect("receive")
}

async fn receive_some(queue: &dyn Queue) -> Delivery {
    receive(queue).await.expect("a message is visible")
}

fn assert_lease_lost(result: &Result<(), QueueError>) {
    assert!(matches!(result, Err(QueueError::LeaseLost { .. })), "{result:?}");
}

/// A received message is nobody else's until its visibility timeout ends, and then comes again with a higher count.
pub async fn a_message_is_hidden_and_then_redelivered(fixture: &impl QueueFixture) {
    let queue = fixture.connect();
    assert_eq!(receive(&*queue).await, None);
    let id = queue.send("body \u{1f3a5}\n\"quoted\"").await.unwrap();

    let first = receive_some(&*queue).await;
    assert_eq!(
        (first.id.as_str(), first.body.as_str()),
        (id.as_str(), "body \u{1f3a5}\n\"quoted\"")
    );
    assert_eq!(first.receive_count, 1);
    assert!(first.sent_at.is_some());
    assert_eq!(receive(&*fixture.connect()).await, None);

    fixture.advance(MORE_THAN_VISIBILITY).await;
    let second = receive_some(&*fixture.connect()).await;
    assert_eq!((&second.id, &second.body, second.receive_count), (&first.id, &first.body, 2));
    assert_ne!(second.receipt, first.receipt);
    assert_eq!(second.sent_at, first.sent_at, "sent once, however often received");
}

/// A heartbeat keeps the message, counted from the call on; zero gives it back at once.
pub async fn visibility_can_be_changed(fixture: &impl QueueFixture) {
    let queue = fixture.connect();
    queue.send("body").await.unwrap();
    let delivery = receive_some(&*queue).await;
    for _ in 0..3 {
        fixture.advance(Duration::from_secs(2)).await;
        queue.change_visibility(&delivery.receipt, VISIBILITY).await.unwrap();
    }
    assert_eq!(receive(&*queue).await, None);

    queue.change_visibility(&delivery.receipt, NO_WAIT).await.unwrap();
    assert_eq!(receive_some(&*queue).await.receive_count, 2);
}

/// Extending with a receipt whose message timed out, was given back, was received again or is gone says that the lease is lost.
pub async fn a_stale_receipt_cannot_extend(fixture: &impl QueueFixture) {
    let queue = fixture.connect();
    queue.send("body").await.unwrap();
    let timed_out = receive_some(&*queue).await.receipt;
    fixture.advance(MORE_THAN_VISIBILITY).await;
    assert_lease_lost(&queue.change_visibility(&timed_out, VISIBILITY).await);

    let given_back = receive_some(&*queue).await.receipt;
    assert_lease_lost(&queue.change_visibility(&timed_out, VISIBILITY).await);
    queue.change_visibility(&given_back, NO_WAIT).await.unwrap();
    assert_lease_lost(&queue.change_visibility(&given_back, VISIBILITY).await);

    let deleted = receive_some(&*queue).await.receipt;
    queue.delete(&deleted).await.unwrap();
    assert_lease_lost(&queue.change_visibility(&deleted, VISIBILITY).await);
}

/// Deleting twice is fine, deleting with a stale receipt leaves the message to its new owner.
pub async fn deletion_is_idempotent_and_needs_the_newest_receipt(fixture: &impl QueueFixture) {
    let queue = fixture.connect();
    queue.send("body").await.unwrap();
    let stale = receive_some(&*queue).await.receipt;
    fixture.advance(MORE_THAN_VISIBILITY).await;
    let owner = receive_some(&*queue).await.receipt;

    queue.delete(&stale).await.unwrap();
    queue.change_visibility(&owner, VISIBILITY).await.unwrap();
    queue.delete(&owner).await.unwrap();
    queue.delete(&owner).await.unwrap();

    fixture.advance(MORE_THAN_VISIBILITY).await;
    assert_eq!(receive(&*queue).await, None);
    assert_eq!(queue.depth().await.unwrap().dead, 0);
}

/// A rejected message is a dead letter with the reason, and no message any more.
pub async fn a_rejected_message_is_a_dead_letter(fixture: &impl QueueFixture) {
    let queue = fixture.connect();
    queue.send("poison").await.unwrap();
    let delivery = receive_some(&*queue).await;
    queue.reject(&delivery, "it holds no video").await.unwrap();

    fixture.advance(MORE_THAN_VISIBILITY).await;
    assert_eq!(receive(&*queue).await, None);
    let dead = fixture.dead_letters().await;
    let facts: Vec<_> = dead.iter().map(|d| (d.body.as_str(), d.reason.as_str())).collect();
    assert_eq!(facts, [("poison", "it holds no video")]);
}

/// A message that nobody ends is given up after the configured number of receives, and blocks nobody.
pub async fn a_message_that_never_ends_is_given_up(fixture: &impl QueueFixture) {
    let queue = fixture.connect();
    queue.send("endless").await.unwrap();
    for expected in 1..=fixture.max_receive_count() {
        let delivery = receive_some(&*queue).await;
        assert_eq!(delivery.receive_count, expected);
        queue.change_visibility(&delivery.receipt, NO_WAIT).await.unwrap();
    }
    queue.send("next").await.unwrap();
    assert_eq!(receive_some(&*queue).await.body, "next");
    let dead = fixture.dead_letters().await;
    assert_eq!(dead.iter().map(|d| d.body.as_str()).collect::<Vec<_>>(), ["endless"]);
}

/// The counts follow a message through its life.
pub async fn depth_follows_a_message(fixture: &impl QueueFixture) {
    let queue = fixture.connect();
    let counts = async || {
        let depth = queue.depth().await.unwrap();
        (depth.visible, depth.in_flight, depth.delayed, depth.dead)
    };
    assert_eq!(counts().await, (0, 0, 0, 0));
    queue.send("a").await.unwrap();
    queue.send("b").await.unwrap();
    assert_eq!(counts().await, (2, 0, 0, 0));
    let delivery = receive_some(&*queue).await;
    assert_eq!(counts().await, (1, 1, 0, 0));
    queue.reject(&delivery, "no").await.unwrap();
    assert_eq!(counts().await, (1, 0, 0, 1));
    let delivery = receive_some(&*queue).await;
    queue.delete(&delivery.receipt).await.unwrap();
    assert_eq!(counts().await, (0, 0, 0, 1));
}

/// Two consumers share 400 messages: each message once, none left.
pub async fn two_consumers_share_without_overlap(fixture: &impl QueueFixture) {
    const MESSAGES: usize = 400;
    let producer = fixture.connect();
    for n in 0..MESSAGES {
        producer.send(&n.to_string()).await.unwrap();
    }
    let consume = |queue: Box<dyn Queue>| {
        tokio::spawn(async move {
            let mut bodies = Vec::new();
            while let Some(delivery) = queue.receive(NO_WAIT, VISIBILITY).await.unwrap() {
                queue.delete(&delivery.receipt).await.unwrap();
                bodies.push(delivery.body);
            }
            bodies
        })
    };
    let (one, two) = (consume(fixture.connect()), consume(fixture.connect()));
    let (one, two) = (one.await.unwrap(), two.await.unwrap());
    assert!(!one.is_empty() && !two.is_empty(), "{} and {}", one.len(), two.len());
    let mut seen: HashMap<String, usize> = HashMap::new();
    for body in one.into_iter().chain(two) {
        *seen.entry(body).or_default() += 1;
    }
    assert_eq!(seen.len(), MESSAGES);
    assert!(seen.values().all(|&times| times == 1), "{seen:?}");
}
