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

/// Uploads a recording, and returns its key once HEAD has said that S3 has it: `<name>.flv`.
///
/// An object with its size and SHA-256 is the recording itself, from a process that died before the message was sent, and is not uploaded
/// again. Only S3 has to be believed for that, no note of ours.
///
/// Any other object of the name stays, for it may be the only copy of what another origin recorded in the same second. The key is
/// `<name>-<begin of SHA-256>.flv` then.
pub async fn upload(
    bucket: &Bucket,
    name: &str,
    content: Content<'_>,
) -> Result<String, DeliveryError> {
    let key = format!("{name}.flv");
    if is_stored(bucket, &key, content).await? {
        return Ok(key);
    }
    let own_key = format!("{name}-{:.16}.flv", content.sha256);
    if is_stored(bucket, &own_key, content).await? {
        tracing::warn!(key, own_key, "key is taken by another recording");
        return Ok(own_key);
    }
    Err(DeliveryError::Unverified { key: own_key, size: content.size })
}

/// Uploads unless the key is taken; false if it is, by something else.
async fn is_stored(
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
    let uploaded = bucket.upload_new(key, headers, content.file).await?;
    let object = bucket.head(key).await?;
    match (uploaded, object) {
        (_, Some(object)) if content.is(&object) => Ok(true),
        (Conditional::Refused, Some(_)) => Ok(false),
        _ => Err(DeliveryError::Unverified { key: key.to_owned(), size: content.size }),
    }
}
