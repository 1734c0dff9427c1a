//! The fence of a job: whether it may still write.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use job::failure::{Failure, Step};
use thiserror::Error;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The job was told to stop, or nobody can say any more that its message is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the job was told to stop or its lease was lost")]
pub struct Stopped;

/// Stands between a job and the world: closed by cancellation and, for a job on a lease, by the lease's end.
///
/// The end is looked at beside the cancellation because a process that was stopped or starved for longer than its lease may run the
/// job before it runs the heartbeat that would cancel it.
#[derive(Clone, Debug)]
pub struct Fence {
    cancelled: CancellationToken,
    lease_end: Option<LeaseEnd>,
}

/// When a lease ends unless it is extended, on the monotonic clock.
#[derive(Clone, Debug)]
pub(crate) struct LeaseEnd(Arc<Mutex<Instant>>);

impl LeaseEnd {
    pub(crate) fn new(end: Instant) -> Self {
        Self(Arc::new(Mutex::new(end)))
    }

    pub(crate) fn get(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, end: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = end;
    }
}

impl Fence {
    /// The fence of a job that no queue delivered: closed by cancellation only.
    #[must_use]
    pub fn new(cancelled: CancellationToken) -> Self {
        Self { cancelled, lease_end: None }
    }

    pub(crate) fn leased(cancelled: CancellationToken, lease_end: LeaseEnd) -> Self {
        Self { cancelled, lease_end: Some(lease_end) }
    }

    /// A fence that closes with this one and can be closed alone.
    pub(crate) fn child(&self) -> Self {
        Self { cancelled: self.cancelled.child_token(), lease_end: self.lease_end.clone() }
    }

    /// What closes the fence early.
    #[must_use]
    pub fn token(&self) -> &CancellationToken {
        &self.cancelled
    }

    /// True if the job may not go on.
    pub(crate) fn is_closed(&self) -> bool {
        let ended = self.lease_end.as_ref().is_some_and(|end| Instant::now() >= end.get());
        ended || self.cancelled.is_cancelled()
    }

    /// Starts `operation` only while the fence is open, and waits for it only as long.
    ///
    /// # Errors
    /// A hand-back if the fence is closed.
    pub(crate) async fn pass<T>(
        &self,
        step: Step,
        operation: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        if self.is_closed() {
            return Err(Failure::hand_back(step, Stopped));
        }
        let result = self.cancelled.run_until_cancelled(operation).await;
        result.ok_or_else(|| Failure::hand_back(step, Stopped))
    }
}
