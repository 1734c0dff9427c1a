//! The line of one job, from a recording to its publication. Each step consumes what the one before it made; a failure anywhere leaves
//! objects that nobody refers to, or that the next worker goes on from.

use std::future::Future;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use job::failure::{Failure, Step};
use job::names::ObjectKind;
use job::ports::{Conditional, Recordings, Store, StoreError};
use job::recording::Recording;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::claim::{Claimed, Planned, claim};
use crate::encode::{Committed, Encoded};
use crate::engine::Engine;
use crate::events;
use crate::fence::Fence;
use crate::profiles::Profiles;
use crate::progress::{Observer, Tracker};

/// How often a write starts over because somebody else wrote in between. More than a few at one name means a fault.
const ATTEMPTS: usize = 8;

/// What jobs need of the world; shared by all jobs of a process.
pub struct Tools {
    /// Where presentations are published.
    pub store: Arc<dyn Store>,
    /// Where recordings come from.
    pub recordings: Arc<dyn Recordings>,
    /// What looks into recordings.
    pub engine: Arc<dyn Engine>,
    /// The profiles that messages may ask for.
    pub profiles: Profiles,
    /// Directory for the jobs' working directories, on a disk with room for recordings and results.
    pub scratch: PathBuf,
    /// At most so many chunks of one job are encoded or uploaded at a time. More than the engine has slots, so that uploads do not
    /// keep it waiting; not all of them, so that a slow store does not fill the disk.
    pub chunks_in_flight: NonZeroUsize,
    /// Whether the copied source, where there is one, is published alone as soon as it can be, while the ladder is encoded.
    pub source_first: bool,
}

/// One job.
pub struct Job {
    /// What to publish.
    pub recording: Recording,
    /// What it is done with.
    pub tools: Arc<Tools>,
    /// Whether it may still go on.
    pub fence: Fence,
    /// Who is told how far it is.
    pub observer: Arc<dyn Observer>,
}

/// How a job ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is published.
    Published,
    /// It was published before: the message came again, and nothing was left to do.
    AlreadyPublished,
}

/// Does one job.
///
/// # Errors
/// The failure, with what it means for the message; the third fault of the engine in a row that leaves the job where it was is the last. A job that is told to stop hands back within moments.
pub async fn run_job(job: Job) -> Result<Outcome, Failure> {
    let Some(claimed) = claim(Context::new(job)).await? else {
        return Ok(Outcome::AlreadyPublished);
    };
    let failures = claimed.failures();
    match carry_out(claimed).await {
        Ok(()) => Ok(Outcome::Published),
        Err(failure) => Err(failures.count(failure).await),
    }
}

async fn carry_out(claimed: Claimed) -> Result<(), Failure> {
    let fetched = claimed.fetch().await?;
    let indexed = fetched.index().await?;
    let planned = indexed.plan().await?;
    let committed = committed(planned).await?;
    let checked = committed.check()?;
    checked.publish().await
}

/// Encodes a plan, or, where it copies what is damaged, one that copies nothing.
async fn committed(mut planned: Planned) -> Result<Committed, Failure> {
    loop {
        match planned.encode().await? {
            Encoded::Committed(committed) => return Ok(*committed),
            Encoded::DamagedCopy(fetched) => {
                events::copy_damaged();
                planned = fetched.index().await?.plan().await?;
            }
        }
    }
}

/// What every step of a job needs.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) recording: Recording,
    pub(crate) tools: Arc<Tools>,
    pub(crate) fence: Fence,
    pub(crate) tracker: Arc<Tracker>,
}

impl Context {
    fn new(job: Job) -> Self {
        let Job { recording, tools, fence, observer } = job;
        Self { recording, tools, fence, tracker: Arc::new(Tracker::new(observer)) }
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.tools.store.as_ref()
    }

    /// Waits for an operation of the store while the job may go on. A store that fails is never the input's fault.
    pub(crate) async fn stored<T>(
        &self,
        step: Step,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Failure> {
        let result = self.fence.pass(step, operation).await?;
        result.map_err(|error| Failure::retry(step, error))
    }

    /// Reads a JSON object of ours; none if there is none.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        step: Step,
        name: &str,
    ) -> Result<Option<T>, Failure> {
        let object = self.stored(step, self.store().get(name)).await?;
        object.map(|object| ours(step, name, &object.bytes)).transpose()
    }

    /// Brings an object that others write, too, from what it is to what `change` makes of that; none leaves it as it is.
    pub(crate) async fn update(
        &self,
        step: Step,
        name: &str,
        kind: ObjectKind,
        change: impl Fn(Option<&[u8]>) -> Result<Option<Vec<u8>>, Failure>,
    ) -> Result<(), Failure> {
        for _ in 0..ATTEMPTS {
            let before = self.stored(step, self.store().get(name)).await?;
            let Some(after) = change(before.as_ref().map(|object| object.bytes.as_slice()))? else {
                return Ok(());
            };
            let written = match &before {
                Some(before) if before.bytes == after => return Ok(()),
                Some(before) => {
                    let replaced = self.store().replace(name, kind, &after, &before.version);
                    self.stored(step, replaced).await?
                }
                None => self.stored(step, self.store().create(name, kind, &after)).await?,
            };
            if written == Conditional::Written {
                return Ok(());
            }
        }
        Err(Failure::retry(step, format!("{name} changed {ATTEMPTS} times while it was written")))
    }
}

/// An object of ours that holds something else.
#[derive(Debug, Error)]
#[error(
    "{name} is not what a worker wrote there: {reason}; delete it and send the recording again"
)]
pub(crate) struct ForeignObject {
    pub(crate) name: String,
    pub(crate) reason: String,
}

/// Reads the bytes of a JSON object of ours. What is wrong now is wrong the next time, too.
pub(crate) fn ours<T: DeserializeOwned>(
    step: Step,
    name: &str,
    bytes: &[u8],
) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| {
        let (name, reason) = (name.to_owned(), error.to_string());
        Failure::reject(step, ForeignObject { name, reason })
    })
}
