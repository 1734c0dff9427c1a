//! When a job is given up. A queue's receive count rises with every drain and every lost machine, so it says nothing against a job; what
//! does is an engine that fails again and again without getting any further. That is counted in an object beside the plan, which any worker
//! that takes the job over goes on from.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use job::failure::{Decision, Failure, Step};
use job::names::ObjectKind;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::engine::EngineError;
use crate::line::Context;
use crate::output::BadOutput;

/// After so many failures without progress a job is given up.
const MOST_FAILURES: u32 = 3;

/// A job that was given up.
#[derive(Debug, Error)]
#[error("given up after {count} failures without progress, the last: {reason}")]
pub struct GivenUp {
    /// How often it failed since it last got any further.
    pub count: u32,
    /// Why it failed the last time.
    pub reason: String,
}

/// What is stored.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Stored {
    /// Failures since the job last got any further.
    count: u32,
    /// Why it failed the last time.
    reason: String,
}

/// The failures of one job, as one attempt at it sees them.
#[derive(Clone)]
pub(crate) struct Failures {
    context: Context,
    name: String,
    /// True if this attempt got the job any further.
    progressed: Arc<AtomicBool>,
}

impl Failures {
    /// Kept in the object `name`.
    pub(crate) fn new(context: Context, name: String) -> Self {
        Self { context, name, progressed: Arc::default() }
    }

    /// The job got further: what failed before no longer counts.
    pub(crate) async fn progressed(&self, step: Step) -> Result<(), Failure> {
        if self.progressed.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        self.update(step, |before| (before.count > 0).then(Stored::default)).await
    }

    /// The failure of an attempt as it counts: one too many is the end. Where it cannot be counted it stays what it is.
    pub(crate) async fn count(&self, failure: Failure) -> Failure {
        if self.progressed.load(Ordering::Relaxed) || !is_fault(&failure) {
            return failure;
        }
        let step = failure.step;
        let reason = failure.to_string();
        let count = AtomicU32::new(0);
        let counted = self.update(step, |before| {
            let after = before.count.saturating_add(1);
            count.store(after, Ordering::Relaxed);
            // Whoever takes a dead letter back into the queue wants it tried anew.
            let after = if after < MOST_FAILURES { after } else { 0 };
            Some(Stored { count: after, reason: reason.clone() })
        });
        let counted = counted.await;
        let count = count.into_inner();
        if counted.is_err() || count < MOST_FAILURES {
            return failure;
        }
        Failure::reject(step, GivenUp { count, reason })
    }

    async fn update(
        &self,
        step: Step,
        change: impl Fn(Stored) -> Option<Stored>,
    ) -> Result<(), Failure> {
        let change = |before: Option<&[u8]>| {
            // What cannot be read is no reason to fail: counting starts over.
            let before = before.and_then(|bytes| serde_json::from_slice(bytes).ok());
            let after = change(before.unwrap_or_default());
            let json = after.map(|after| serde_json::to_vec(&after)).transpose();
            json.map_err(|error| Failure::retry(step, error))
        };
        self.context.update(step, &self.name, ObjectKind::State, change).await
    }
}

/// True if what failed is the engine, in a way that is likely to come again.
fn is_fault(failure: &Failure) -> bool {
    let source = &failure.source;
    failure.decision == Decision::Retry
        && (source.downcast_ref::<EngineError>().is_some_and(EngineError::is_fault)
            || source.is::<BadOutput>())
}
