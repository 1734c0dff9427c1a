//! A recording on its way into S3, never over another one.

use std::path::Path;

use cloud::{Bucket, Headers, Stored};
use job::ports::Conditional;

use crate::connection::DeliveryError;

const CONTENT_TYPE: &str = "video/x-flv";

/// What is uploaded.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// The file.
    pub file: &'a Path,
    /// Its length in bytes.
    pub size: u64,
    /// SHA-256 of it, lower-case hexadecimal.
    pub sha256: &'a str,
}

impl Content<'_> {
    fn is(&self, object: &Stored) -> bool {
        object.size == self.size && object.sha256.as_deref() == Some(self.sha256)
    }
}

/// Uploads a recording. True once HEAD has said that S3 has it; false if the key is taken by something else, which stays as it is: it may be
/// the only copy of what another origin recorded in the same second.
///
/// An object with its size and SHA-256 is the recording itself, from a process that died before the message was sent, and is not uploaded
/// again. Only S3 has to be believed for that, no note of ours, and no error either: an upload whose last answer was lost may be done.
pub async fn upload(
    bucket: &Bucket,
    key: &str,
    content: Content<'_>,
) -> Result<bool, DeliveryError> {
    if let Some(object) = bucket.head(key).await? {
        return Ok(content.is(&object));
    }
    let headers = Headers {
        content_type: Some(CONTENT_TYPE),
        sha256: Some(content.sha256),
        ..Headers::default()
    };
    let uploaded = bucket.upload_new(key, headers, content.file).await;
    match (uploaded, bucket.head(key).await) {
        (_, Ok(Some(object))) if content.is(&object) => Ok(true),
        (Err(error), _) | (Ok(_), Err(error)) => Err(error.into()),
        (Ok(Conditional::Refused), Ok(Some(_))) => Ok(false),
        _ => Err(DeliveryError::Unverified { key: key.to_owned(), size: content.size }),
    }
}
