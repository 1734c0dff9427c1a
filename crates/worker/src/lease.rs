//! The lease on a message: it is ours while the visibility timeout is extended in time, and the job ends when it is not.

use std::sync::Arc;
use std::time::Duration;

use job::ports::{Delivery, Queue, QueueError};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::events;
use crate::fence::{Fence, LeaseEnd};

/// Longest wait for one answer of the queue.
const ANSWER: Duration = Duration::from_secs(3);
/// Pause after an extension that failed.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest that a message is held: SQS counts 12 hours from the receive and then takes it away, whoever works on it.
const LONGEST_HOLD: Duration = Duration::from_mins(11 * 60 + 45);
/// Delay of a message that failed for the first time; doubled with every receive.
const SHORTEST_DELAY: Duration = Duration::from_secs(5);
/// Longest delay of a message that failed.
const LONGEST_DELAY: Duration = Duration::from_mins(5);

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its job is done: it is deleted.
    Done,
    /// Its job failed and may succeed later: it becomes visible after a delay.
    Retry,
    /// Its job cannot succeed: it goes to the dead letters with the reason.
    Reject(String),
    /// Its job was stopped: it becomes visible at once.
    HandBack,
}

/// A message that is ours. Dropping it ends the heartbeat, and the message becomes visible when its time runs out.
pub struct Lease {
    queue: Arc<dyn Queue>,
    delivery: Delivery,
    fence: Fence,
    end: LeaseEnd,
    heartbeat: JoinHandle<()>,
}

impl Lease {
    /// Holds a `delivery` that has just arrived with a visibility timeout of `visibility`, which is extended every third of it. Losing it
    /// cancels `job`.
    #[must_use]
    pub fn hold(
        queue: Arc<dyn Queue>,
        delivery: Delivery,
        visibility: Duration,
        job: CancellationToken,
    ) -> Self {
        // The queue began to count a moment earlier; the heartbeat's margin covers that.
        let received = Instant::now();
        let end = LeaseEnd::new(received + visibility);
        let heartbeat = Heartbeat {
            queue: Arc::clone(&queue),
            delivery: delivery.clone(),
            visibility,
            end: end.clone(),
        };
        let fence = Fence::leased(job, end.clone());
        let token = fence.token().clone();
        let last = received + LONGEST_HOLD;
        let beating = async move {
            heartbeat.beat(last).await;
            token.cancel();
        };
        let heartbeat = tokio::spawn(beating.in_current_span());
        Self { queue, delivery, fence, end, heartbeat }
    }

    /// The fence that closes when the lease ends.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// The message.
    #[must_use]
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// Ends the lease. Nothing that fails here is worse than a second delivery of the message, so it is a warning.
    pub async fn finish(self, verdict: Verdict) {
        self.heartbeat.abort();
        let is_ours = Instant::now() < self.end.get();
        let Delivery { receipt, receive_count, .. } = &self.delivery;
        let ended = match &verdict {
            // The job is done whoever has the message now.
            Verdict::Done => answered(ANSWER * 3, self.queue.delete(receipt)).await,
            // Another worker has the message, and decides.
            _ if !is_ours => return,
            Verdict::Retry => {
                let delay = retry_delay(*receive_count);
                answered(ANSWER * 3, self.queue.change_visibility(receipt, delay)).await
            }
            // Several calls; broken off in between, it would leave a dead letter and the message.
            Verdict::Reject(reason) => {
                answered(ANSWER * 10, self.queue.reject(&self.delivery, reason)).await
            }
            Verdict::HandBack => {
                answered(ANSWER * 3, self.queue.change_visibility(receipt, Duration::ZERO)).await
            }
        };
        if let Err(error) = ended {
            events::lease_not_ended(&verdict, &error);
        }
    }
}

/// Waits for the last word on a message. Clients of remote queues try again by themselves, which must fit in.
async fn answered(
    limit: Duration,
    call: impl Future<Output = Result<(), QueueError>>,
) -> Result<(), String> {
    match timeout(limit, call).await {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("the queue did not answer in time".to_owned()),
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.heartbeat.abort();
    }
}

/// Delay after the `receive_count`th receive.
fn retry_delay(receive_count: u32) -> Duration {
    let doublings = receive_count.saturating_sub(1).min(16);
    (SHORTEST_DELAY * 2_u32.pow(doublings)).min(LONGEST_DELAY)
}

struct Heartbeat {
    queue: Arc<dyn Queue>,
    delivery: Delivery,
    visibility: Duration,
    end: LeaseEnd,
}

impl Heartbeat {
    /// Extends the lease until that fails for good, or until `last`.
    async fn beat(self, last: Instant) {
        loop {
            sleep(self.visibility / 3).await;
            if Instant::now() >= last {
                events::lease_held_too_long();
                return;
            }
            if !self.extend().await {
                return;
            }
        }
    }

    /// Tries to extend the lease as long as there is time to stop the job before its end; false if it is lost.
    async fn extend(&self) -> bool {
        // Children must be dead before somebody else starts.
        let margin = (self.visibility / 10).min(ANSWER);
        loop {
            let asked = Instant::now();
            let left = (self.end.get() - margin).saturating_duration_since(asked);
            if left.is_zero() {
                events::lease_ran_out();
                return false;
            }
            let extension = self.queue.change_visibility(&self.delivery.receipt, self.visibility);
            match timeout(ANSWER.min(left), extension).await {
                Ok(Ok(())) => {
                    // The queue counts from when it heard us, which was later.
                    self.end.set(asked + self.visibility);
                    return true;
                }
                Ok(Err(QueueError::LeaseLost { .. })) => {
                    self.end.set(asked);
                    events::lease_lost();
                    return false;
                }
                Ok(Err(error)) => events::extension_failed(&error.to_string()),
                Err(_) => events::extension_failed("the queue did not answer in time"),
            }
            sleep(PAUSE.min(left)).await;
        }
    }
}
