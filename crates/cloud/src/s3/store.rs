//! A prefix of a bucket as the store.

use std::path::Path;

use async_trait::async_trait;
use job::names::ObjectKind;
use job::ports::{Conditional, Object, Store, StoreError, Version};

use super::{Bucket, Condition, Headers};

/// A bucket, or what lies below a prefix in it, as the store of presentations.
///
/// Every object is served with the `Content-Type` and `Cache-Control` of its kind. An object's version is its `ETag`.
#[derive(Clone, Debug)]
pub struct S3Store {
    bucket: Bucket,
    /// Empty, or with a `/` at its end.
    prefix: String,
}

impl S3Store {
    /// The store in `bucket` below `prefix`, which may be empty. Calls nobody.
    #[must_use]
    pub fn new(bucket: Bucket, prefix: &str) -> Self {
        Self { bucket, prefix: as_folder(prefix) }
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// A prefix that matches whole components only.
pub(super) fn as_folder(prefix: &str) -> String {
    let trimmed = prefix.trim_matches('/');
    if trimmed.is_empty() { String::new() } else { format!("{trimmed}/") }
}

const fn headers(kind: ObjectKind) -> Headers<'static> {
    Headers {
        content_type: Some(kind.content_type()),
        cache_control: Some(kind.cache_control()),
        sha256: None,
    }
}

#[async_trait]
impl Store for S3Store {
    async fn upload(&self, name: &str, kind: ObjectKind, file: &Path) -> Result<(), StoreError> {
        self.bucket.upload(&self.key(name), headers(kind), file).await
    }

    async fn put(&self, name: &str, kind: ObjectKind, bytes: &[u8]) -> Result<(), StoreError> {
        self.bucket.put(&self.key(name), headers(kind), bytes).await
    }

    async fn create(
        &self,
        name: &str,
        kind: ObjectKind,
        bytes: &[u8],
    ) -> Result<Conditional, StoreError> {
        self.bucket.put_if(&self.key(name), headers(kind), bytes, Condition::Absent).await
    }

    async fn replace(
        &self,
        name: &str,
        kind: ObjectKind,
        bytes: &[u8],
        version: &Version,
    ) -> Result<Conditional, StoreError> {
        self.bucket.put_if(&self.key(name), headers(kind), bytes, Condition::Is(version)).await
    }

    async fn get(&self, name: &str) -> Result<Option<Object>, StoreError> {
        self.bucket.get(&self.key(name)).await
    }

    async fn size(&self, name: &str) -> Result<Option<u64>, StoreError> {
        Ok(self.bucket.head(&self.key(name)).await?.map(|stored| stored.size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_whole_components() {
        for (prefix, folder) in [("", ""), ("/", ""), ("vod", "vod/"), ("/a/b/", "a/b/")] {
            assert_eq!(as_folder(prefix), folder);
        }
    }
}
