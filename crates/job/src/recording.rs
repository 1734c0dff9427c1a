//! A recording that is to be published: where it lies, which bytes it is, and the presentation and part it becomes.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// One recording to turn into video on demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Where its bytes are.
    pub source: SourceUri,
    /// What makes these bytes this recording and no other.
    pub identity: Identity,
    /// What viewers call it: the stream's name, or the file's where there is no stream. Anybody's text.
    pub title: String,
    /// What a viewer opens: the prefix of the presentation in the store.
    pub presentation: PresentationName,
    /// Which part of the presentation this recording is, from 1.
    pub part: u32,
    /// The profile that the message asks for, if it asks.
    pub profile: Option<String>,
}

/// Where a recording lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SourceUri {
    /// A file on this machine, by absolute path.
    File(String),
    /// An object in S3.
    S3 {
        /// The bucket.
        bucket: String,
        /// The key, decoded.
        key: String,
    },
}

/// A text that names no recording.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} names no recording: use an absolute path, file:///path or s3://bucket/key")]
pub struct BadSourceUri(String);

impl SourceUri {
    /// The last component of the name.
    #[must_use]
    pub fn file_name(&self) -> &str {
        let path = match self {
            Self::File(path) => path,
            Self::S3 { key, .. } => key,
        };
        path.rsplit('/').next().unwrap_or(path)
    }

    /// The last component of the name without its ending.
    #[must_use]
    pub fn file_stem(&self) -> &str {
        let name = self.file_name();
        name.rsplit_once('.').map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem })
    }
}

impl TryFrom<String> for SourceUri {
    type Error = BadSourceUri;

    fn try_from(text: String) -> Result<Self, BadSourceUri> {
        if let Some(path) =
            text.strip_prefix("file://").or(Some(&text)).filter(|p| p.starts_with('/'))
        {
            return Ok(Self::File(path.to_owned()));
        }
        match text.strip_prefix("s3://").and_then(|rest| rest.split_once('/')) {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
                Ok(Self::S3 { bucket: bucket.to_owned(), key: key.to_owned() })
            }
            _ => Err(BadSourceUri(text)),
        }
    }
}

impl From<SourceUri> for String {
    fn from(uri: SourceUri) -> Self {
        uri.to_string()
    }
}

impl fmt::Display for SourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file://{path}"),
            Self::S3 { bucket, key } => write!(f, "s3://{bucket}/{key}"),
        }
    }
}

/// What makes a recording itself, so that the same recording delivered twice is one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Identity {
    /// The SHA-256 of its bytes, lower-case hexadecimal: what our hook sends.
    Content {
        /// The digest.
        sha256: String,
    },
    /// Where it lies and which version of it, as an opaque whole, for messages that carry no digest. An `ETag` is no digest.
    Location {
        /// The source's URI.
        uri: String,
        /// Which version of the object.
        version: ObjectVersion,
        /// Length in bytes.
        size: u64,
    },
}

/// A version of an object in S3, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectVersion {
    /// Its id, in a bucket that keeps versions. One whose versioning is suspended calls every version `null`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its `ETag` without quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

/// The prefix under which a presentation is published: one or more path components of safe characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PresentationName(String);

/// A text that cannot be the name of a presentation.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} is no name for a presentation: use letters, digits, '-', '_' and '.' in components joined by '/'"
)]
pub struct BadPresentationName(String);

impl PresentationName {
    /// The presentation that is the store's root itself: what `transcoder transcode` writes.
    #[must_use]
    pub fn root() -> Self {
        Self(String::new())
    }

    /// The name `<app>/<stream>/<session>`. Characters outside of the safe set become `_` and a digest of the original follows, so
    /// that two hostile names stay two names.
    #[must_use]
    pub fn from_components<'a>(components: impl IntoIterator<Item = &'a str>) -> Self {
        let safe: Vec<String> = components.into_iter().map(safe_component).collect();
        Self(safe.join("/"))
    }

    /// The name of the presentation made of an object without a message of ours: its key without the ending.
    #[must_use]
    pub fn from_key(key: &str) -> Self {
        let (parent, file) = key.rsplit_once('/').map_or((None, key), |(p, f)| (Some(p), f));
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        let stem = if stem.is_empty() { file } else { stem };
        Self::from_components(
            parent.into_iter().flat_map(|p| p.split('/')).filter(|c| !c.is_empty()).chain([stem]),
        )
    }

    /// The name as it stands in keys; empty for the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PresentationName {
    type Error = BadPresentationName;

    fn try_from(text: String) -> Result<Self, BadPresentationName> {
        if text.is_empty() || text.split('/').all(is_safe_component) {
            Ok(Self(text))
        } else {
            Err(BadPresentationName(text))
        }
    }
}

impl From<PresentationName> for String {
    fn from(name: PresentationName) -> Self {
        name.0
    }
}

impl fmt::Display for PresentationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Longest component: file systems allow 255 bytes, and the digest of an unsafe name follows.
const LONGEST_COMPONENT: usize = 128;

fn is_safe_component(component: &str) -> bool {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !component.is_empty()
        && component.len() <= LONGEST_COMPONENT + 17
        && component.chars().all(safe)
        && !component.starts_with(['.', '-'])
}

fn safe_component(component: &str) -> String {
    if is_safe_component(component) && component.len() <= LONGEST_COMPONENT {
        return component.to_owned();
    }
    let replaced: String = component
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' })
        .take(LONGEST_COMPONENT)
        .collect();
    let readable = replaced.trim_start_matches(['.', '-']);
    let readable = if readable.is_empty() { "_" } else { readable };
    format!("{readable}-{}", short_digest(component.as_bytes()))
}

/// The first 64 bits of the SHA-256 of some bytes, in lower-case hexadecimal.
#[must_use]
pub fn short_digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes)[..8])
}

/// Bytes in lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_uris_read_and_write() {
        for (text, expected) in [
            ("/rec/a b.flv", "file:///rec/a b.flv"),
            ("file:///rec/a.flv", "file:///rec/a.flv"),
            ("s3://bucket/in/my video+1.flv", "s3://bucket/in/my video+1.flv"),
        ] {
            assert_eq!(SourceUri::try_from(text.to_owned()).unwrap().to_string(), expected);
        }
        for text in ["", "rec/a.flv", "file://rec/a.flv", "s3://bucket", "s3:///key", "http://x/y"]
        {
            assert!(SourceUri::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn presentations_are_named_after_keys() {
        for (key, name) in
            [("in/a.b.flv", "in/a.b"), ("talk.flv", "talk"), ("talk", "talk"), ("a//b.flv", "a/b")]
        {
            assert_eq!(PresentationName::from_key(key).as_str(), name);
        }
    }

    #[test]
    fn hostile_names_stay_inside_and_apart() {
        let names = ["../x", "..", ".hidden", "-rf", "a b", "a_b", ">/x", "ä", &"x".repeat(255)];
        let mut seen = std::collections::HashSet::new();
        for name in names {
            let presentation = PresentationName::from_components(["live", name, "1"]);
            let reread = PresentationName::try_from(presentation.as_str().to_owned()).unwrap();
            assert_eq!(reread.as_str().split('/').count(), 3, "{reread}");
            assert!(seen.insert(reread), "{name} collides");
        }
        for forged in ["/abs", "a/../b", "a//b", "a/", "-rf", "a b"] {
            assert!(PresentationName::try_from(forged.to_owned()).is_err(), "{forged}");
        }
    }
}
