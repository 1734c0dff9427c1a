//! The outside world as the domain sees it: signatures only. `local` and `cloud` implement them, `worker` uses them.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use thiserror::Error;

use crate::metric::Metric;
use crate::names::ObjectKind;
use crate::recording::{Identity, SourceUri};

/// A message that is ours until its visibility timeout ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The message's id: the same at every delivery.
    pub id: String,
    /// Its body.
    pub body: String,
    /// Proof of this delivery; a later delivery makes it stale.
    pub receipt: ReceiptHandle,
    /// How often the message was received, this time included.
    pub receive_count: u32,
    /// When it was sent, if the queue says so.
    pub sent_at: Option<SystemTime>,
}

/// Proof that a message was delivered to us, needed to extend, delete or reject it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReceiptHandle(pub String);

/// How full a queue is. All counts are approximate where the queue's are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Depth {
    /// Messages that could be received now.
    pub visible: u64,
    /// Messages that are being worked on.
    pub in_flight: u64,
    /// Messages that become visible later.
    pub delayed: u64,
    /// Dead letters.
    pub dead: u64,
    /// Age of the oldest message that is neither deleted nor dead.
    pub oldest_age: Option<Duration>,
}

/// A message that was given up, and why.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DeadLetter {
    /// The message's id.
    pub id: String,
    /// Its body.
    pub body: String,
    /// Why it was given up, one sentence.
    pub reason: String,
    /// How often it had been received.
    pub receive_count: u32,
}

/// What a queue could not do.
#[derive(Debug, Error)]
pub enum QueueError {
    /// The receipt handle is no longer valid: the visibility timeout has passed, or somebody else has the message.
    #[error("the lease on message {id} is lost")]
    LeaseLost {
        /// The message's id or receipt.
        id: String,
    },
    /// The queue does not exist or we may not use it: trying again does not help until somebody changes something.
    #[error("the queue {queue} cannot be used: {reason}")]
    Unusable {
        /// The queue's URL.
        queue: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// Anything that may be better in a moment.
    #[error("the queue {queue} did not answer: {reason}")]
    Unavailable {
        /// The queue's URL.
        queue: String,
        /// What went wrong.
        reason: String,
    },
}

/// A queue with SQS's semantics: at-least-once delivery, visibility timeouts, receive counts, dead letters.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Receives at most one message and hides it from others for `visibility`. Waits up to `wait` for one to arrive; none is not an
    /// error. Dropping the future receives nothing.
    async fn receive(
        &self,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Option<Delivery>, QueueError>;

    /// Hides the message for `visibility` from now on; zero makes it visible at once. Fails with [`QueueError::LeaseLost`] if the
    /// handle is stale.
    async fn change_visibility(
        &self,
        receipt: &ReceiptHandle,
        visibility: Duration,
    ) -> Result<(), QueueError>;

    /// Deletes the message. A message that is gone already, or a handle that is stale, is not an error: the caller is done with it.
    async fn delete(&self, receipt: &ReceiptHandle) -> Result<(), QueueError>;

    /// Puts the message among the dead letters with a reason, then deletes it.
    async fn reject(&self, delivery: &Delivery, reason: &str) -> Result<(), QueueError>;

    /// Enqueues a message and returns its id.
    async fn send(&self, body: &str) -> Result<String, QueueError>;

    /// How full the queue is.
    async fn depth(&self) -> Result<Depth, QueueError>;
}

/// A version of an object, as the store tells versions apart (`ETag` in S3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(pub String);

/// An object and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its version.
    pub version: Version,
}

/// What came of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conditional {
    /// It was written.
    Written,
    /// The condition did not hold: the object exists, or is of another version. Nothing was changed.
    Refused,
}

/// What a store could not do.
#[derive(Debug, Error)]
#[error("{operation} of {name} failed: {reason}")]
pub struct StoreError {
    /// The operation.
    pub operation: &'static str,
    /// The object's name.
    pub name: String,
    /// What went wrong and, where one can, what to do.
    pub reason: String,
    /// True if trying again may help.
    pub transient: bool,
}

/// Where presentations are published.
#[async_trait]
pub trait Store: Send + Sync {
    /// Uploads a file under a name that says its content, so that writing it twice changes nothing.
    async fn upload(&self, name: &str, kind: ObjectKind, file: &Path) -> Result<(), StoreError>;

    /// Writes an object whatever was there before.
    async fn put(&self, name: &str, kind: ObjectKind, bytes: &[u8]) -> Result<(), StoreError>;

    /// Writes an object only if there is none of the name (`If-None-Match: *`).
    async fn create(
        &self,
        name: &str,
        kind: ObjectKind,
        bytes: &[u8],
    ) -> Result<Conditional, StoreError>;

    /// Writes an object only if it is still of `version` (`If-Match`).
    async fn replace(
        &self,
        name: &str,
        kind: ObjectKind,
        bytes: &[u8],
        version: &Version,
    ) -> Result<Conditional, StoreError>;

    /// Reads an object; none if there is none.
    async fn get(&self, name: &str) -> Result<Option<Object>, StoreError>;

    /// Length of an object in bytes; none if there is none.
    async fn size(&self, name: &str) -> Result<Option<u64>, StoreError>;
}

/// What could not be fetched.
#[derive(Debug, Error)]
pub enum FetchError {
    /// There is no such recording; trying again does not bring it back.
    #[error("there is no recording at {0}")]
    Missing(SourceUri),
    /// Something else lies there by now; what is there is announced by a message of its own.
    #[error("{0} is no longer the recording that was announced: it was replaced")]
    Replaced(SourceUri),
    /// This worker has no way to read it.
    #[error("{0} cannot be read by this worker: {1}")]
    Refused(SourceUri, String),
    /// Anything that may be better in a moment.
    #[error("{0} could not be fetched: {1}")]
    Unavailable(SourceUri, String),
}

/// Where recordings come from.
#[async_trait]
pub trait Recordings: Send + Sync {
    /// Makes a recording readable as a local file: the path of the file itself, or of a copy in `scratch`. A copy is of the bytes that
    /// `identity` speaks of, or there is none; a file that is read where it lies is taken for what it was announced to be.
    async fn fetch(
        &self,
        source: &SourceUri,
        identity: &Identity,
        scratch: &Path,
    ) -> Result<PathBuf, FetchError>;
}

/// One measurement for operators and autoscaling.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// What is measured.
    pub metric: Metric,
    /// Its value in the metric's unit.
    pub value: f64,
    /// Why, for [`Metric::JobsFailed`]: one of few, such as `reject-index`.
    pub reason: Option<String>,
}

impl Measure {
    /// A measurement without a reason.
    #[must_use]
    pub const fn new(metric: Metric, value: f64) -> Self {
        Self { metric, value, reason: None }
    }
}

/// Where measurements go. Never blocks, never fails: what cannot be kept is dropped.
pub trait Metrics: Send + Sync {
    /// Takes a measurement.
    fn record(&self, measure: Measure);
}

/// What the group of machines could not do.
#[derive(Debug, Error)]
#[error("{group} cannot be told: {reason}")]
pub struct FleetError {
    /// Which group, or the group of which machine.
    pub group: String,
    /// What is wrong and what to do.
    pub reason: String,
}

/// The group of machines that this one belongs to, which grows and shrinks.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// Keeps this machine from being chosen when the group shrinks, or no longer.
    async fn protect(&self, protected: bool) -> Result<(), FleetError>;
}

/// The wall clock, for reports only; durations are measured on the monotonic one.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> SystemTime;
}
