//! What has to be so for the daemon to work: `run` looks before it receives anything, `doctor` tells all of it.

use anyhow::ensure;
use job::names::ObjectKind;
use job::ports::{Conditional, Depth, QueueError, Store, StoreError};
use tracing::warn;

use crate::wire::OpenQueue;

/// The object that is written where presentations are published.
const PROBE: &str = "doctor.json";

/// Presentations need writing, reading, and both kinds of writing on a condition.
///
/// # Errors
/// If one of them is not done as it should be.
pub async fn probe(store: &dyn Store) -> anyhow::Result<()> {
    const CONTENT: &[u8] = b"{}";
    const OVERWRITES: &str = "it overwrites whatever the condition, so that workers would undo each other's work: use a store with conditional writes";
    store.put(PROBE, ObjectKind::State, CONTENT).await?;
    let read = store.get(PROBE).await?;
    let version = read.filter(|object| object.bytes == CONTENT).map(|object| object.version);
    let Some(version) = version else { anyhow::bail!("{PROBE} is not read as it was written") };
    let created = store.create(PROBE, ObjectKind::State, CONTENT).await?;
    ensure!(created == Conditional::Refused, OVERWRITES);
    // Workers that start together replace each other's: only an error says anything.
    store.replace(PROBE, ObjectKind::State, CONTENT, &version).await?;
    Ok(())
}

/// A worker that cannot publish would take jobs only to fail them, and use up their receives.
///
/// # Errors
/// If the output cannot be used until somebody changes something.
pub async fn require_output(store: &dyn Store) -> anyhow::Result<()> {
    match probe(store).await {
        Err(error) if error.downcast_ref().is_some_and(|error: &StoreError| error.transient) => {
            warn!(%error, "the output does not answer, going on");
            Ok(())
        }
        probed => probed,
    }
}

/// What a queue says of itself.
pub struct QueueFacts {
    pub depth: Depth,
    /// How often a message is received before SQS takes it for dead; none without dead letters. A queue of this machine always has them.
    pub max_receive_count: Option<u64>,
}

/// Asks a queue.
///
/// # Errors
/// If it does not answer.
pub async fn look(queue: &OpenQueue) -> Result<QueueFacts, QueueError> {
    let depth = queue.port().depth().await?;
    let max_receive_count = match queue {
        OpenQueue::Sqlite(_) => Some(u64::MAX),
        OpenQueue::Sqs(sqs) => sqs.max_receive_count().await?,
    };
    Ok(QueueFacts { depth, max_receive_count })
}

/// A queue that is not there, or may not be asked, is told of at once.
///
/// # Errors
/// If it cannot be used until somebody changes something.
pub async fn require_queue(queue: &OpenQueue) -> Result<(), QueueError> {
    match look(queue).await {
        Ok(QueueFacts { max_receive_count: None, .. }) => {
            warn!(
                "the queue has no dead letters: what cannot be published comes again and again, set its redrive policy"
            );
            Ok(())
        }
        Ok(_) => Ok(()),
        Err(error @ QueueError::Unavailable { .. }) => {
            warn!(%error, "the queue does not answer, going on");
            Ok(())
        }
        Err(error) => Err(error),
    }
}
