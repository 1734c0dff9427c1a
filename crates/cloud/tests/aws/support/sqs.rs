//! Queues to test with.

use aws_sdk_sqs::types::QueueAttributeName;

use super::{Ministack, unique};

/// A queue and its dead letters, by URL.
pub struct Queues {
    pub url: String,
    pub dead_url: String,
}

pub async fn make_queues(ministack: &Ministack, max_receive_count: u32) -> Queues {
    let client = aws_sdk_sqs::Client::new(&ministack.sdk().await);
    let name = unique("recordings");
    let dead = client.create_queue().queue_name(format!("{name}-dead")).send().await.unwrap();
    let dead_url = dead.queue_url.unwrap();
    let arn = client
        .get_queue_attributes()
        .queue_url(&dead_url)
        .attribute_names(QueueAttributeName::QueueArn)
        .send()
        .await
        .unwrap()
        .attributes
        .unwrap()
        .remove(&QueueAttributeName::QueueArn)
        .unwrap();
    let policy =
        format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"{max_receive_count}"}}"#);
    let queue = client
        .create_queue()
        .queue_name(name)
        .attributes(QueueAttributeName::RedrivePolicy, policy)
        .send()
        .await
        .unwrap();
    Queues { url: queue.queue_url.unwrap(), dead_url }
}
