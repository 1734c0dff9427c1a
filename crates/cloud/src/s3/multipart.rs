//! Files too large for one request go in parts; what fails leaves none behind.

use std::path::Path;
use std::sync::Arc;

use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use tokio::task::JoinSet;

use super::{ABORT, Bucket, Condition, Headers, WRITE, failure, patient};
use crate::classify::Failure;
use crate::client::Patience;

/// Largest file that goes in one request, and size of the parts of those that do not: 8 to 16 MiB is what AWS advises.
pub(super) const PART_SIZE: u64 = 16 * 1024 * 1024;
/// Most parts that S3 takes; beyond 156 GiB parts are larger.
const MOST_PARTS: u64 = 10_000;
/// Parts on their way at a time.
const CONCURRENT: u8 = 4;
/// What is read of a file at a time.
const READ_BUFFER: usize = 256 * 1024;

/// An upload that is neither completed nor aborted. Dropping it aborts it, as far as a runtime is left to do so; a lifecycle rule of the
/// bucket is there for the rest.
struct Upload {
    bucket: Bucket,
    key: Arc<str>,
    /// None once it is over.
    id: Option<Arc<str>>,
}

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    number: i32,
    offset: u64,
    length: u64,
}

impl Part {
    /// Parts on their way at the same time share the line: one takes as long as all of them.
    fn patience(self) -> Patience {
        WRITE.with_upload(self.length.saturating_mul(CONCURRENT.into()))
    }
}

impl Bucket {
    pub(super) async fn send_parts(
        &self,
        key: &str,
        headers: Headers<'_>,
        file: &Path,
        size: u64,
        condition: Option<Condition<'_>>,
    ) -> Result<(), Failure> {
        let mut upload = Upload::begin(self, key, headers).await?;
        match upload.send(file, size, condition).await {
            Ok(()) => Ok(()),
            Err(failure) => {
                upload.abort().await;
                Err(failure)
            }
        }
    }
}

impl Upload {
    async fn begin(bucket: &Bucket, key: &str, headers: Headers<'_>) -> Result<Self, Failure> {
        let request = bucket.client.create_multipart_upload().bucket(&*bucket.name).key(key);
        let answer = request
            .set_expected_bucket_owner(bucket.owner())
            .set_content_type(headers.content_type.map(str::to_owned))
            .set_cache_control(headers.cache_control.map(str::to_owned))
            .set_metadata(headers.metadata())
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .customize()
            .config_override(patient(WRITE))
            .send()
            .await
            .map_err(|error| failure("s3:PutObject", &error))?;
        let id = answer.upload_id.unwrap_or_default();
        Ok(Self { bucket: bucket.clone(), key: key.into(), id: Some(id.into()) })
    }

    /// Sends all parts, a few at a time, and completes the upload.
    async fn send(
        &mut self,
        file: &Path,
        size: u64,
        condition: Option<Condition<'_>>,
    ) -> Result<(), Failure> {
        let Some(id) = self.id.clone() else {
            return Ok(());
        };
        let file: Arc<Path> = file.into();
        let mut parts = parts(size);
        let mut sending = JoinSet::new();
        let mut sent = Vec::new();
        loop {
            while sending.len() < usize::from(CONCURRENT)
                && let Some(part) = parts.next()
            {
                let (bucket, key) = (self.bucket.clone(), Arc::clone(&self.key));
                let (id, file) = (Arc::clone(&id), Arc::clone(&file));
                sending.spawn(async move { send_part(&bucket, &key, &id, &file, part).await });
            }
            let result = match sending.join_next().await {
                None => break,
                Some(Ok(result)) => result,
                Some(Err(stopped)) => Err(Failure::local(&stopped.to_string())),
            };
            match result {
                Ok(part) => sent.push(part),
                Err(failure) => {
                    // None may arrive after the upload is aborted, or it would stay.
                    sending.shutdown().await;
                    return Err(failure);
                }
            }
        }
        sent.sort_by_key(|part| part.part_number);
        self.complete(&id, sent, condition).await?;
        self.id = None;
        Ok(())
    }

    /// Only now is a condition looked at: until here there is no object.
    async fn complete(
        &self,
        id: &str,
        parts: Vec<CompletedPart>,
        condition: Option<Condition<'_>>,
    ) -> Result<(), Failure> {
        let Self { bucket, key, .. } = self;
        let (if_match, if_none_match) = condition.map_or((None, None), Condition::headers);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        bucket
            .client
            .complete_multipart_upload()
            .bucket(&*bucket.name)
            .key(&**key)
            .upload_id(id)
            .multipart_upload(parts)
            .set_if_match(if_match)
            .set_if_none_match(if_none_match)
            .set_expected_bucket_owner(bucket.owner())
            .customize()
            .config_override(patient(WRITE))
            .send()
            .await
            .map(drop)
            .map_err(|error| failure("s3:PutObject", &error))
    }

    async fn abort(&mut self) {
        if let Some(id) = self.id.take() {
            abort(&self.bucket, &self.key, &id).await;
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let (Some(id), Ok(runtime)) = (self.id.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let (bucket, key) = (self.bucket.clone(), Arc::clone(&self.key));
        runtime.spawn(async move { abort(&bucket, &key, &id).await });
    }
}

async fn abort(bucket: &Bucket, key: &str, id: &str) {
    let request = bucket.client.abort_multipart_upload().bucket(&*bucket.name).key(key);
    let aborted = request
        .upload_id(id)
        .set_expected_bucket_owner(bucket.owner())
        .customize()
        .config_override(patient(ABORT))
        .send()
        .await
        .map_err(|error| failure("s3:AbortMultipartUpload", &error));
    if let Err(Failure { reason, .. }) = aborted {
        tracing::warn!(uri = bucket.uri(key), upload = id, reason, "parts of an upload stay");
    }
}

async fn send_part(
    bucket: &Bucket,
    key: &str,
    id: &str,
    file: &Path,
    part: Part,
) -> Result<CompletedPart, Failure> {
    let body = ByteStream::read_from()
        .path(file)
        .offset(part.offset)
        .length(Length::Exact(part.length))
        .buffer_size(READ_BUFFER)
        .build()
        .await
        .map_err(|error| Failure::local(&format!("{}: {error}", file.display())))?;
    let answer = bucket
        .client
        .upload_part()
        .bucket(&*bucket.name)
        .key(key)
        .upload_id(id)
        .part_number(part.number)
        .set_expected_bucket_owner(bucket.owner())
        .checksum_algorithm(ChecksumAlgorithm::Crc32)
        .body(body)
        .customize()
        .config_override(patient(part.patience()))
        .send()
        .await
        .map_err(|error| failure("s3:PutObject", &error))?;
    Ok(CompletedPart::builder()
        .part_number(part.number)
        .set_e_tag(answer.e_tag)
        .set_checksum_crc32(answer.checksum_crc32)
        .build())
}

/// The parts of a file, as few and as even as S3 wants them.
fn parts(size: u64) -> impl Iterator<Item = Part> {
    let length = PART_SIZE.max(size.div_ceil(MOST_PARTS));
    let offsets = (0..size).step_by(usize::try_from(length).unwrap_or(usize::MAX));
    (1..).zip(offsets).map(move |(number, offset)| Part {
        number,
        offset,
        length: length.min(size - offset),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_share_a_slow_line_all_have_time_to_arrive() {
        let part = Part { number: 1, offset: 0, length: PART_SIZE };
        let allowed = part.patience().timeouts().operation_attempt_timeout().unwrap();
        // All at once, at the 256 KiB a second that an upload is allowed.
        let needed = u64::from(CONCURRENT) * PART_SIZE / (256 * 1024);
        assert!(allowed.as_secs() >= needed, "{allowed:?} is less than {needed} s");
    }

    #[test]
    fn parts_cover_the_file_within_the_limits_of_s3() {
        const TIB: u64 = 1 << 40;
        for size in [PART_SIZE + 1, 3 * PART_SIZE, MOST_PARTS * PART_SIZE + 1, 5 * TIB] {
            let (mut end, mut count) = (0, 0);
            for part in parts(size) {
                count += 1;
                assert_eq!((part.number, part.offset), (count, end));
                end += part.length;
                assert!(part.length >= 5 * 1024 * 1024 || end == size, "{part:?}");
            }
            assert_eq!(end, size);
            assert!(u64::try_from(count).unwrap() <= MOST_PARTS, "{count} parts of {size}");
        }
    }
}
