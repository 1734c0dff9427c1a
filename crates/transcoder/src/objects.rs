//! Published objects, from a directory or over HTTP.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use media::MediaError;
use media::verify::{Published, PublishedObject};

use crate::exit::{NoInput, Usage};

/// No playlist, segment or picture is nearly as large.
const LARGEST_OBJECT: u64 = 1 << 30;
const TIMEOUT: Duration = Duration::from_secs(30);

/// Opens a presentation by the directory it is in, or the URL of its master playlist.
pub fn open(presentation: &str) -> anyhow::Result<Box<dyn Published>> {
    if presentation.starts_with("http://") {
        let (base, _) = presentation.rsplit_once('/').context("a URL has slashes")?;
        return Ok(Box::new(Web::new(base)));
    }
    if presentation.contains("://") {
        let reason = format!("{presentation} cannot be read: give a directory or an http:// URL");
        return Err(Usage(reason).into());
    }
    let path = Path::new(presentation);
    let directory = if path.ends_with("master.m3u8") { path.parent() } else { Some(path) };
    match directory {
        Some(directory) if directory.join("master.m3u8").is_file() => {
            Ok(Box::new(Directory { root: directory.to_owned() }))
        }
        _ => Err(NoInput(format!("there is no master.m3u8 in {presentation}")).into()),
    }
}

struct Directory {
    root: PathBuf,
}

impl Published for Directory {
    fn read(&self, uri: &str) -> Result<Option<PublishedObject>, MediaError> {
        // What a playlist names may lie anywhere; below the presentation is all that is published.
        if uri.split('/').any(|component| component == "..") || uri.starts_with('/') {
            return Ok(None);
        }
        let path = self.root.join(uri);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(PublishedObject { bytes, content_type: None })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(MediaError::File { path, source }),
        }
    }
}

struct Web {
    base: String,
    agent: ureq::Agent,
}

impl Web {
    fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).build();
        Self { base: base.to_owned(), agent: config.into() }
    }
}

impl Published for Web {
    fn read(&self, uri: &str) -> Result<Option<PublishedObject>, MediaError> {
        let url = if uri.starts_with("http://") {
            uri.to_owned()
        } else {
            format!("{}/{uri}", self.base)
        };
        let failed = |error: ureq::Error| MediaError::File {
            path: PathBuf::from(&url),
            source: std::io::Error::other(error),
        };
        let mut response = match self.agent.get(&url).call() {
            Ok(response) => response,
            Err(ureq::Error::StatusCode(404 | 403)) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let content_type = response
            .headers()
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let bytes = response
            .body_mut()
            .with_config()
            .limit(LARGEST_OBJECT)
            .read_to_vec()
            .map_err(failed)?;
        Ok(Some(PublishedObject { bytes, content_type }))
    }
}
