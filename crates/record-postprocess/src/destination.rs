//! Where recordings go, and what tells a worker that there is one.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// A way to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Recordings stay in the spool, where a worker on this machine reads them. Messages go to a queue in an `SQLite` database.
    Spool {
        /// The database.
        queue: PathBuf,
    },
    /// Recordings go to S3.
    S3(S3Destination),
}

/// A place in S3, and how to get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Destination {
    /// The bucket.
    pub bucket: String,
    /// What every key begins with: empty, or with a `/` at its end.
    pub prefix: String,
    /// The account that the bucket must belong to.
    pub expected_owner: Option<String>,
    /// What starts the work.
    pub trigger: Trigger,
    /// How to reach AWS.
    pub aws: cloud::Settings,
}

/// What tells a worker of a recording in S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Our message, in a queue in an `SQLite` database.
    Sqlite(PathBuf),
    /// Our message, in the queue of SQS with this URL.
    Sqs(String),
    /// S3's own event: the bucket is configured to send it.
    S3Event,
}

/// How AWS is used, of whatever uses it.
#[derive(Clone, Debug, Default)]
pub struct AwsOptions {
    /// The account that buckets must belong to.
    pub expected_owner: Option<String>,
    /// How to reach it.
    pub access: cloud::Settings,
}

/// Settings that name no way to deliver.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoDestination {
    /// Neither of the two.
    #[error(
        "neither queue nor output is set: set queue to sqlite:/PATH or output to s3://BUCKET/PREFIX, see --help"
    )]
    Nothing,
    /// A worker elsewhere cannot read this machine's files.
    #[error(
        "the queue {0:?} is read by other machines, and those cannot read the spool: set output to s3://BUCKET/PREFIX too"
    )]
    NoOutput(String),
    /// Nothing known as a queue.
    #[error(
        "{0:?} is no queue: use sqlite:/PATH, an absolute path, or https://sqs.<region>.amazonaws.com/<account>/<name>"
    )]
    Queue(String),
    /// Nothing known as an output.
    #[error(
        "{0:?} is no output: use s3://BUCKET/PREFIX, or leave it out to keep recordings in the spool"
    )]
    Output(String),
    /// Nothing known as an account. S3 would deny every call without saying why.
    #[error("the expected owner {0:?} is no AWS account: use its 12 digits")]
    Owner(String),
}

/// A queue by its URL.
enum Queue {
    Sqlite(PathBuf),
    Sqs(String),
}

impl Destination {
    /// The way to deliver that `queue` and `output` ask for.
    pub fn parse(
        queue: Option<&str>,
        output: Option<&str>,
        options: AwsOptions,
    ) -> Result<Self, NoDestination> {
        let queue = queue.map(Queue::parse).transpose()?;
        let Some(output) = output else {
            return match queue {
                Some(Queue::Sqlite(queue)) => Ok(Self::Spool { queue }),
                Some(Queue::Sqs(url)) => Err(NoDestination::NoOutput(url)),
                None => Err(NoDestination::Nothing),
            };
        };
        let (bucket, prefix) = parse_output(output)?;
        let trigger = match queue {
            Some(Queue::Sqlite(path)) => Trigger::Sqlite(path),
            Some(Queue::Sqs(url)) => Trigger::Sqs(url),
            None => Trigger::S3Event,
        };
        let AwsOptions { expected_owner, access: aws } = options;
        if let Some(owner) = expected_owner.as_ref().filter(|owner| !is_account(owner)) {
            return Err(NoDestination::Owner(owner.clone()));
        }
        Ok(Self::S3(S3Destination { bucket, prefix, expected_owner, trigger, aws }))
    }

    /// Where recordings lie once they are delivered, as a URL; `None` for the spool.
    pub fn output(&self) -> Option<String> {
        match self {
            Self::Spool { .. } => None,
            Self::S3(S3Destination { bucket, prefix, .. }) => {
                Some(format!("s3://{bucket}/{prefix}"))
            }
        }
    }

    /// The URL of the queue that messages go to; `None` if S3's events replace them.
    pub fn queue(&self) -> Option<String> {
        match self {
            Self::Spool { queue: path }
            | Self::S3(S3Destination { trigger: Trigger::Sqlite(path), .. }) => {
                Some(format!("sqlite:{}", path.display()))
            }
            Self::S3(S3Destination { trigger: Trigger::Sqs(url), .. }) => Some(url.clone()),
            Self::S3(S3Destination { trigger: Trigger::S3Event, .. }) => None,
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.output() {
            Some(output) => write!(f, "recordings go to {output}, ")?,
            None => f.write_str("recordings stay in the spool, ")?,
        }
        match self.queue() {
            Some(queue) => write!(f, "messages to {queue}"),
            None => f.write_str("whose events replace messages"),
        }
    }
}

impl Queue {
    fn parse(url: &str) -> Result<Self, NoDestination> {
        match url.split_once(':') {
            Some(("sqlite", path)) if path.starts_with('/') => {
                Ok(Self::Sqlite(PathBuf::from(path)))
            }
            Some(("https" | "http", _)) => Ok(Self::Sqs(url.to_owned())),
            _ => Err(NoDestination::Queue(url.to_owned())),
        }
    }
}

/// Bucket and prefix.
fn parse_output(output: &str) -> Result<(String, String), NoDestination> {
    let unknown = || NoDestination::Output(output.to_owned());
    let place = output.strip_prefix("s3://").ok_or_else(unknown)?;
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    if bucket.is_empty() {
        return Err(unknown());
    }
    let prefix = prefix.trim_matches('/');
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    Ok((bucket.to_owned(), prefix))
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQS: &str = "https://sqs.eu-central-1.amazonaws.com/123456789012/recordings";

    fn parse(queue: Option<&str>, output: Option<&str>) -> Result<Destination, NoDestination> {
        Destination::parse(queue, output, AwsOptions::default())
    }

    #[test]
    fn queue_and_output_are_chosen_apart() {
        for (queue, output, said) in [
            (
                Some("sqlite:/var/q.db"),
                None,
                "recordings stay in the spool, messages to sqlite:/var/q.db",
            ),
            (
                Some("sqlite:/var/q.db"),
                Some("s3://in"),
                "recordings go to s3://in/, messages to sqlite:/var/q.db",
            ),
            (
                Some(SQS),
                Some("s3://in/rec"),
                "recordings go to s3://in/rec/, messages to https://sqs.eu-central-1.amazonaws.com/123456789012/recordings",
            ),
            (
                None,
                Some("s3://in//a/b/"),
                "recordings go to s3://in/a/b/, whose events replace messages",
            ),
        ] {
            assert_eq!(parse(queue, output).unwrap().to_string(), said);
        }
    }

    #[test]
    fn what_cannot_work_is_refused() {
        assert_eq!(parse(None, None), Err(NoDestination::Nothing));
        assert_eq!(parse(Some(SQS), None), Err(NoDestination::NoOutput(SQS.to_owned())));
        for queue in ["", "sqlite:", "sqlite:q.db", "/var/q.db", "redis://x"] {
            let refused = Err(NoDestination::Queue(queue.to_owned()));
            assert_eq!(parse(Some(queue), None), refused);
            assert_eq!(parse(Some(queue), Some("s3://in")), refused);
        }
        for output in ["", "s3://", "s3:///rec", "/var/rec", "in/rec"] {
            assert_eq!(parse(None, Some(output)), Err(NoDestination::Output(output.to_owned())));
        }
        for owner in ["", "12345678901", "1234-5678-9012", "arn:aws:iam::1"] {
            let options =
                AwsOptions { expected_owner: Some(owner.to_owned()), ..AwsOptions::default() };
            let refused = Destination::parse(None, Some("s3://in"), options);
            assert_eq!(refused, Err(NoDestination::Owner(owner.to_owned())));
        }
    }
}
