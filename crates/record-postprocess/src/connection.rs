//! The way to where recordings and messages go.
//!
//! AWS is set up when the first recording needs it. Types see to it that this recording is durable by then: only what came out of the
//! spool gets here, so that no socket is opened before.

use std::cell::OnceCell;
use std::io;
use std::path::Path;
use std::sync::Arc;

use cloud::{Aws, Bucket, NotConfigured, SqsQueue};
use job::ports::{Queue as _, QueueError, StoreError};
use job::recording::SourceUri;
use local::{SqliteQueue, SystemClock};
use thiserror::Error;
use tokio::runtime::{Builder, Runtime};

use crate::destination::{Destination, S3Destination, Trigger};
use crate::upload::{Content, upload};

/// Why a recording was not delivered. It stays in the spool.
#[derive(Debug, Error)]
pub enum DeliveryError {
    /// No region was found anywhere. nginx's hooks have no variables to find it in.
    #[error("no AWS region is set: set region in [aws] of the settings' file")]
    NoRegion,
    /// No credentials were found, or whoever issues them did not answer.
    #[error(
        "no AWS credentials: give the instance a role, or set access_key_id and secret_access_key in [aws] of the settings' \
         file ({0})"
    )]
    NoCredentials(String),
    /// The system has no room for the runtime.
    #[error("AWS cannot be called: {0}")]
    Runtime(#[source] io::Error),
    /// S3 did not take the recording.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another recording has its name, and something else the name that is its own.
    #[error(
        "S3 has other recordings under {session}, and under that with the begin of its SHA-256"
    )]
    Taken {
        /// The session that would name it.
        session: String,
    },
    /// S3 took it, and says to have something else.
    #[error(
        "S3 does not have {key} with the {size} bytes that were uploaded: look at what is there"
    )]
    Unverified {
        /// The object's key.
        key: String,
        /// Length of the recording.
        size: u64,
    },
    /// The queue did not take the message.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl DeliveryError {
    /// Whether it may be better in a moment although nobody has changed anything.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::NoRegion | Self::Taken { .. } => false,
            Self::Store(error) => error.transient,
            Self::Queue(error) => !matches!(error, QueueError::Unusable { .. }),
            // The metadata of an instance may be away for a moment.
            Self::NoCredentials(_) | Self::Runtime(_) | Self::Unverified { .. } => true,
        }
    }

    /// What it says of other recordings.
    pub const fn reach(&self) -> Reach {
        match self {
            Self::NoRegion
            | Self::NoCredentials(_)
            | Self::Runtime(_)
            | Self::Queue(QueueError::Unusable { .. }) => Reach::All,
            Self::Store(error) if !error.transient => Reach::One,
            Self::Taken { .. } | Self::Unverified { .. } => Reach::One,
            Self::Store(_) | Self::Queue(_) => Reach::Unknown,
        }
    }
}

/// Which recordings an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// This one: a key may be denied that others are not.
    One,
    /// This one or all: a large recording may time out on a line that others pass, or there is no line.
    Unknown,
    /// All: the account, the settings or the queue are at fault.
    All,
}

impl From<NotConfigured> for DeliveryError {
    fn from(error: NotConfigured) -> Self {
        match error {
            NotConfigured::Region => Self::NoRegion,
            NotConfigured::Credentials(reason) => Self::NoCredentials(reason),
        }
    }
}

/// A destination, and what is open on the way there.
#[derive(Debug)]
pub struct Connection<'a> {
    destination: &'a Destination,
    cloud: OnceCell<Cloud>,
}

/// AWS, ready to be called.
#[derive(Debug)]
struct Cloud {
    runtime: Runtime,
    bucket: Bucket,
    /// Of [`Trigger::Sqs`].
    queue: Option<SqsQueue>,
}

impl<'a> Connection<'a> {
    /// The connection to a destination. Calls nobody.
    pub const fn to(destination: &'a Destination) -> Self {
        Self { destination, cloud: OnceCell::new() }
    }

    /// Puts a recording where a worker can read it: into S3, or nowhere else than it is. `name` is that of its presentation; `None` if
    /// another recording has it.
    pub fn store(
        &self,
        name: &str,
        content: Content<'_>,
    ) -> Result<Option<SourceUri>, DeliveryError> {
        match self.destination {
            // The spool's path is UTF-8: it was looked at when the spool was opened.
            Destination::Spool { .. } => {
                Ok(Some(SourceUri::File(content.file.to_string_lossy().into_owned())))
            }
            Destination::S3(to) => {
                let Cloud { runtime, bucket, .. } = self.cloud(to)?;
                let key = format!("{}{name}.flv", to.prefix);
                let is_ours = runtime.block_on(upload(bucket, &key, content))?;
                Ok(is_ours.then(|| SourceUri::S3 { bucket: to.bucket.clone(), key }))
            }
        }
    }

    /// Enqueues a message and returns its id; when it returns, the message is durable. `None` if S3's own event replaces it.
    pub fn send(&self, body: &str) -> Result<Option<String>, DeliveryError> {
        match self.destination {
            Destination::Spool { queue: path }
            | Destination::S3(S3Destination { trigger: Trigger::Sqlite(path), .. }) => {
                Ok(Some(send_to_sqlite(path, body)?))
            }
            Destination::S3(to) => {
                let Cloud { runtime, queue, .. } = self.cloud(to)?;
                let sent = queue.as_ref().map(|queue| runtime.block_on(queue.send(body)));
                Ok(sent.transpose()?)
            }
        }
    }

    fn cloud(&self, to: &S3Destination) -> Result<&Cloud, DeliveryError> {
        if let Some(cloud) = self.cloud.get() {
            return Ok(cloud);
        }
        let cloud = Cloud::open(to)?;
        Ok(self.cloud.get_or_init(|| cloud))
    }
}

impl Cloud {
    fn open(to: &S3Destination) -> Result<Self, DeliveryError> {
        // One thread: a hook may run for every stream at once, on a machine that is there for nginx.
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(DeliveryError::Runtime)?;
        let aws = runtime.block_on(Aws::load(to.aws.clone()))?;
        let bucket = Bucket::open(&aws, &to.bucket);
        let bucket = match &to.expected_owner {
            Some(account) => bucket.with_expected_owner(account),
            None => bucket,
        };
        let queue = match &to.trigger {
            Trigger::Sqs(url) => Some(SqsQueue::open(&aws, url)?),
            Trigger::Sqlite(_) | Trigger::S3Event => None,
        };
        Ok(Self { runtime, bucket, queue })
    }
}

fn send_to_sqlite(path: &Path, body: &str) -> Result<String, QueueError> {
    SqliteQueue::open(path, Arc::new(SystemClock))?.send_blocking(body)
}
