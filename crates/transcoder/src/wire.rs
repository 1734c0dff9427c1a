//! Places become queues, stores and sources of recordings: the only file that chooses between `local` and `cloud`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use cloud::{Aws, Bucket, S3Recordings, S3Store, SqsQueue};
use job::ports::{DeadLetter, FetchError, Queue, QueueError, Recordings, Store};
use job::recording::{Identity, SourceUri};
use local::{DirectoryStore, LocalRecordings, SqliteQueue, SystemClock};
use tokio::sync::OnceCell;

use crate::places::{OutputPlace, QueuePlace, SourcePlaces};

/// AWS, configured when it is first needed: who stays on this machine needs no region and no credentials.
#[derive(Default)]
pub struct Wiring {
    aws: OnceCell<Aws>,
    expected_owner: Option<String>,
}

impl Wiring {
    /// Every bucket must belong to the account with this id, if one is given.
    pub fn new(expected_owner: Option<String>) -> Self {
        Self { aws: OnceCell::new(), expected_owner }
    }

    /// The configuration of AWS.
    ///
    /// # Errors
    /// If there are no region or no credentials.
    pub async fn aws(&self) -> anyhow::Result<&Aws> {
        Ok(self.aws.get_or_try_init(|| Aws::load(cloud::Settings::default())).await?)
    }

    /// Opens a queue.
    ///
    /// # Errors
    /// If it cannot be used; whether SQS knows it is found out by the first call.
    pub async fn queue(&self, place: &QueuePlace) -> anyhow::Result<OpenQueue> {
        Ok(match place {
            QueuePlace::Sqlite(path) => {
                OpenQueue::Sqlite(Arc::new(SqliteQueue::open(path, Arc::new(SystemClock))?))
            }
            QueuePlace::Sqs(url) => {
                OpenQueue::Sqs(Arc::new(SqsQueue::open(self.aws().await?, url)?))
            }
        })
    }

    /// Opens a store.
    ///
    /// # Errors
    /// If a directory cannot be used; whether a bucket can is found out by the first call.
    pub async fn store(&self, place: &OutputPlace) -> anyhow::Result<Arc<dyn Store>> {
        Ok(match place {
            OutputPlace::Directory(directory) => Arc::new(DirectoryStore::open(directory)?),
            OutputPlace::S3 { bucket, prefix } => {
                Arc::new(S3Store::new(self.bucket(bucket).await?, prefix))
            }
        })
    }

    /// A bucket of the expected owner.
    ///
    /// # Errors
    /// If AWS is not configured.
    pub async fn bucket(&self, name: &str) -> anyhow::Result<Bucket> {
        let bucket = Bucket::open(self.aws().await?, name);
        Ok(match &self.expected_owner {
            Some(account) => bucket.with_expected_owner(account),
            None => bucket,
        })
    }

    /// Opens the sources of a worker's recordings. With nothing listed, a queue of this machine may name any file of it, and one in AWS
    /// any object: neither reaches into the other's world unasked.
    ///
    /// # Errors
    /// If AWS is needed and not configured.
    pub async fn recordings(
        &self,
        places: SourcePlaces,
        queue: &QueuePlace,
    ) -> anyhow::Result<AnyRecordings> {
        let any = places.is_empty();
        let SourcePlaces { directories, s3 } = places;
        let is_local = matches!(queue, QueuePlace::Sqlite(_));
        let reads_files = !directories.is_empty() || any && is_local;
        let reads_s3 = !s3.is_empty() || any && !is_local;
        Ok(AnyRecordings {
            files: reads_files.then(|| LocalRecordings::new(directories)),
            s3: if reads_s3 { Some(self.s3_recordings(s3).await?) } else { None },
        })
    }

    /// Recordings in S3, anywhere if nothing is listed.
    ///
    /// # Errors
    /// If AWS is not configured.
    pub async fn s3_recordings(
        &self,
        allowed: Vec<cloud::AllowedSource>,
    ) -> anyhow::Result<S3Recordings> {
        let recordings = S3Recordings::new(self.aws().await?, allowed);
        Ok(match &self.expected_owner {
            Some(account) => recordings.with_expected_owner(account),
            None => recordings,
        })
    }
}

/// A queue of either kind: what is asked beyond the port differs.
#[derive(Clone)]
pub enum OpenQueue {
    /// On this machine.
    Sqlite(Arc<SqliteQueue>),
    /// In AWS.
    Sqs(Arc<SqsQueue>),
}

impl OpenQueue {
    /// The queue as the worker sees it.
    pub fn port(&self) -> Arc<dyn Queue> {
        match self {
            Self::Sqlite(queue) => queue.clone(),
            Self::Sqs(queue) => queue.clone(),
        }
    }

    /// The first dead letters, up to `limit`.
    ///
    /// # Errors
    /// If the queue has none, or does not answer.
    pub async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, QueueError> {
        let mut letters = match self {
            Self::Sqlite(queue) => queue.dead_letters().await?,
            Self::Sqs(queue) => queue.dead_letters(limit).await?,
        };
        letters.truncate(limit);
        Ok(letters)
    }
}

/// Recordings of this machine and in S3, as far as either is read.
pub struct AnyRecordings {
    files: Option<LocalRecordings>,
    s3: Option<S3Recordings>,
}

#[async_trait]
impl Recordings for AnyRecordings {
    async fn fetch(
        &self,
        source: &SourceUri,
        identity: &Identity,
        scratch: &Path,
    ) -> Result<PathBuf, FetchError> {
        let refused = |reason: &str| FetchError::Refused(source.clone(), reason.to_owned());
        match (source, &self.files, &self.s3) {
            (SourceUri::File(_), Some(files), _) => files.fetch(source, identity, scratch).await,
            (SourceUri::S3 { .. }, _, Some(s3)) => s3.fetch(source, identity, scratch).await,
            (SourceUri::File(_), None, _) => {
                Err(refused("files of its machine are not among its --recordings"))
            }
            (SourceUri::S3 { .. }, _, None) => {
                Err(refused("objects in S3 are not among its --recordings"))
            }
        }
    }
}
