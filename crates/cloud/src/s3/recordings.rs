//! Recordings that are objects in S3.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use job::ports::{FetchError, Recordings};
use job::recording::{Identity, ObjectVersion, SourceUri, hex};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::Bucket;
use super::download::{self, Fault};
use super::store::as_folder;
use crate::client::Aws;

/// Name of the copy in the scratch directory. It says nothing of the object's own name, which comes from outside.
const COPY: &str = "recording";

/// Where recordings may come from: a bucket, or what lies below a prefix in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedSource {
    bucket: String,
    /// Empty, or with a `/` at its end.
    prefix: String,
}

/// A text that is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} names no place in S3: use s3://bucket or s3://bucket/prefix")]
pub struct BadSource(String);

impl AllowedSource {
    /// The bucket.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What keys begin with: empty, or with a `/` at its end.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    fn allows(&self, bucket: &str, key: &str) -> bool {
        self.bucket == bucket && key.starts_with(&self.prefix)
    }
}

impl std::fmt::Display for AllowedSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

impl std::str::FromStr for AllowedSource {
    type Err = BadSource;

    fn from_str(text: &str) -> Result<Self, BadSource> {
        let place = text.strip_prefix("s3://").ok_or_else(|| BadSource(text.to_owned()))?;
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        if bucket.is_empty() {
            return Err(BadSource(text.to_owned()));
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: as_folder(prefix) })
    }
}

/// Objects in S3, fetched as one consistent version.
///
/// Whoever can send a message can name any object that the worker may read, so the places that recordings may come from can be listed.
#[derive(Clone, Debug)]
pub struct S3Recordings {
    /// Stands for all: only its connections and the expected owner count.
    bucket: Bucket,
    allowed: Vec<AllowedSource>,
}

impl S3Recordings {
    /// Recordings in any of the places; anywhere at all if the list is empty. Calls nobody.
    #[must_use]
    pub fn new(aws: &Aws, allowed: Vec<AllowedSource>) -> Self {
        Self { bucket: Bucket::open(aws, ""), allowed }
    }

    /// The same, if every bucket belongs to the account with this id.
    #[must_use]
    pub fn with_expected_owner(self, account: &str) -> Self {
        Self { bucket: self.bucket.with_expected_owner(account), ..self }
    }

    fn allows(&self, bucket: &str, key: &str) -> bool {
        self.allowed.is_empty() || self.allowed.iter().any(|place| place.allows(bucket, key))
    }
}

#[async_trait]
impl Recordings for S3Recordings {
    async fn fetch(
        &self,
        source: &SourceUri,
        identity: &Identity,
        scratch: &Path,
    ) -> Result<PathBuf, FetchError> {
        let refused = |reason: &str| FetchError::Refused(source.clone(), reason.to_owned());
        let SourceUri::S3 { bucket, key } = source else {
            return Err(refused("it is not an object in S3"));
        };
        if !self.allows(bucket, key) {
            return Err(refused("it is outside of the places that recordings may come from"));
        }
        let path = scratch.join(COPY);
        let any = ObjectVersion::default();
        let version = match identity {
            Identity::Content { .. } => &any,
            Identity::Location { version, .. } => version,
        };
        let bucket = self.bucket.sibling(bucket);
        let fetched = download::download(&bucket, key, version, &path).await;
        fetched.map_err(|fault| match fault {
            Fault::Missing => FetchError::Missing(source.clone()),
            Fault::Changed if version.etag.is_some() => FetchError::Replaced(source.clone()),
            fault => FetchError::Unavailable(source.clone(), fault.to_string()),
        })?;
        if let Identity::Content { sha256 } = identity {
            let found = digest(path.clone()).await;
            let found =
                found.map_err(|e| FetchError::Unavailable(source.clone(), e.to_string()))?;
            if found != *sha256 {
                return Err(FetchError::Replaced(source.clone()));
            }
        }
        Ok(path)
    }
}

/// SHA-256 of a file in lower-case hexadecimal.
async fn digest(path: PathBuf) -> std::io::Result<String> {
    const BUFFER: usize = 1 << 20;
    let digest = tokio::task::spawn_blocking(move || {
        let mut file = std::fs::File::open(path)?;
        let (mut digest, mut buffer) = (Sha256::new(), vec![0; BUFFER]);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hex(&digest.finalize())),
                length => digest.update(buffer.get(..length).unwrap_or_default()),
            }
        }
    });
    digest.await.map_err(std::io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_whole_components() {
        for (place, bucket, key, allowed) in [
            ("s3://in", "in", "a.flv", true),
            ("s3://in/", "in", "a/b.flv", true),
            ("s3://in", "inside", "a.flv", false),
            ("s3://in/rec", "in", "rec/a.flv", true),
            ("s3://in/rec/", "in", "recordings/a.flv", false),
            ("s3://in/rec", "in", "other/rec/a.flv", false),
        ] {
            let place: AllowedSource = place.parse().unwrap();
            assert_eq!(place.allows(bucket, key), allowed, "{place:?} {bucket} {key}");
        }
        for text in ["", "in", "s3://", "s3:///a", "/rec"] {
            assert!(text.parse::<AllowedSource>().is_err(), "{text}");
        }
    }
}
