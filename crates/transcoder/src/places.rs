//! What the URLs of settings name, before anything is opened: queues, outputs, places of recordings, receivers of measurements.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use cloud::AllowedSource;

use crate::exit::Usage;

/// A queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueuePlace {
    /// An `SQLite` database on this machine.
    Sqlite(PathBuf),
    /// A queue of SQS, by its URL.
    Sqs(String),
}

impl FromStr for QueuePlace {
    type Err = Usage;

    fn from_str(url: &str) -> Result<Self, Usage> {
        if let Some(path) = url.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if url.starts_with("https://") || url.starts_with("http://") {
            return Ok(Self::Sqs(url.to_owned()));
        }
        Err(Usage(format!(
            "{url:?} is no queue: use sqlite:PATH or https://sqs.<region>.amazonaws.com/<account>/<name>"
        )))
    }
}

impl QueuePlace {
    /// The queue's name among others: the last component of its URL or path.
    pub fn name(&self) -> String {
        match self {
            Self::Sqlite(path) => {
                path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
            }
            Self::Sqs(url) => url.rsplit('/').next().unwrap_or(url).to_owned(),
        }
    }
}

/// Where presentations are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputPlace {
    /// A directory, by absolute path.
    Directory(PathBuf),
    /// A prefix in a bucket.
    S3 {
        /// The bucket.
        bucket: String,
        /// May be empty.
        prefix: String,
    },
}

impl fmt::Display for OutputPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(directory) => write!(f, "{}", directory.display()),
            Self::S3 { bucket, prefix } => {
                write!(f, "{}", format!("s3://{bucket}/{prefix}").trim_end_matches('/'))
            }
        }
    }
}

impl FromStr for OutputPlace {
    type Err = Usage;

    fn from_str(url: &str) -> Result<Self, Usage> {
        if let Some(place) = url.strip_prefix("s3://") {
            let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
            if bucket.is_empty() {
                return Err(Usage(format!("{url:?} names no bucket: use s3://bucket/prefix")));
            }
            return Ok(Self::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() });
        }
        if url.contains("://") {
            let reason =
                format!("{url:?} is no place to publish: use s3://bucket/prefix or a directory");
            return Err(Usage(reason));
        }
        let directory = std::path::absolute(url);
        Ok(Self::Directory(directory.map_err(|error| Usage(format!("{url:?}: {error}")))?))
    }
}

/// Where recordings may come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourcePlaces {
    /// Directories of this machine.
    pub directories: Vec<PathBuf>,
    /// Places in S3.
    pub s3: Vec<AllowedSource>,
}

impl SourcePlaces {
    /// Sorts what the settings list.
    ///
    /// # Errors
    /// If one of them is no place.
    pub fn new(listed: &[String]) -> Result<Self, Usage> {
        let mut places = Self::default();
        for place in listed {
            if place.starts_with("s3://") {
                places.s3.push(place.parse().map_err(|error| Usage(format!("{error}")))?);
            } else if place.contains("://") {
                let reason = "is no place of recordings: use s3://bucket/prefix or a directory";
                return Err(Usage(format!("{place:?} {reason}")));
            } else {
                places.directories.push(Path::new(place).to_owned());
            }
        }
        Ok(places)
    }

    /// True if nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.directories.is_empty() && self.s3.is_empty()
    }
}

/// Who receives measurements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricsPlace {
    /// The log, at debug level.
    Log,
    /// `CloudWatch`, in this namespace.
    CloudWatch(String),
}

impl MetricsPlace {
    const NAMESPACE: &str = "rec2vod";

    /// Who receives them if nothing is said: who uses SQS looks at `CloudWatch`.
    pub fn of_queue(queue: &QueuePlace) -> Self {
        match queue {
            QueuePlace::Sqlite(_) => Self::Log,
            QueuePlace::Sqs(_) => Self::CloudWatch(Self::NAMESPACE.to_owned()),
        }
    }
}

impl FromStr for MetricsPlace {
    type Err = Usage;

    fn from_str(text: &str) -> Result<Self, Usage> {
        let namespace = text.strip_prefix("cloudwatch:").filter(|namespace| !namespace.is_empty());
        match (text, namespace) {
            ("log", _) => Ok(Self::Log),
            (_, Some(namespace)) if !namespace.starts_with("AWS/") => {
                Ok(Self::CloudWatch(namespace.to_owned()))
            }
            _ => Err(Usage(format!(
                "{text:?} receives no measurements: use log or cloudwatch:NAMESPACE, not below AWS/"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_told_apart() {
        let aws = "https://sqs.eu-central-1.amazonaws.com/123456789012/recordings";
        for (url, queue, name) in [
            ("sqlite:a/q.sqlite", QueuePlace::Sqlite("a/q.sqlite".into()), "q"),
            (aws, QueuePlace::Sqs(aws.to_owned()), "recordings"),
        ] {
            let parsed: QueuePlace = url.parse().unwrap();
            assert_eq!((parsed.name().as_str(), parsed), (name, queue));
        }
        for url in ["", "sqlite:", "q.sqlite", "redis://host"] {
            assert!(url.parse::<QueuePlace>().is_err(), "{url}");
        }
    }

    #[test]
    fn outputs_are_told_apart() {
        let s3 = |bucket: &str, prefix: &str| OutputPlace::S3 {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        };
        for (url, output) in [
            ("s3://out", s3("out", "")),
            ("s3://out/", s3("out", "")),
            ("s3://out/a/b", s3("out", "a/b")),
            ("/srv/vod", OutputPlace::Directory("/srv/vod".into())),
        ] {
            assert_eq!(url.parse::<OutputPlace>().unwrap(), output, "{url}");
        }
        for url in ["s3://", "s3:///a", "ftp://host/vod"] {
            assert!(url.parse::<OutputPlace>().is_err(), "{url}");
        }
    }

    #[test]
    fn places_of_recordings_are_sorted() {
        let listed = ["/rec".to_owned(), "s3://in/live".to_owned()];
        let places = SourcePlaces::new(&listed).unwrap();
        assert_eq!((places.directories.len(), places.s3.len()), (1, 1));
        for listed in ["s3://", "http://host/a"] {
            assert!(SourcePlaces::new(&[listed.to_owned()]).is_err(), "{listed}");
        }
    }

    #[test]
    fn receivers_of_measurements_are_told_apart() {
        assert_eq!("log".parse::<MetricsPlace>().unwrap(), MetricsPlace::Log);
        let cloudwatch = MetricsPlace::CloudWatch("a/b".to_owned());
        assert_eq!("cloudwatch:a/b".parse::<MetricsPlace>().unwrap(), cloudwatch);
        for text in ["", "cloudwatch", "cloudwatch:", "cloudwatch:AWS/SQS", "statsd:x"] {
            assert!(text.parse::<MetricsPlace>().is_err(), "{text}");
        }
    }
}
