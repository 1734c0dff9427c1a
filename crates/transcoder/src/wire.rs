//! URLs become queues and stores.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use local::{DirectoryStore, SqliteQueue, SystemClock};

use crate::exit::Usage;

/// Opens the queue of a URL.
pub fn queue(url: &str) -> anyhow::Result<SqliteQueue> {
    if let Some(path) = url.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
        return Ok(SqliteQueue::open(Path::new(path), Arc::new(SystemClock))?);
    }
    if url.starts_with("https://") || url.starts_with("http://") {
        return Err(no_aws(url));
    }
    Err(Usage(format!("{url:?} is no queue: use sqlite:PATH")).into())
}

/// The directory that a store's URL names.
pub fn output_directory(url: &str) -> anyhow::Result<PathBuf> {
    if url.starts_with("s3://") {
        return Err(no_aws(url));
    }
    if url.contains("://") {
        return Err(Usage(format!("{url:?} is no place to publish: use a directory")).into());
    }
    Ok(std::path::absolute(url)?)
}

/// Opens the store in a directory.
pub fn store(directory: &Path) -> anyhow::Result<Arc<DirectoryStore>> {
    Ok(Arc::new(DirectoryStore::open(directory)?))
}

fn no_aws(url: &str) -> anyhow::Error {
    Usage(format!(
        "{url} is on AWS, which this build does not speak: use sqlite:PATH and a directory"
    ))
    .into()
}
