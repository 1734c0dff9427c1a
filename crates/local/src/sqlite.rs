//! The blocking core of the queue: one connection to the database, one method for each thing that can happen to a message.
//!
//! Times are milliseconds of the wall clock since 1970, for several processes share the database. A message that may be received
//! has been visible since 0, not since it was sent: a clock that is set back must not hide it.

mod error;
mod schema;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use job::ports::{DeadLetter, Delivery, Depth, QueueError, ReceiptHandle};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

/// An open queue database.
pub(crate) struct Database {
    connection: Mutex<Connection>,
    /// How errors name it.
    url: String,
}

/// A visible message, about to be delivered.
struct Candidate {
    seq: i64,
    id: String,
    body: String,
    receive_count: u32,
    /// Milliseconds since 1970.
    enqueued_at: i64,
}

impl Database {
    /// Opens the database, and creates it if there is none. The directory must exist.
    pub(crate) fn open(path: &Path) -> Result<Self, QueueError> {
        let url = format!("sqlite:{}", path.display());
        let connection = schema::open(path, &url)?;
        Ok(Self { connection: Mutex::new(connection), url })
    }

    /// How errors and logs name it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Enqueues a message and returns its id once it is on disk.
    pub(crate) fn send(&self, body: &str, now: SystemTime) -> Result<String, QueueError> {
        // A statement with RETURNING that is left after its row commits when it is reset: whether that failed is never heard of,
        // and the journal is not checkpointed.
        self.within_transaction(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO messages (id, body, enqueued_at)
                     VALUES (lower(hex(randomblob(16))), ?1, ?2) RETURNING id",
                )?
                .query_row(params![body, millis(now)], |row| row.get(0))
        })
    }

    /// Takes the oldest visible message. Those that were received `max_receive_count` times become dead letters on the way.
    pub(crate) fn receive(
        &self,
        now: SystemTime,
        visibility: Duration,
        max_receive_count: u32,
    ) -> Result<Option<Delivery>, QueueError> {
        self.within_transaction(|transaction| {
            while let Some(candidate) = oldest_visible(transaction, now)? {
                if candidate.receive_count < max_receive_count {
                    return deliver(transaction, candidate, now, visibility).map(Some);
                }
                let reason = format!("received {} times without success", candidate.receive_count);
                bury(transaction, candidate.seq, &reason, now)?;
            }
            Ok(None)
        })
    }

    /// Undoes a delivery that nobody has seen.
    pub(crate) fn put_back(&self, receipt: &ReceiptHandle) -> Result<(), QueueError> {
        self.with(|connection| {
            connection.execute(
                "UPDATE messages SET visible_at = 0, receipt = NULL, receive_count = receive_count - 1
                 WHERE receipt = ?1",
                [&receipt.0],
            )
        })?;
        Ok(())
    }

    /// Hides a message that is in flight until `visibility` from now.
    pub(crate) fn change_visibility(
        &self,
        receipt: &ReceiptHandle,
        now: SystemTime,
        visibility: Duration,
    ) -> Result<(), QueueError> {
        let visible_at = if visibility.is_zero() { 0 } else { after(now, visibility) };
        let changed = self.with(|connection| {
            connection
                .prepare_cached(
                    "UPDATE messages SET visible_at = ?1 WHERE receipt = ?2 AND visible_at > ?3",
                )?
                .execute(params![visible_at, receipt.0, millis(now)])
        })?;
        if changed == 0 { Err(lease_lost(&receipt.0)) } else { Ok(()) }
    }

    /// Deletes a message by its newest receipt, whether or not its visibility timeout has passed; any other receipt does nothing.
    pub(crate) fn delete(&self, receipt: &ReceiptHandle) -> Result<(), QueueError> {
        self.with(|connection| {
            connection
                .prepare_cached("DELETE FROM messages WHERE receipt = ?1")?
                .execute([&receipt.0])
        })?;
        Ok(())
    }

    /// Moves a message to the dead letters.
    pub(crate) fn reject(
        &self,
        delivery: &Delivery,
        reason: &str,
        now: SystemTime,
    ) -> Result<(), QueueError> {
        let moved = self.within_transaction(|transaction| {
            let seq: Option<i64> = transaction
                .query_row(
                    "SELECT seq FROM messages WHERE receipt = ?1",
                    [&delivery.receipt.0],
                    |row| row.get(0),
                )
                .optional()?;
            seq.map(|seq| bury(transaction, seq, reason, now)).transpose()
        })?;
        moved.ok_or_else(|| lease_lost(&delivery.id))
    }

    /// How full the queue is.
    pub(crate) fn depth(&self, now: SystemTime) -> Result<Depth, QueueError> {
        self.with(|connection| {
            connection.query_row(
                "SELECT count(*) FILTER (WHERE visible_at <= ?1),
                        count(*) FILTER (WHERE visible_at > ?1),
                        (SELECT count(*) FROM dead), min(enqueued_at) FROM messages",
                [millis(now)],
                |row| {
                    Ok(Depth {
                        visible: row.get::<_, u32>(0)?.into(),
                        in_flight: row.get::<_, u32>(1)?.into(),
                        delayed: 0,
                        dead: row.get::<_, u32>(2)?.into(),
                        oldest_age: row.get::<_, Option<i64>>(3)?.map(|then| age(then, now)),
                    })
                },
            )
        })
    }

    /// All dead letters, the oldest first.
    pub(crate) fn dead_letters(&self) -> Result<Vec<DeadLetter>, QueueError> {
        self.with(|connection| {
            connection
                .prepare(
                    "SELECT id, body, reason, receive_count FROM dead ORDER BY died_at, rowid",
                )?
                .query_map([], |row| {
                    Ok(DeadLetter {
                        id: row.get(0)?,
                        body: row.get(1)?,
                        reason: row.get(2)?,
                        receive_count: row.get(3)?,
                    })
                })?
                .collect()
        })
    }

    /// Puts a dead letter at the end of the queue, as if it had just been sent; false if there is none of the id.
    pub(crate) fn redrive(&self, id: &str, now: SystemTime) -> Result<bool, QueueError> {
        self.within_transaction(|transaction| {
            let moved = transaction.execute(
                "INSERT INTO messages (id, body, enqueued_at) SELECT id, body, ?2 FROM dead WHERE id = ?1",
                params![id, millis(now)],
            )?;
            transaction.execute("DELETE FROM dead WHERE id = ?1", [id])?;
            Ok(moved == 1)
        })
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, QueueError> {
        work(&self.lock()).map_err(|failure| error::explain(&self.url, &failure))
    }

    /// Takes the write lock first: a transaction that reads and then writes could find that another process wrote in between.
    fn within_transaction<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, QueueError> {
        let mut connection = self.lock();
        let result = connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(
            |transaction| {
                let value = work(&transaction)?;
                transaction.commit()?;
                Ok(value)
            },
        );
        result.map_err(|failure| error::explain(&self.url, &failure))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic within a transaction rolled it back: the connection is as good as before.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn oldest_visible(
    transaction: &Transaction<'_>,
    now: SystemTime,
) -> rusqlite::Result<Option<Candidate>> {
    // In the order of the primary key, past the few that are in flight.
    transaction
        .prepare_cached(
            "SELECT seq, id, body, receive_count, enqueued_at FROM messages
             WHERE visible_at <= ?1 ORDER BY seq LIMIT 1",
        )?
        .query_row([millis(now)], |row| {
            Ok(Candidate {
                seq: row.get(0)?,
                id: row.get(1)?,
                body: row.get(2)?,
                receive_count: row.get(3)?,
                enqueued_at: row.get(4)?,
            })
        })
        .optional()
}

fn deliver(
    transaction: &Transaction<'_>,
    candidate: Candidate,
    now: SystemTime,
    visibility: Duration,
) -> rusqlite::Result<Delivery> {
    let receive_count = candidate.receive_count.saturating_add(1);
    let receipt = transaction
        .prepare_cached(
            "UPDATE messages SET visible_at = ?1, receive_count = ?2,
                    receipt = lower(hex(randomblob(16))) WHERE seq = ?3 RETURNING receipt",
        )?
        .query_row(params![after(now, visibility), receive_count, candidate.seq], |row| {
            row.get(0)
        })?;
    Ok(Delivery {
        id: candidate.id,
        body: candidate.body,
        receipt: ReceiptHandle(receipt),
        receive_count,
        sent_at: time(candidate.enqueued_at),
    })
}

fn bury(
    transaction: &Transaction<'_>,
    seq: i64,
    reason: &str,
    now: SystemTime,
) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT INTO dead (id, body, reason, receive_count, enqueued_at, died_at)
         SELECT id, body, ?2, receive_count, enqueued_at, ?3 FROM messages WHERE seq = ?1",
        params![seq, reason, millis(now)],
    )?;
    transaction.execute("DELETE FROM messages WHERE seq = ?1", [seq])?;
    Ok(())
}

fn lease_lost(id: &str) -> QueueError {
    QueueError::LeaseLost { id: id.to_owned() }
}

fn millis(time: SystemTime) -> i64 {
    // A clock before 1970 is a machine without one: every message is then simply visible.
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

fn time(millis: i64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(u64::try_from(millis).ok()?))
}

fn after(now: SystemTime, visibility: Duration) -> i64 {
    millis(now).saturating_add(i64::try_from(visibility.as_millis()).unwrap_or(i64::MAX))
}

fn age(then: i64, now: SystemTime) -> Duration {
    Duration::from_millis(u64::try_from(millis(now).saturating_sub(then)).unwrap_or(0))
}
