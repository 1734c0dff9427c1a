//! Published objects, from a directory or over HTTP.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use job::conformance::MASTER;
use media::MediaError;
use media::verify::{Published, PublishedObject};

use crate::exit::{NoInput, Usage};

/// No playlist, segment or picture is nearly as large.
const LARGEST_OBJECT: u64 = 1 << 30;
const TIMEOUT: Duration = Duration::from_secs(30);
const HTTP: &str = "http://";

/// Opens a presentation by the directory that it is in or its URL, or by its multivariant playlist, which may then have any name.
pub fn open(presentation: &str) -> anyhow::Result<Box<dyn Published>> {
    if presentation.starts_with(HTTP) {
        return Ok(Box::new(Web::new(presentation)));
    }
    if presentation.contains("://") {
        let reason = format!("{presentation} cannot be read: give a directory or an http:// URL");
        return Err(Usage(reason).into());
    }
    let directory = Directory::new(Path::new(presentation));
    if !directory.path(MASTER).is_file() {
        let (name, root) = (directory.master.display(), directory.root.display());
        return Err(NoInput(format!("there is no {name} in {root}")).into());
    }
    Ok(Box::new(directory))
}

struct Directory {
    root: PathBuf,
    /// File name of the multivariant playlist.
    master: PathBuf,
}

impl Directory {
    fn new(path: &Path) -> Self {
        let is_playlist = path.extension().is_some_and(|extension| extension == "m3u8");
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) if is_playlist && !path.is_dir() => {
                Self { root: parent.to_owned(), master: name.into() }
            }
            _ => Self { root: path.to_owned(), master: MASTER.into() },
        }
    }

    fn path(&self, uri: &str) -> PathBuf {
        if uri == MASTER { self.root.join(&self.master) } else { self.root.join(uri) }
    }
}

impl Published for Directory {
    fn read(&self, uri: &str) -> Result<Option<PublishedObject>, MediaError> {
        // What a playlist names may lie anywhere; below the presentation is all that is published.
        if uri.split('/').any(|component| component == "..") || uri.starts_with('/') {
            return Ok(None);
        }
        let path = self.path(uri);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(PublishedObject { bytes, content_type: None })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(MediaError::File { path, source }),
        }
    }
}

struct Web {
    /// Without the slash at its end.
    base: String,
    /// Last path component of the multivariant playlist, with the query that was given.
    master: String,
    agent: ureq::Agent,
}

impl Web {
    fn new(url: &str) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).build();
        let (base, master) = split(url);
        Self { base, master, agent: config.into() }
    }

    fn url(&self, uri: &str) -> String {
        match uri {
            MASTER => format!("{}/{}", self.base, self.master),
            absolute if absolute.starts_with(HTTP) => absolute.to_owned(),
            relative => format!("{}/{relative}", self.base),
        }
    }
}

fn is_playlist(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("m3u8"))
}

/// A presentation's URL as that of its directory and the name of its multivariant playlist.
fn split(url: &str) -> (String, String) {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let after_host = path.get(HTTP.len()..).and_then(|rest| rest.find('/'));
    if after_host.is_some()
        && is_playlist(path)
        && let Some((base, _)) = path.rsplit_once('/')
    {
        return (base.to_owned(), url[base.len() + 1..].to_owned());
    }
    (path.trim_end_matches('/').to_owned(), MASTER.to_owned())
}

impl Published for Web {
    fn read(&self, uri: &str) -> Result<Option<PublishedObject>, MediaError> {
        let url = self.url(uri);
        let failed = |error: ureq::Error| MediaError::Unreachable {
            url: url.clone(),
            reason: error.to_string(),
        };
        let mut response = match self.agent.get(&url).call() {
            Ok(response) => response,
            Err(ureq::Error::StatusCode(403 | 404 | 410)) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let content_type = response.headers().get("content-type");
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        // A server that does not say is told from a directory, which cannot.
        let content_type = Some(content_type.to_owned());
        let bytes = response
            .body_mut()
            .with_config()
            .limit(LARGEST_OBJECT)
            .read_to_vec()
            .map_err(failed)?;
        Ok(Some(PublishedObject { bytes, content_type }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_leads_to_the_multivariant_playlist() {
        for (given, master) in [
            ("http://host", "http://host/master.m3u8"),
            ("http://host/", "http://host/master.m3u8"),
            ("http://host.m3u8", "http://host.m3u8/master.m3u8"),
            ("http://host/vod/talk", "http://host/vod/talk/master.m3u8"),
            ("http://host/vod/talk/", "http://host/vod/talk/master.m3u8"),
            ("http://host/vod/talk/master.m3u8", "http://host/vod/talk/master.m3u8"),
            ("http://host/vod/talk/other.m3u8", "http://host/vod/talk/other.m3u8"),
            ("http://host/talk/other.m3u8?a=/b", "http://host/talk/other.m3u8?a=/b"),
        ] {
            assert_eq!(Web::new(given).url(MASTER), master, "{given}");
        }
        let web = Web::new("http://host/talk/other.m3u8?a=/b");
        assert_eq!(web.url("v/media.m3u8"), "http://host/talk/v/media.m3u8");
        assert_eq!(web.url("http://cdn/media.m3u8"), "http://cdn/media.m3u8");
    }

    #[test]
    fn a_path_leads_to_the_multivariant_playlist() {
        for (given, master) in [
            ("vod/talk", "vod/talk/master.m3u8"),
            ("vod/talk/", "vod/talk/master.m3u8"),
            ("vod/talk/master.m3u8", "vod/talk/master.m3u8"),
            ("vod/talk/other.m3u8", "vod/talk/other.m3u8"),
            ("other.m3u8", "other.m3u8"),
        ] {
            assert_eq!(Directory::new(Path::new(given)).path(MASTER), Path::new(master));
        }
    }

    #[test]
    fn a_refused_connection_is_not_a_missing_presentation() {
        // Nobody listens on a port that was just given back.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let read = Web::new(&format!("http://{address}")).read(MASTER);
        assert!(matches!(read, Err(MediaError::Unreachable { .. })));
    }
}
