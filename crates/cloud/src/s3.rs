//! S3: a bucket and what is called on it. [`S3Store`] publishes into one, [`S3Recordings`] reads from those that are allowed.

mod download;
mod multipart;
mod recordings;
mod store;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use job::ports::{Conditional, Object, StoreError, Version};

use crate::classify::{Call, Class, Failure};
use crate::client::{Aws, Patience};

pub use recordings::{AllowedSource, BadSource, S3Recordings};
pub use store::S3Store;

/// A prefix that is written to much answers `SlowDown` until S3 has split it, which takes minutes: more attempts than usual.
const WRITE: Patience = Patience::new(5, Duration::from_secs(30));
/// Once only, for a second attempt would be refused by the first one's success: [`Bucket::put_if`] repeats it and looks.
const WRITE_CONDITIONALLY: Patience = Patience::new(1, Duration::from_secs(30));
/// Reads are cheap to repeat; what is slow to come once is seldom slow twice.
const READ: Patience = Patience::new(4, Duration::from_secs(20));
/// Leaves parts behind if it fails, which are paid for: as patient as a write.
const ABORT: Patience = Patience::new(5, Duration::from_secs(20));

/// How often a conditional write is tried.
const CONDITIONAL_TRIES: u32 = 6;

/// Name of the digest among an object's metadata.
const SHA256: &str = "sha256";

/// What an object is served with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers<'a> {
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `Cache-Control`.
    pub cache_control: Option<&'a str>,
    /// The digest of the content, for those who read to compare (`x-amz-meta-sha256`). S3 does not check it: the SHA-256 that it knows of
    /// an object in parts is one of the parts' digests.
    pub sha256: Option<&'a str>,
}

impl Headers<'_> {
    fn metadata(&self) -> Option<HashMap<String, String>> {
        self.sha256.map(|digest| HashMap::from([(SHA256.to_owned(), digest.to_owned())]))
    }
}

/// What a bucket says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its length in bytes.
    pub size: u64,
    /// Its version (`ETag`).
    pub version: Version,
    /// The version's id, in a bucket that keeps versions.
    pub version_id: Option<String>,
    /// [`Headers::sha256`] of whoever wrote it.
    pub sha256: Option<String>,
}

/// When an object may be written.
#[derive(Clone, Copy, Debug)]
enum Condition<'a> {
    /// If there is none of the name.
    Absent,
    /// If it is of this version.
    Is(&'a Version),
}

impl Condition<'_> {
    /// `If-Match` and `If-None-Match`.
    fn headers(self) -> (Option<String>, Option<String>) {
        match self {
            Self::Absent => (None, Some("*".to_owned())),
            Self::Is(version) => (Some(version.0.clone()), None),
        }
    }

    fn is_what_failed(self, failure: &Failure) -> bool {
        let is_gone = failure.class == Class::Missing && failure.code == "NoSuchKey";
        failure.class == Class::Precondition || matches!(self, Self::Is(_)) && is_gone
    }
}

/// One bucket. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Bucket {
    client: Client,
    name: Arc<str>,
    owner: Option<Arc<str>>,
}

impl Bucket {
    /// The bucket `name`. Calls nobody.
    #[must_use]
    pub fn open(aws: &Aws, name: &str) -> Self {
        // What stands in for AWS seldom has a DNS name for each bucket.
        let path_style = aws.config().endpoint_url().is_some();
        let config = Builder::from(aws.config()).force_path_style(path_style).build();
        Self { client: Client::from_conf(config), name: name.into(), owner: None }
    }

    /// The same bucket, if it belongs to the account with this id: S3 refuses every call otherwise, so that a bucket which somebody else
    /// made under the name of a deleted one is neither read nor written.
    #[must_use]
    pub fn with_expected_owner(self, account: &str) -> Self {
        Self { owner: Some(account.into()), ..self }
    }

    /// Another bucket through the same connections.
    fn sibling(&self, name: &str) -> Self {
        Self { name: name.into(), ..self.clone() }
    }

    fn owner(&self) -> Option<String> {
        self.owner.as_deref().map(str::to_owned)
    }

    fn uri(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    /// Uploads a file, whatever was there before. S3 checks a CRC-32 of what it receives. Above 16 MiB it goes in parts; when that fails,
    /// or the future is dropped, the parts are removed.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or the bucket does not take it.
    pub async fn upload(
        &self,
        key: &str,
        headers: Headers<'_>,
        file: &Path,
    ) -> Result<(), StoreError> {
        let sent = self.send_file(key, headers, file, None).await;
        sent.map_err(|failure| self.failure("upload", key, failure))
    }

    /// The same unless there is an object of that name, which is then left as it is. A file whose upload was done, and only its answer
    /// lost, may be refused as well: [`head`](Self::head) tells.
    ///
    /// # Errors
    ///
    /// As for [`upload`](Self::upload).
    pub async fn upload_new(
        &self,
        key: &str,
        headers: Headers<'_>,
        file: &Path,
    ) -> Result<Conditional, StoreError> {
        match self.send_file(key, headers, file, Some(Condition::Absent)).await {
            Ok(()) => Ok(Conditional::Written),
            Err(failure) if Condition::Absent.is_what_failed(&failure) => Ok(Conditional::Refused),
            Err(failure) => Err(self.failure("upload", key, failure)),
        }
    }

    async fn send_file(
        &self,
        key: &str,
        headers: Headers<'_>,
        file: &Path,
        condition: Option<Condition<'_>>,
    ) -> Result<(), Failure> {
        let unreadable = |reason: String| Failure::local(&format!("{}: {reason}", file.display()));
        let metadata = tokio::fs::metadata(file).await;
        let size = metadata.map_err(|error| unreadable(error.to_string()))?.len();
        if size > multipart::PART_SIZE {
            return self.send_parts(key, headers, file, size, condition).await;
        }
        let body = ByteStream::from_path(file).await;
        let body = body.map_err(|error| unreadable(error.to_string()))?;
        self.put_object(key, headers, body, condition, WRITE.with_upload(size)).await
    }

    /// Writes an object, whatever was there before.
    pub(crate) async fn put(
        &self,
        key: &str,
        headers: Headers<'_>,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let patience = WRITE.with_upload(length(bytes));
        let put = self.put_object(key, headers, bytes.to_vec().into(), None, patience).await;
        put.map(drop).map_err(|failure| self.failure("write", key, failure))
    }

    /// Writes an object on a condition.
    ///
    /// A write whose answer was lost may have been done, and then refuses its own repetition. So after such a one a refusal is believed
    /// only if the object is not what we wrote.
    async fn put_if(
        &self,
        key: &str,
        headers: Headers<'_>,
        bytes: &[u8],
        condition: Condition<'_>,
    ) -> Result<Conditional, StoreError> {
        let patience = WRITE_CONDITIONALLY.with_upload(length(bytes));
        let (mut attempt, mut may_be_ours) = (1, false);
        loop {
            let body = bytes.to_vec().into();
            let put = self.put_object(key, headers, body, Some(condition), patience).await;
            let failure = match put {
                Ok(()) => return Ok(Conditional::Written),
                Err(failure) => failure,
            };
            if condition.is_what_failed(&failure) {
                let ours =
                    may_be_ours && self.get(key).await?.is_some_and(|object| object.bytes == bytes);
                return Ok(if ours { Conditional::Written } else { Conditional::Refused });
            }
            if attempt == CONDITIONAL_TRIES || !failure.class.is_transient() {
                return Err(self.failure("write", key, failure));
            }
            may_be_ours |= failure.class.may_have_happened();
            tokio::time::sleep(backoff(attempt)).await;
            attempt += 1;
        }
    }

    async fn put_object(
        &self,
        key: &str,
        headers: Headers<'_>,
        body: ByteStream,
        condition: Option<Condition<'_>>,
        patience: Patience,
    ) -> Result<(), Failure> {
        let (if_match, if_none_match) = condition.map_or((None, None), Condition::headers);
        let request = self.client.put_object().bucket(&*self.name).key(key);
        request
            .set_if_match(if_match)
            .set_if_none_match(if_none_match)
            .set_expected_bucket_owner(self.owner())
            .set_metadata(headers.metadata())
            .set_content_type(headers.content_type.map(str::to_owned))
            .set_cache_control(headers.cache_control.map(str::to_owned))
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(body)
            .customize()
            .config_override(patient(patience))
            .send()
            .await
            .map(drop)
            .map_err(|error| failure("s3:PutObject", &error))
    }

    /// Reads a small object; none if there is none.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        let request = self.client.get_object().bucket(&*self.name).key(key);
        let answer = request
            .set_expected_bucket_owner(self.owner())
            .customize()
            .config_override(patient(READ))
            .send()
            .await
            .map_err(|error| failure("s3:GetObject", &error));
        let Some(answer) = self.unless_missing("read", key, answer)? else {
            return Ok(None);
        };
        let version = Version(answer.e_tag.unwrap_or_default());
        let body = answer.body.collect().await;
        let body = body.map_err(|e| self.error("read", key, crate::client::innermost(&e), true))?;
        Ok(Some(Object { bytes: body.to_vec(), version }))
    }

    /// What the bucket says of an object; none if there is none.
    ///
    /// # Errors
    ///
    /// If the bucket does not answer, or may not be asked: without `s3:ListBucket` S3 says so for every object that does not exist.
    pub async fn head(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        let request = self.client.head_object().bucket(&*self.name).key(key);
        let answer = request
            .set_expected_bucket_owner(self.owner())
            .customize()
            .config_override(patient(READ))
            .send()
            .await
            .map_err(|error| failure("s3:GetObject and s3:ListBucket", &error));
        let Some(answer) = self.unless_missing("look-up", key, answer)? else {
            return Ok(None);
        };
        let size = answer.content_length.and_then(|length| u64::try_from(length).ok());
        let no_length = || self.error("look-up", key, "the answer has no length".to_owned(), true);
        Ok(Some(Stored {
            size: size.ok_or_else(no_length)?,
            version: Version(answer.e_tag.unwrap_or_default()),
            version_id: answer.version_id,
            sha256: answer.metadata.and_then(|mut metadata| metadata.remove(SHA256)),
        }))
    }

    /// A missing object is none, a missing bucket an error.
    fn unless_missing<T>(
        &self,
        operation: &'static str,
        key: &str,
        answer: Result<T, Failure>,
    ) -> Result<Option<T>, StoreError> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(Failure { class: Class::Missing, code, .. }) if code != "NoSuchBucket" => Ok(None),
            Err(failure) => Err(self.failure(operation, key, failure)),
        }
    }

    fn failure(&self, operation: &'static str, key: &str, failure: Failure) -> StoreError {
        self.error(operation, key, failure.reason, failure.class.is_transient())
    }

    fn error(
        &self,
        operation: &'static str,
        key: &str,
        reason: String,
        transient: bool,
    ) -> StoreError {
        StoreError { operation, name: self.uri(key), reason, transient }
    }
}

fn failure<E>(action: &'static str, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let mut failure = Failure::new(Call { action, target: "object" }, error);
    if failure.code == "NoSuchBucket" {
        failure.reason = failure.reason.replace("no such object", "no such bucket");
    }
    failure
}

fn patient(patience: Patience) -> Builder {
    Builder::new().timeout_config(patience.timeouts()).retry_config(patience.retries())
}

fn length(bytes: &[u8]) -> u64 {
    // A length always fits.
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// A pause between half of and a whole 0.1 s, doubled with every attempt up to 3.2 s, so that those who collided do not again.
fn backoff(attempt: u32) -> Duration {
    let longest = 100 << attempt.saturating_sub(1).min(5);
    Duration::from_millis(fastrand::u64(longest / 2..=longest))
}
