//! A queue in memory with the semantics of an SQS standard queue that has a redrive policy.

use std::collections::HashMap;
use std::future::pending;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use job::ports::{Clock as _, DeadLetter, Delivery, Depth, Queue, QueueError, ReceiptHandle};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::{Entry, FrozenClock, Journal, lock};

/// A call of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the trait's methods")]
pub enum Verb {
    Receive,
    ChangeVisibility,
    Delete,
    Reject,
    Depth,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// At once, for a while.
    Unavailable,
    /// At once, until somebody does something.
    Unusable,
    /// It never answers.
    Hang,
}

/// The queue.
#[derive(Debug)]
pub struct MemoryQueue {
    max_receive_count: u32,
    journal: Journal,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    messages: Vec<Message>,
    dead: Vec<DeadLetter>,
    sent: u64,
    receipts: u64,
    faults: HashMap<Verb, (Fault, u32)>,
    most_in_flight: usize,
    hanging: usize,
    is_silent_about_ages: bool,
}

#[derive(Debug)]
struct Message {
    id: String,
    body: String,
    receipt: Option<ReceiptHandle>,
    receive_count: u32,
    visible_at: Instant,
    sent_at: Instant,
    /// How old it was when it was sent, for tests that cannot wait.
    age_when_sent: Duration,
}

impl Message {
    fn is_visible(&self, now: Instant) -> bool {
        self.visible_at <= now
    }

    fn is_in_flight(&self, now: Instant) -> bool {
        self.receipt.is_some() && !self.is_visible(now)
    }

    fn age(&self) -> Duration {
        self.age_when_sent + self.sent_at.elapsed()
    }
}

/// A call that never answers, until it is dropped.
struct Hanging<'a>(&'a MemoryQueue);

impl<'a> Hanging<'a> {
    fn begin(queue: &'a MemoryQueue) -> Self {
        lock(&queue.state).hanging += 1;
        Self(queue)
    }
}

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).hanging -= 1;
    }
}

impl MemoryQueue {
    /// An empty queue that gives a message up when it was received `max_receive_count` times.
    #[must_use]
    pub fn new(max_receive_count: u32, journal: Journal) -> Self {
        Self { max_receive_count, journal, state: Mutex::default(), changed: Notify::new() }
    }

    /// Makes the next `times` calls of `verb` fail.
    pub fn fail(&self, verb: Verb, fault: Fault, times: u32) {
        lock(&self.state).faults.insert(verb, (fault, times));
    }

    /// The dead letters.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        lock(&self.state).dead.clone()
    }

    /// The most messages that were ever in flight at one time.
    #[must_use]
    pub fn most_in_flight(&self) -> usize {
        lock(&self.state).most_in_flight
    }

    /// Calls that hang now.
    #[must_use]
    pub fn hanging(&self) -> usize {
        lock(&self.state).hanging
    }

    /// From now on [`Depth::oldest_age`] is none, as with SQS.
    pub fn be_silent_about_ages(&self) {
        lock(&self.state).is_silent_about_ages = true;
    }

    /// Enqueues a message that is as old as if it had been sent `age` ago, and returns its id.
    pub fn send_aged(&self, body: &str, age: Duration) -> String {
        let id = {
            let mut state = lock(&self.state);
            state.sent += 1;
            let id = format!("message-{}", state.sent);
            let now = Instant::now();
            state.messages.push(Message {
                id: id.clone(),
                body: body.to_owned(),
                receipt: None,
                receive_count: 0,
                visible_at: now,
                sent_at: now,
                age_when_sent: age,
            });
            id
        };
        self.changed.notify_waiters();
        id
    }

    async fn meet_fault(&self, verb: Verb) -> Result<(), QueueError> {
        let fault = {
            let mut state = lock(&self.state);
            match state.faults.get_mut(&verb) {
                Some((fault, times)) if *times > 0 => {
                    *times -= 1;
                    Some(*fault)
                }
                _ => None,
            }
        };
        let queue = "memory:".to_owned();
        match fault {
            None => Ok(()),
            Some(Fault::Unavailable) => {
                Err(QueueError::Unavailable { queue, reason: "asked to fail".to_owned() })
            }
            Some(Fault::Unusable) => {
                Err(QueueError::Unusable { queue, reason: "asked to fail".to_owned() })
            }
            Some(Fault::Hang) => {
                let _hanging = Hanging::begin(self);
                pending().await
            }
        }
    }

    /// A visible message, or when the next one becomes visible.
    fn take(&self, visibility: Duration) -> Result<Delivery, Option<Instant>> {
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        let now = Instant::now();
        loop {
            let Some(index) = state.messages.iter().position(|m| m.is_visible(now)) else {
                return Err(state.messages.iter().map(|message| message.visible_at).min());
            };
            if state.messages[index].receive_count >= self.max_receive_count {
                let message = state.messages.remove(index);
                state.dead.push(message.into_dead("received too often"));
                continue;
            }
            state.receipts += 1;
            let receipt = ReceiptHandle(state.receipts.to_string());
            let message = &mut state.messages[index];
            message.receipt = Some(receipt.clone());
            message.receive_count += 1;
            message.visible_at = now + visibility;
            let delivery = Delivery {
                id: message.id.clone(),
                body: message.body.clone(),
                receipt,
                receive_count: message.receive_count,
                sent_at: FrozenClock.now().checked_sub(message.age()),
            };
            let in_flight = state.messages.iter().filter(|m| m.is_in_flight(now)).count();
            state.most_in_flight = state.most_in_flight.max(in_flight);
            return Ok(delivery);
        }
    }

    fn newest(&self, receipt: &ReceiptHandle, change: impl FnOnce(&mut State, usize)) -> bool {
        let mut state = lock(&self.state);
        let index = state.messages.iter().position(|m| m.receipt.as_ref() == Some(receipt));
        let Some(index) = index else { return false };
        change(&mut state, index);
        drop(state);
        self.changed.notify_waiters();
        true
    }
}

impl Message {
    fn into_dead(self, reason: &str) -> DeadLetter {
        let Self { id, body, receive_count, .. } = self;
        DeadLetter { id, body, reason: reason.to_owned(), receive_count }
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn receive(
        &self,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Option<Delivery>, QueueError> {
        self.meet_fault(Verb::Receive).await?;
        let until = Instant::now() + wait;
        loop {
            let changed = self.changed.notified();
            match self.take(visibility) {
                Ok(delivery) => {
                    self.journal.add(Entry::Received(delivery.id.clone()));
                    return Ok(Some(delivery));
                }
                Err(_) if Instant::now() >= until => return Ok(None),
                Err(next) => {
                    let next = next.map_or(until, |next| next.min(until));
                    // Either there is something new, or it is time to look again.
                    let _ = timeout_at(next, changed).await;
                }
            }
        }
    }

    async fn change_visibility(
        &self,
        receipt: &ReceiptHandle,
        visibility: Duration,
    ) -> Result<(), QueueError> {
        self.meet_fault(Verb::ChangeVisibility).await?;
        let mut id = None;
        self.newest(receipt, |state, index| {
            let (now, message) = (Instant::now(), &mut state.messages[index]);
            if message.is_in_flight(now) {
                message.visible_at = now + visibility;
                id = Some(message.id.clone());
            }
        });
        let Some(id) = id else {
            return Err(QueueError::LeaseLost { id: receipt.0.clone() });
        };
        self.journal.add(Entry::Visibility(id, visibility.as_secs()));
        Ok(())
    }

    async fn delete(&self, receipt: &ReceiptHandle) -> Result<(), QueueError> {
        self.meet_fault(Verb::Delete).await?;
        // A handle that is not the newest deletes nothing, and says nothing.
        self.newest(receipt, |state, index| {
            let message = state.messages.remove(index);
            self.journal.add(Entry::Deleted(message.id));
        });
        Ok(())
    }

    async fn reject(&self, delivery: &Delivery, reason: &str) -> Result<(), QueueError> {
        self.meet_fault(Verb::Reject).await?;
        self.newest(&delivery.receipt, |state, index| {
            let message = state.messages.remove(index);
            self.journal.add(Entry::Rejected(message.id.clone()));
            state.dead.push(message.into_dead(reason));
        });
        Ok(())
    }

    async fn send(&self, body: &str) -> Result<String, QueueError> {
        Ok(self.send_aged(body, Duration::ZERO))
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        self.meet_fault(Verb::Depth).await?;
        let state = lock(&self.state);
        let now = Instant::now();
        let count = |of: &dyn Fn(&Message) -> bool| {
            state.messages.iter().filter(|message| of(message)).count() as u64
        };
        let ages = state.messages.iter().map(Message::age);
        Ok(Depth {
            visible: count(&|message| message.is_visible(now)),
            in_flight: count(&|message| message.is_in_flight(now)),
            // Messages are sent without a delay, and a message that was received is in flight until it is visible.
            delayed: 0,
            dead: state.dead.len() as u64,
            oldest_age: ages.max().filter(|_| !state.is_silent_about_ages),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VISIBILITY: Duration = Duration::from_secs(30);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    async fn queue_of_one() -> MemoryQueue {
        let queue = MemoryQueue::new(3, Journal::default());
        queue.send("body").await.unwrap();
        queue
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_comes_again_when_its_time_is_over() {
        let queue = queue_of_one().await;
        let first = queue.receive(seconds(0), VISIBILITY).await.unwrap().unwrap();
        assert_eq!(queue.receive(seconds(29), VISIBILITY).await.unwrap(), None);
        let second = queue.receive(seconds(5), VISIBILITY).await.unwrap().unwrap();
        assert_eq!((second.receive_count, &second.id), (2, &first.id));
        assert_ne!(first.receipt, second.receipt);
        let stale = queue.change_visibility(&first.receipt, VISIBILITY).await;
        assert!(matches!(stale, Err(QueueError::LeaseLost { .. })));
        queue.delete(&first.receipt).await.unwrap();
        assert_eq!(queue.depth().await.unwrap().in_flight, 1, "a stale handle deletes nothing");
        queue.delete(&second.receipt).await.unwrap();
        assert_eq!(queue.depth().await.unwrap(), Depth::default());
    }

    #[tokio::test(start_paused = true)]
    async fn an_extension_counts_from_the_call() {
        let queue = queue_of_one().await;
        let delivery = queue.receive(seconds(0), VISIBILITY).await.unwrap().unwrap();
        tokio::time::sleep(seconds(20)).await;
        queue.change_visibility(&delivery.receipt, VISIBILITY).await.unwrap();
        assert_eq!(queue.receive(seconds(29), VISIBILITY).await.unwrap(), None);
        tokio::time::sleep(seconds(1)).await;
        let expired = queue.change_visibility(&delivery.receipt, VISIBILITY).await;
        assert!(matches!(expired, Err(QueueError::LeaseLost { .. })), "it is visible again");
        assert!(queue.receive(seconds(0), VISIBILITY).await.unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_receive_wakes_for_a_new_message() {
        let queue = MemoryQueue::new(3, Journal::default());
        let started = Instant::now();
        let (received, ()) = tokio::join!(queue.receive(seconds(20), VISIBILITY), async {
            tokio::time::sleep(seconds(2)).await;
            queue.send("late").await.unwrap();
        });
        assert_eq!(received.unwrap().unwrap().body, "late");
        assert_eq!(started.elapsed(), seconds(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_received_too_often_is_a_dead_letter() {
        let queue = queue_of_one().await;
        for _ in 0..3 {
            let delivery = queue.receive(seconds(0), VISIBILITY).await.unwrap().unwrap();
            queue.change_visibility(&delivery.receipt, seconds(0)).await.unwrap();
        }
        assert_eq!(queue.receive(seconds(60), VISIBILITY).await.unwrap(), None);
        assert_eq!(queue.dead_letters().len(), 1);
        assert_eq!(queue.most_in_flight(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rejected_message_is_a_dead_letter_with_its_reason() {
        let queue = queue_of_one().await;
        let delivery = queue.receive(seconds(0), VISIBILITY).await.unwrap().unwrap();
        queue.reject(&delivery, "no good").await.unwrap();
        assert_eq!(queue.dead_letters()[0].reason, "no good");
        assert_eq!(queue.depth().await.unwrap().in_flight, 0);
    }
    #[tokio::test(start_paused = true)]
    async fn messages_age_from_when_they_were_sent() {
        let queue = MemoryQueue::new(3, Journal::default());
        queue.send_aged("old", seconds(100));
        tokio::time::sleep(seconds(20)).await;
        queue.send("new").await.unwrap();
        let oldest = async || queue.depth().await.unwrap().oldest_age;
        assert_eq!(oldest().await, Some(seconds(120)));
        let old = queue.receive(seconds(0), VISIBILITY).await.unwrap().unwrap();
        let age = FrozenClock.now().duration_since(old.sent_at.unwrap()).unwrap();
        assert_eq!(age.as_secs(), 120);
        queue.delete(&old.receipt).await.unwrap();
        assert_eq!(oldest().await, Some(seconds(0)));
        queue.be_silent_about_ages();
        assert_eq!(oldest().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_hangs_until_it_is_dropped() {
        let queue = queue_of_one().await;
        queue.fail(Verb::Depth, Fault::Hang, 1);
        let (answer, ()) = tokio::join!(tokio::time::timeout(seconds(9), queue.depth()), async {
            tokio::time::sleep(seconds(1)).await;
            assert_eq!(queue.hanging(), 1);
        });
        assert!(answer.is_err());
        assert_eq!(queue.hanging(), 0);
        assert_eq!(queue.depth().await.unwrap().visible, 1);
    }
}
