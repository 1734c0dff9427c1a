//! SQS as the queue.

mod dead_letters;
mod url;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use aws_config::Region;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::error::SdkError;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use job::ports::{Delivery, Depth, Queue, QueueError, ReceiptHandle};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::classify::{Call, Class, Failure};
use crate::client::{Aws, Patience};

/// Longest wait for a message that SQS knows.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// Longest visibility timeout that SQS knows.
const LONGEST_VISIBILITY: Duration = Duration::from_hours(12);
/// How long an answer may take once the wait for a message is over.
const AFTER_WAIT: Duration = Duration::from_secs(10);

/// Once more after a connection that died in the pool; otherwise whoever receives in a loop comes back, and pauses as it sees fit.
const RECEIVE: Patience = Patience::new(2, AFTER_WAIT);
/// A lease is at stake and its owner gives an extension 3 s: short attempts, so that a second one fits in.
const EXTEND: Patience = Patience::new(3, Duration::from_secs(2));
/// Repeating it does no harm, and doing it saves a second delivery.
const DELETE: Patience = Patience::new(3, Duration::from_secs(3));
/// A job that is not announced is found by nobody; one that is announced twice is done once.
const SEND: Patience = Patience::new(5, Duration::from_secs(10));
/// Asked every few seconds anyway.
const LOOK: Patience = Patience::new(2, Duration::from_secs(10));

/// A standard queue of SQS.
///
/// The future of a `receive` may be dropped, but its request cannot be taken back: for as long as it would have waited, a message may still
/// be given to it. So it goes on by itself, and hands back at once what it gets; [`SqsQueue::settle`] waits for that at the end of a
/// program.
#[derive(Debug)]
pub struct SqsQueue {
    client: Client,
    url: Arc<str>,
    /// Receives that nobody waits for any more.
    abandoned: TaskTracker,
    /// The URL of the queue of dead letters, or none if the queue has none; looked up when first needed, for who only sends need not be
    /// allowed to ask.
    dead_letters: OnceCell<Option<String>>,
}

impl SqsQueue {
    /// The queue of a URL such as `https://sqs.eu-central-1.amazonaws.com/123456789012/recordings`. Calls nobody.
    ///
    /// The region in the URL goes before the configured one, for the same name elsewhere is another queue.
    ///
    /// # Errors
    ///
    /// If the URL is none of a queue.
    pub fn open(aws: &Aws, url: &str) -> Result<Self, QueueError> {
        if !url::is_queue(url) {
            return Err(QueueError::Unusable {
                queue: url.to_owned(),
                reason: "it is no URL of an SQS queue: use https://sqs.<region>.amazonaws.com/<account>/<name>"
                    .to_owned(),
            });
        }
        let mut config = Builder::from(aws.config());
        if let Some(region) = url::region(url) {
            config = config.region(Region::new(region.to_owned()));
        }
        let client = Client::from_conf(config.build());
        let (abandoned, dead_letters) = (TaskTracker::new(), OnceCell::new());
        Ok(Self { client, url: url.into(), abandoned, dead_letters })
    }

    /// Waits until every abandoned receive has ended, as long as a receive takes at most. Nothing is to be received after it.
    pub async fn settle(&self) {
        self.abandoned.close();
        self.abandoned.wait().await;
    }

    /// The same queue with the URL of its dead letters, which is otherwise found by the queue's redrive policy.
    #[must_use]
    pub fn with_dead_letters(self, url: &str) -> Self {
        Self { dead_letters: OnceCell::new_with(Some(Some(url.to_owned()))), ..self }
    }

    async fn attributes<const N: usize>(
        &self,
        url: &str,
        names: [QueueAttributeName; N],
    ) -> Result<[Option<String>; N], QueueError> {
        const CALL: Call = Call { action: "sqs:GetQueueAttributes", target: "queue" };
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(url)
            .set_attribute_names(Some(names.to_vec()))
            .customize()
            .config_override(patient(LOOK))
            .send()
            .await
            .map_err(|error| queue_error(url, CALL, &error))?;
        let mut values = answer.attributes.unwrap_or_default();
        Ok(names.map(|name| values.remove(&name)))
    }

    /// Visible, in flight and delayed messages of a queue.
    async fn counts(&self, url: &str) -> Result<[u64; 3], QueueError> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let values = self.attributes(url, names).await?;
        Ok(values.map(|value| value.and_then(|digits| digits.parse().ok()).unwrap_or(0)))
    }

    /// An error of a call that needs a receipt handle.
    fn receipt_error<E>(
        &self,
        action: &'static str,
        receipt: &ReceiptHandle,
        error: &SdkError<E, HttpResponse>,
    ) -> QueueError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let call = Call { action, target: "queue" };
        if is_stale(&Failure::new(call, error)) {
            return QueueError::LeaseLost { id: receipt.0.clone() };
        }
        queue_error(&self.url, call, error)
    }
}

#[async_trait]
impl Queue for SqsQueue {
    async fn receive(
        &self,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Option<Delivery>, QueueError> {
        let receive = receive(self.client.clone(), Arc::clone(&self.url), wait, visibility);
        let mut receiving = Receiving { task: Some(tokio::spawn(receive)), queue: self };
        receiving.answer().await
    }

    async fn change_visibility(
        &self,
        receipt: &ReceiptHandle,
        visibility: Duration,
    ) -> Result<(), QueueError> {
        self.client
            .change_message_visibility()
            .queue_url(&*self.url)
            .receipt_handle(&receipt.0)
            .visibility_timeout(seconds(visibility))
            .customize()
            .config_override(patient(EXTEND))
            .send()
            .await
            .map_err(|error| self.receipt_error("sqs:ChangeMessageVisibility", receipt, &error))?;
        Ok(())
    }

    async fn delete(&self, receipt: &ReceiptHandle) -> Result<(), QueueError> {
        let deleted = self
            .client
            .delete_message()
            .queue_url(&*self.url)
            .receipt_handle(&receipt.0)
            .customize()
            .config_override(patient(DELETE))
            .send()
            .await
            .map_err(|error| self.receipt_error("sqs:DeleteMessage", receipt, &error));
        match deleted {
            Ok(_) | Err(QueueError::LeaseLost { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn reject(&self, delivery: &Delivery, reason: &str) -> Result<(), QueueError> {
        self.send_dead_letter(delivery, reason).await?;
        self.delete(&delivery.receipt).await
    }

    async fn send(&self, body: &str) -> Result<String, QueueError> {
        const CALL: Call = Call { action: "sqs:SendMessage", target: "queue" };
        let answer = self
            .client
            .send_message()
            .queue_url(&*self.url)
            .message_body(body)
            .customize()
            .config_override(patient(SEND))
            .send()
            .await
            .map_err(|error| queue_error(&self.url, CALL, &error))?;
        Ok(answer.message_id.unwrap_or_default())
    }

    /// The age of the oldest message is none: SQS tells it to `CloudWatch` only.
    async fn depth(&self) -> Result<Depth, QueueError> {
        let [visible, in_flight, delayed] = self.counts(&self.url).await?;
        let dead = match self.dead_letter_url().await? {
            // Somebody who looks at dead letters has them in flight.
            Some(url) => self.counts(url).await?.into_iter().fold(0, u64::saturating_add),
            None => 0,
        };
        Ok(Depth { visible, in_flight, delayed, dead, oldest_age: None })
    }
}

/// A request for a message, on a task of its own.
async fn receive(
    client: Client,
    url: Arc<str>,
    wait: Duration,
    visibility: Duration,
) -> Result<Option<Delivery>, QueueError> {
    const CALL: Call = Call { action: "sqs:ReceiveMessage", target: "queue" };
    let wait = wait.min(LONGEST_WAIT);
    let answer = client
        .receive_message()
        .queue_url(&*url)
        .max_number_of_messages(1)
        .wait_time_seconds(seconds(wait))
        .visibility_timeout(seconds(visibility))
        .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
        .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
        .customize()
        .config_override(patient(RECEIVE.with_wait(wait)))
        .send()
        .await
        .map_err(|error| queue_error(&url, CALL, &error))?;
    let message = answer.messages.unwrap_or_default().into_iter().next();
    Ok(message.and_then(delivery))
}

/// Somebody waits for a message; when they do so no longer, the message is handed back.
struct Receiving<'a> {
    /// None once it was answered.
    task: Option<JoinHandle<Result<Option<Delivery>, QueueError>>>,
    queue: &'a SqsQueue,
}

impl Receiving<'_> {
    async fn answer(&mut self) -> Result<Option<Delivery>, QueueError> {
        let Some(task) = &mut self.task else { return Ok(None) };
        let answered = task.await;
        self.task = None;
        answered.unwrap_or_else(|stopped| {
            let (queue, reason) = (self.queue.url.to_string(), stopped.to_string());
            Err(QueueError::Unavailable { queue, reason })
        })
    }
}

impl Drop for Receiving<'_> {
    fn drop(&mut self) {
        let Some(task) = self.task.take() else { return };
        let (client, url) = (self.queue.client.clone(), Arc::clone(&self.queue.url));
        self.queue.abandoned.spawn(async move {
            // Whatever else it brought is nobody's business any more.
            if let Ok(Ok(Some(delivery))) = task.await
                && let Err(error) = hand_back(&client, &url, &delivery).await
            {
                tracing::warn!(id = delivery.id, %error, "message stays hidden until its visibility timeout");
            }
        });
    }
}

async fn hand_back(client: &Client, url: &str, delivery: &Delivery) -> Result<(), QueueError> {
    const CALL: Call = Call { action: "sqs:ChangeMessageVisibility", target: "queue" };
    client
        .change_message_visibility()
        .queue_url(url)
        .receipt_handle(&delivery.receipt.0)
        .visibility_timeout(0)
        .customize()
        .config_override(patient(EXTEND))
        .send()
        .await
        .map_err(|error| queue_error(url, CALL, &error))?;
    Ok(())
}

/// None if it lacks what every message has.
fn delivery(message: Message) -> Option<Delivery> {
    let receive_count = receive_count(&message);
    let sent_at = sent_at(&message);
    Some(Delivery {
        id: message.message_id?,
        body: message.body.unwrap_or_default(),
        receipt: ReceiptHandle(message.receipt_handle?),
        receive_count,
        sent_at,
    })
}

fn receive_count(message: &Message) -> u32 {
    let count = attribute(message, &MessageSystemAttributeName::ApproximateReceiveCount);
    count.and_then(|digits| digits.parse().ok()).unwrap_or(1)
}

/// SQS says it in milliseconds since 1970.
fn sent_at(message: &Message) -> Option<SystemTime> {
    let digits = attribute(message, &MessageSystemAttributeName::SentTimestamp)?;
    UNIX_EPOCH.checked_add(Duration::from_millis(digits.parse().ok()?))
}

fn attribute<'a>(message: &'a Message, name: &MessageSystemAttributeName) -> Option<&'a str> {
    message.attributes.as_ref()?.get(name).map(String::as_str)
}

fn patient(patience: Patience) -> Builder {
    Builder::new().timeout_config(patience.timeouts()).retry_config(patience.retries())
}

/// Whole seconds, rounded up, as far as SQS goes.
fn seconds(time: Duration) -> i32 {
    let rounded = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    i32::try_from(rounded.min(LONGEST_VISIBILITY.as_secs())).unwrap_or(i32::MAX)
}

/// True if the answer says that the receipt handle is good no more. SQS has three ways to say so, the third of them for a handle that has
/// expired, and for a message that has been held for 12 hours in all.
fn is_stale(failure: &Failure) -> bool {
    let code = failure.code.rsplit(['.', '#']).next().unwrap_or_default();
    matches!(
        code,
        "MessageNotInflight"
            | "ReceiptHandleIsInvalid"
            | "InvalidParameterValue"
            | "InvalidParameterValueException"
    )
}

fn queue_error<E>(url: &str, call: Call, error: &SdkError<E, HttpResponse>) -> QueueError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let Failure { class, reason, .. } = Failure::new(call, error);
    let queue = url.to_owned();
    match class {
        Class::Throttled
        | Class::Unreachable
        | Class::Service
        | Class::Conflict
        | Class::Expired
        | Class::Clock => QueueError::Unavailable { queue, reason },
        _ => QueueError::Unusable { queue, reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_seconds_within_what_sqs_takes() {
        for (time, expected) in [
            (Duration::ZERO, 0),
            (Duration::from_millis(1), 1),
            (Duration::from_mins(2), 120),
            (Duration::MAX, 43_200),
        ] {
            assert_eq!(seconds(time), expected);
        }
    }

    #[test]
    fn a_receive_outlasts_its_wait() {
        let timeouts = RECEIVE.with_wait(LONGEST_WAIT).timeouts();
        assert_eq!(timeouts.operation_attempt_timeout(), Some(Duration::from_secs(30)));
    }
}
