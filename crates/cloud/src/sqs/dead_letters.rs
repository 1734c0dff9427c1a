//! Messages that are given up: putting them among the dead letters with a reason, and reading them again.

use std::time::Duration;

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, Message, MessageAttributeValue,
    MessageSystemAttributeName, QueueAttributeName,
};
use job::ports::{DeadLetter, Delivery, QueueError};
use serde::Deserialize;
use serde_json::Value;

use super::{LOOK, RECEIVE, SEND, SqsQueue, patient, queue_error, receive_count, seconds, url};
use crate::classify::Call;

/// Attribute with the reason.
const REASON: &str = "Reason";
/// Attribute with the id that the message had.
const ORIGINAL_ID: &str = "OriginalId";
/// Attribute that says how often the message had been received.
const RECEIVE_COUNT: &str = "ReceiveCount";

/// Longest reason, in characters. Attributes count towards the 1 MiB of a message.
const LONGEST_REASON: usize = 1000;
/// How long dead letters are hidden from others while they are read.
const READING: Duration = Duration::from_secs(30);
/// Waiting makes SQS ask all of its servers.
const READ_WAIT: Duration = Duration::from_secs(1);
/// Most messages in one receive.
const BATCH: i32 = 10;

/// The attribute `RedrivePolicy` of a queue.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedrivePolicy {
    dead_letter_target_arn: String,
    /// AWS writes a number, and takes a text of digits as well.
    max_receive_count: Value,
}

impl SqsQueue {
    /// The URL of the dead letters; none if the queue has none.
    pub(super) async fn dead_letter_url(&self) -> Result<Option<&str>, QueueError> {
        let url = self.dead_letters.get_or_try_init(|| self.find_dead_letters()).await?;
        Ok(url.as_deref())
    }

    /// How often SQS lets a message be received before it moves it to the dead letters by itself; none if the queue has none.
    ///
    /// # Errors
    ///
    /// If the queue does not say.
    pub async fn max_receive_count(&self) -> Result<Option<u64>, QueueError> {
        let count = self.redrive_policy().await?.map(|policy| policy.max_receive_count);
        Ok(count.and_then(|count| count.as_u64().or_else(|| count.as_str()?.parse().ok())))
    }

    async fn redrive_policy(&self) -> Result<Option<RedrivePolicy>, QueueError> {
        let [policy] = self.attributes(&self.url, [QueueAttributeName::RedrivePolicy]).await?;
        let Some(policy) = policy.filter(|policy| !policy.is_empty()) else {
            return Ok(None);
        };
        let unreadable =
            |_| self.unusable(format!("its redrive policy cannot be read: {policy:?}"));
        serde_json::from_str(&policy).map(Some).map_err(unreadable)
    }

    async fn find_dead_letters(&self) -> Result<Option<String>, QueueError> {
        const CALL: Call = Call { action: "sqs:GetQueueUrl", target: "queue of dead letters" };
        let Some(RedrivePolicy { dead_letter_target_arn: arn, .. }) = self.redrive_policy().await?
        else {
            return Ok(None);
        };
        let Some((name, account)) = url::of_arn(&arn) else {
            return Err(self.unusable(format!("its redrive policy names no queue: {arn:?}")));
        };
        let answer = self
            .client
            .get_queue_url()
            .queue_name(name)
            .queue_owner_aws_account_id(account)
            .customize()
            .config_override(patient(LOOK))
            .send()
            .await
            .map_err(|error| queue_error(&arn, CALL, &error))?;
        Ok(answer.queue_url)
    }

    async fn require_dead_letters(&self) -> Result<&str, QueueError> {
        self.dead_letter_url().await?.ok_or_else(|| {
            self.unusable("it has no queue of dead letters: set its redrive policy".to_owned())
        })
    }

    fn unusable(&self, reason: String) -> QueueError {
        QueueError::Unusable { queue: self.url.to_string(), reason }
    }

    /// Sends a copy with the reason; the message itself stays.
    pub(super) async fn send_dead_letter(
        &self,
        delivery: &Delivery,
        reason: &str,
    ) -> Result<(), QueueError> {
        const CALL: Call = Call { action: "sqs:SendMessage", target: "queue of dead letters" };
        let url = self.require_dead_letters().await?;
        let mut request = self.client.send_message().queue_url(url).message_body(&delivery.body);
        for (name, kind, value) in [
            (REASON, "String", plain(reason)),
            (ORIGINAL_ID, "String", plain(&delivery.id)),
            (RECEIVE_COUNT, "Number", delivery.receive_count.to_string()),
        ] {
            let value = MessageAttributeValue::builder().data_type(kind).string_value(value);
            let value = value.build().map_err(|error| self.unusable(error.to_string()))?;
            request = request.message_attributes(name, value);
        }
        request
            .customize()
            .config_override(patient(SEND))
            .send()
            .await
            .map_err(|error| queue_error(url, CALL, &error))?;
        Ok(())
    }

    /// Reads dead letters without taking them away: all, or the first `limit` or a few more. They are hidden from other readers for up to
    /// 30 s, and more than are read in that time may come twice.
    ///
    /// # Errors
    ///
    /// If there is no queue of dead letters, or it cannot be read.
    pub async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, QueueError> {
        let url = self.require_dead_letters().await?;
        let mut found = Vec::new();
        while found.len() < limit {
            let batch = self.receive_dead_letters(url).await?;
            if batch.is_empty() {
                break;
            }
            found.extend(batch);
        }
        for batch in found.chunks(10) {
            self.show_again(url, batch).await?;
        }
        Ok(found.into_iter().map(dead_letter).collect())
    }

    async fn receive_dead_letters(&self, url: &str) -> Result<Vec<Message>, QueueError> {
        const CALL: Call = Call { action: "sqs:ReceiveMessage", target: "queue of dead letters" };
        let answer = self
            .client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(BATCH)
            .wait_time_seconds(seconds(READ_WAIT))
            .visibility_timeout(seconds(READING))
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .customize()
            .config_override(patient(RECEIVE.with_wait(READ_WAIT)))
            .send()
            .await
            .map_err(|error| queue_error(url, CALL, &error))?;
        Ok(answer.messages.unwrap_or_default())
    }

    async fn show_again(&self, url: &str, messages: &[Message]) -> Result<(), QueueError> {
        const CALL: Call =
            Call { action: "sqs:ChangeMessageVisibility", target: "queue of dead letters" };
        let entries = (0..).zip(messages).filter_map(|(n, message)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(format!("{n}"))
                .set_receipt_handle(message.receipt_handle.clone())
                .visibility_timeout(0);
            entry.build().ok()
        });
        self.client
            .change_message_visibility_batch()
            .queue_url(url)
            .set_entries(Some(entries.collect()))
            .customize()
            .config_override(patient(LOOK))
            .send()
            .await
            .map_err(|error| queue_error(url, CALL, &error))?;
        Ok(())
    }
}

/// A message without our attributes was moved by SQS itself.
fn dead_letter(message: Message) -> DeadLetter {
    let attributes = message.message_attributes.as_ref();
    let attribute = |name| attributes.and_then(|a| a.get(name)?.string_value.clone());
    let reason = attribute(REASON)
        .unwrap_or_else(|| "it was received too often without being finished".to_owned());
    let counted = attribute(RECEIVE_COUNT).and_then(|digits| digits.parse().ok());
    DeadLetter {
        reason,
        receive_count: counted.unwrap_or_else(|| receive_count(&message)),
        id: attribute(ORIGINAL_ID).or(message.message_id).unwrap_or_default(),
        body: message.body.unwrap_or_default(),
    }
}

/// A text as SQS takes it for an attribute: not empty, not long, no control characters.
fn plain(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { ' ' } else { c })
        .take(LONGEST_REASON)
        .collect();
    if text.trim().is_empty() { "unknown".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_plain_text() {
        for (text, expected) in
            [("it holds no video", "it holds no video"), ("a\0\n b", "a   b"), ("\n", "unknown")]
        {
            assert_eq!(plain(text), expected);
        }
        assert_eq!(plain(&"\u{e9}".repeat(5000)).chars().count(), LONGEST_REASON);
    }
}
