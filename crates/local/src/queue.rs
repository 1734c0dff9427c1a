//! A queue with SQS's semantics in an `SQLite` database.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use job::ports::{Clock, DeadLetter, Delivery, Depth, Queue, QueueError, ReceiptHandle};
use tokio::time::{Instant, sleep};

use crate::sqlite::Database;

/// How often a long poll looks for a message.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Interrupted jobs are received again without fault of theirs, so the limit is high.
const DEFAULT_MAX_RECEIVE_COUNT: NonZeroU32 = NonZeroU32::new(50).unwrap();

/// A queue with SQS's semantics in one `SQLite` file, for any number of processes on one machine.
///
/// Semantics beyond the port's, as AWS documents them for standard queues:
/// - messages come oldest first;
/// - a message that was received as often as allowed goes to the dead letters instead of being received once more;
/// - once its visibility timeout has passed, a receipt can no longer extend (AWS: `MessageNotInflight`) but, until the message is
///   received again, still delete or reject;
/// - a message that was given back with a delay counts as in flight; nothing is ever counted as delayed.
///
/// Rejecting with a stale receipt changes nothing and is [`QueueError::LeaseLost`].
///
/// # Sharing between users
///
/// The database is created with mode 0660 whatever the umask, and `SQLite` gives the same to its `-wal` and `-shm` files. For two
/// users to share it, its directory must belong to a common group, be writable by it, and have the set-group-ID bit
/// (`install -d -m 2770 -g GROUP DIR`), for every process may have to create the journal anew.
///
/// The file must be on a local file system: the write-ahead log needs shared memory (<https://sqlite.org/wal.html>).
#[derive(Clone)]
pub struct SqliteQueue {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
    max_receive_count: NonZeroU32,
}

impl SqliteQueue {
    /// Opens the queue in the file at `path`, and creates it if there is none. Blocks for a moment.
    ///
    /// # Errors
    ///
    /// [`QueueError::Unusable`] if the directory does not exist, if the file is something else, or if this user may not write it.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, QueueError> {
        let database = Arc::new(Database::open(path)?);
        Ok(Self { database, clock, max_receive_count: DEFAULT_MAX_RECEIVE_COUNT })
    }

    /// Sets how often a message is received before it goes to the dead letters; 50 if not called.
    #[must_use]
    pub fn with_max_receive_count(mut self, max_receive_count: NonZeroU32) -> Self {
        self.max_receive_count = max_receive_count;
        self
    }

    /// [`Queue::send`] for programs without an async runtime. When it returns, the message is on disk.
    ///
    /// # Errors
    ///
    /// As for [`Queue::send`].
    pub fn send_blocking(&self, body: &str) -> Result<String, QueueError> {
        self.database.send(body, self.clock.now())
    }

    /// All dead letters, in the order in which they died.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>, QueueError> {
        self.blocking(|database| database.dead_letters()).await
    }

    /// Puts a dead letter back into the queue under its old id, as if it had just been sent. False if there is none of this id.
    ///
    /// # Errors
    ///
    /// If the database cannot be written.
    pub async fn redrive(&self, id: &str) -> Result<bool, QueueError> {
        let (id, now) = (id.to_owned(), self.clock.now());
        self.blocking(move |database| database.redrive(&id, now)).await
    }

    async fn try_receive(&self, visibility: Duration) -> Result<Option<Delivery>, QueueError> {
        let (clock, limit) = (Arc::clone(&self.clock), self.max_receive_count.get());
        let held = self
            .blocking(move |database| {
                let delivery = database.receive(clock.now(), visibility, limit)?;
                Ok(Held { database: Arc::clone(database), delivery })
            })
            .await?;
        Ok(held.hand_over())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Database>) -> Result<T, QueueError> + Send + 'static,
    ) -> Result<T, QueueError> {
        let database = Arc::clone(&self.database);
        match tokio::task::spawn_blocking(move || work(&database)).await {
            Ok(result) => result,
            Err(stopped) => Err(QueueError::Unavailable {
                queue: self.database.url().to_owned(),
                reason: format!("the call was interrupted: {stopped}"),
            }),
        }
    }
}

/// A delivery on its way from the blocking thread to the future that asked for it.
///
/// The thread cannot be stopped when the future is dropped, so the delivery undoes itself wherever it is dropped: on the thread if
/// the future was gone before, with the future if the answer had arrived but was never looked at. The latter writes to the
/// database on the runtime's own thread, for milliseconds: a task that is spawned while the runtime shuts down might never run.
struct Held {
    database: Arc<Database>,
    delivery: Option<Delivery>,
}

impl Held {
    fn hand_over(mut self) -> Option<Delivery> {
        self.delivery.take()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(delivery) = self.delivery.take() else {
            return;
        };
        if let Err(error) = self.database.put_back(&delivery.receipt) {
            tracing::warn!(id = delivery.id, %error, "message stays hidden until its visibility timeout");
        }
    }
}

#[async_trait]
impl Queue for SqliteQueue {
    async fn receive(
        &self,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Option<Delivery>, QueueError> {
        let started = Instant::now();
        loop {
            let delivery = self.try_receive(visibility).await?;
            let left = wait.saturating_sub(started.elapsed());
            if delivery.is_some() || left.is_zero() {
                return Ok(delivery);
            }
            sleep(left.min(POLL_INTERVAL)).await;
        }
    }

    async fn change_visibility(
        &self,
        receipt: &ReceiptHandle,
        visibility: Duration,
    ) -> Result<(), QueueError> {
        let (receipt, clock) = (receipt.clone(), Arc::clone(&self.clock));
        self.blocking(move |database| database.change_visibility(&receipt, clock.now(), visibility))
            .await
    }

    async fn delete(&self, receipt: &ReceiptHandle) -> Result<(), QueueError> {
        let receipt = receipt.clone();
        self.blocking(move |database| database.delete(&receipt)).await
    }

    async fn reject(&self, delivery: &Delivery, reason: &str) -> Result<(), QueueError> {
        let (delivery, reason, now) = (delivery.clone(), reason.to_owned(), self.clock.now());
        self.blocking(move |database| database.reject(&delivery, &reason, now)).await
    }

    async fn send(&self, body: &str) -> Result<String, QueueError> {
        let (body, now) = (body.to_owned(), self.clock.now());
        self.blocking(move |database| database.send(&body, now)).await
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        let now = self.clock.now();
        self.blocking(move |database| database.depth(now)).await
    }
}
