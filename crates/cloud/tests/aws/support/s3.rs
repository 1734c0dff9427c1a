//! Buckets and files to test with.

use std::path::Path;

use job::recording::{Identity, ObjectVersion};

use super::{Ministack, REGION, unique};

/// Makes a bucket and tells its name.
pub async fn make_bucket(ministack: &Ministack) -> String {
    use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
    let name = unique("bucket");
    let place = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::from(REGION))
        .build();
    let request = client(ministack).await.create_bucket();
    request.bucket(&name).create_bucket_configuration(place).send().await.unwrap();
    name
}

/// The SDK itself.
pub async fn client(ministack: &Ministack) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(&ministack.sdk().await);
    aws_sdk_s3::Client::from_conf(config.force_path_style(true).build())
}

/// Uploads to a bucket that are neither completed nor aborted.
pub async fn open_uploads(client: &aws_sdk_s3::Client, bucket: &str) -> usize {
    let answer = client.list_multipart_uploads().bucket(bucket).send().await.unwrap();
    answer.uploads.unwrap_or_default().len()
}

/// Bytes that differ everywhere, so that none can stand in for another.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A file of noise.
pub fn noise_file(path: &Path, length: usize) -> Vec<u8> {
    let bytes = noise(length);
    std::fs::write(path, &bytes).unwrap();
    bytes
}

/// Asks for the newest version of an object, whichever it is.
pub fn newest() -> Identity {
    Identity::Location { uri: String::new(), version: ObjectVersion::default(), size: 0 }
}
