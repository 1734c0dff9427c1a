//! A strict reader of playlists. What RFC 8216 forbids is an error with the line's number; tags that it does not know, or that do
//! not matter here, are passed over, as it demands (6.3.1).

use thiserror::Error;

use super::attributes::{Attributes, decimal, digits};

mod master;
mod media;

pub use master::{AudioGroup, IframeVariant, Master, SessionData, SessionValue, Variant};
pub use media::{ByteRange, MediaPlaylist, MediaSegment};

/// A playlist of either kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Playlist {
    /// A multivariant playlist.
    Master(Master),
    /// A media or I-frame playlist.
    Media(MediaPlaylist),
}

/// A text that is no playlist.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub struct ParseError {
    /// The line, from 1; for something that is missing, the last.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a playlist.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// Something else than `#EXTM3U` comes first.
    #[error("a playlist starts with #EXTM3U")]
    Start,
    /// A control character or a byte order mark.
    #[error("control characters and byte order marks are not allowed")]
    Character,
    /// Neither a tag of a multivariant playlist nor one of a media playlist.
    #[error("the playlist has neither variants nor segments")]
    Neither,
    /// A tag of the other kind of playlist.
    #[error("{0} does not belong into this kind of playlist")]
    Misplaced(String),
    /// A tag or attribute that may stand only once.
    #[error("{0} stands twice")]
    Duplicate(String),
    /// A tag that must be there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A tag whose value is not of its form.
    #[error("the value of {0} cannot be read")]
    Value(&'static str),
    /// A list that is no attribute list.
    #[error(
        "the attribute list is malformed: write NAME=value pairs joined by commas, strings in quotes"
    )]
    AttributeList,
    /// An attribute whose value is not of its form.
    #[error("the value of the attribute {0} cannot be read")]
    Attribute(&'static str),
    /// An attribute that must be there.
    #[error("the attribute {0} is missing")]
    MissingAttribute(&'static str),
    /// Session data that has no content, or two.
    #[error("{0} has to have either VALUE or URI")]
    SessionValue(String),
    /// A URI without the tag that must stand before it.
    #[error("a URI stands here without {0} before it")]
    Uri(&'static str),
    /// A tag without the URI that must follow.
    #[error("{0} is not followed by a URI")]
    NoUri(&'static str),
    /// A byte range that starts nowhere, or ends beyond 2^64.
    #[error("the byte range has no offset and the segment before it is not of the same resource")]
    ByteRange,
}

/// One line that matters.
#[derive(Clone, Copy)]
enum Line<'a> {
    /// A tag by name, with its value if a colon follows.
    Tag(&'a str, Option<&'a str>),
    Uri(&'a str),
}

/// Reads a playlist.
///
/// # Errors
/// If it breaks a rule of RFC 8216 that concerns what is read, with the line.
pub fn parse(text: &str) -> Result<Playlist, ParseError> {
    let lines = lines(text)?;
    let last = text.lines().count();
    let tag = |name: &str| match name {
        "EXT-X-STREAM-INF" | "EXT-X-I-FRAME-STREAM-INF" | "EXT-X-MEDIA" | "EXT-X-SESSION-DATA" => {
            Some(true)
        }
        "EXTINF" | "EXT-X-TARGETDURATION" => Some(false),
        _ => None,
    };
    let is_master = lines.iter().find_map(|(_, line)| match line {
        Line::Tag(name, _) => tag(name),
        Line::Uri(_) => None,
    });
    match is_master {
        Some(true) => master::read(&lines, last).map(Playlist::Master),
        Some(false) => media::read(&lines, last).map(Playlist::Media),
        None => Err(ParseError { line: last, problem: Problem::Neither }),
    }
}

fn lines(text: &str) -> Result<Vec<(usize, Line<'_>)>, ParseError> {
    let mut lines = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let at = |problem| ParseError { line: number, problem };
        let forbidden = |c: char| (c.is_control() && c != '\t') || c == '\u{feff}';
        if line.contains(forbidden) {
            return Err(at(Problem::Character));
        }
        if number == 1 {
            if line.trim_end() != "#EXTM3U" {
                return Err(at(Problem::Start));
            }
            continue;
        }
        let line = line.trim_end();
        match line.strip_prefix('#') {
            Some(tag) if tag.starts_with("EXT") => {
                let (name, value) = tag.split_once(':').map_or((tag, None), |(n, v)| (n, Some(v)));
                lines.push((number, Line::Tag(name, value)));
            }
            None if !line.is_empty() => lines.push((number, Line::Uri(line))),
            _ => {}
        }
    }
    if text.is_empty() {
        return Err(ParseError { line: 1, problem: Problem::Start });
    }
    Ok(lines)
}

/// Sets what may be set once.
fn once<T>(slot: &mut Option<T>, value: T, name: &'static str) -> Result<(), Problem> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Problem::Duplicate(name.to_owned())),
    }
}

/// The decimal integer that a tag has as its value.
fn integer(name: &'static str, value: Option<&str>) -> Result<u64, Problem> {
    value.and_then(digits).ok_or(Problem::Value(name))
}

/// A time in seconds, as microseconds.
fn microseconds(text: &str) -> Option<u64> {
    decimal(text, 6)
}

fn attributes<'a>(name: &'static str, value: Option<&'a str>) -> Result<Attributes<'a>, Problem> {
    Attributes::parse(value.ok_or(Problem::Value(name))?)
}
