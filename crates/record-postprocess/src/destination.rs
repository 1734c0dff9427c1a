//! Where messages go, and recordings with them.

use std::path::PathBuf;
use std::sync::Arc;

use job::ports::QueueError;
use local::{SqliteQueue, SystemClock};
use thiserror::Error;

/// A way to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A queue in an `SQLite` database of this machine. The recording stays in the spool, where the worker reads it.
    Sqlite(PathBuf),
}

/// Settings that name no way to deliver.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoDestination {
    /// SQS or S3.
    #[error("{0:?} cannot be used: this build has no AWS")]
    NoAws(String),
    /// Nothing known as a queue.
    #[error("{0:?} is no queue: use sqlite:/PATH, an absolute path")]
    Queue(String),
    /// Nothing known as an output.
    #[error("{0:?} is no output: leave it out, recordings then stay in the spool")]
    Output(String),
}

impl Destination {
    /// The way to deliver that `queue` and `output` ask for.
    pub fn parse(queue: &str, output: Option<&str>) -> Result<Self, NoDestination> {
        match output {
            Some(output) if output.starts_with("s3://") => {
                return Err(NoDestination::NoAws(output.to_owned()));
            }
            Some(output) => return Err(NoDestination::Output(output.to_owned())),
            None => {}
        }
        match queue.split_once(':') {
            Some(("sqlite", path)) if path.starts_with('/') => {
                Ok(Self::Sqlite(PathBuf::from(path)))
            }
            Some(("https" | "http", _)) => Err(NoDestination::NoAws(queue.to_owned())),
            _ => Err(NoDestination::Queue(queue.to_owned())),
        }
    }

    /// Enqueues a message and returns its id; when it returns, the message is durable.
    pub fn send(&self, body: &str) -> Result<String, QueueError> {
        match self {
            Self::Sqlite(path) => {
                SqliteQueue::open(path, Arc::new(SystemClock))?.send_blocking(body)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_sqlite_queues_are_known() {
        let known = Destination::parse("sqlite:/var/q.db", None);
        assert_eq!(known, Ok(Destination::Sqlite(PathBuf::from("/var/q.db"))));
        for queue in ["", "sqlite:", "sqlite:q.db", "/var/q.db", "redis://x"] {
            assert_eq!(
                Destination::parse(queue, None),
                Err(NoDestination::Queue(queue.to_owned()))
            );
        }
        let aws = "https://sqs.eu-central-1.amazonaws.com/1/q";
        assert_eq!(Destination::parse(aws, None), Err(NoDestination::NoAws(aws.to_owned())));
    }
}
