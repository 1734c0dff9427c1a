//! Media and I-frame playlists.

use super::{Line, ParseError, Problem, attributes, integer, microseconds, once};
use crate::playlist::attributes::digits;

/// A media or I-frame playlist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaPlaylist {
    /// `EXT-X-VERSION`.
    pub version: Option<u64>,
    /// `EXT-X-TARGETDURATION` in seconds.
    pub target_duration: u64,
    /// `EXT-X-MEDIA-SEQUENCE`.
    pub media_sequence: Option<u64>,
    /// `EXT-X-DISCONTINUITY-SEQUENCE`.
    pub discontinuity_sequence: Option<u64>,
    /// `EXT-X-PLAYLIST-TYPE` as it stands: `VOD` or `EVENT`.
    pub playlist_type: Option<String>,
    /// Whether it has `EXT-X-INDEPENDENT-SEGMENTS`.
    pub independent_segments: bool,
    /// Whether it has `EXT-X-I-FRAMES-ONLY`.
    pub iframes_only: bool,
    /// Whether it has `EXT-X-ENDLIST`.
    pub endlist: bool,
    /// The segments in order.
    pub segments: Vec<MediaSegment>,
}

/// A segment of a media playlist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaSegment {
    /// `EXTINF` in microseconds.
    pub duration: u64,
    /// Its URI as it stands.
    pub uri: String,
    /// The part of the resource that it is, if not the whole.
    pub byte_range: Option<ByteRange>,
    /// URI of the `EXT-X-MAP` in force.
    pub map: Option<String>,
    /// Whether `EXT-X-DISCONTINUITY` stands before it.
    pub discontinuity: bool,
}

/// A range of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// How many.
    pub length: u64,
    /// Where the first is.
    pub offset: u64,
}

pub(super) fn read(lines: &[(usize, Line<'_>)], last: usize) -> Result<MediaPlaylist, ParseError> {
    let mut reader = Reader::default();
    for (line, content) in lines {
        let result = match content {
            Line::Tag(name, value) => reader.tag(name, *value),
            Line::Uri(uri) => reader.uri(uri),
        };
        result.map_err(|problem| ParseError { line: *line, problem })?;
    }
    reader.end().map_err(|problem| ParseError { line: last, problem })
}

/// What was read so far; the optional fields belong to the next segment.
#[derive(Default)]
struct Reader {
    playlist: MediaPlaylist,
    target_duration: Option<u64>,
    map: Option<String>,
    duration: Option<u64>,
    byte_range: Option<(u64, Option<u64>)>,
    discontinuity: Option<()>,
}

impl Reader {
    fn tag(&mut self, name: &str, value: Option<&str>) -> Result<(), Problem> {
        let playlist = &mut self.playlist;
        match name {
            "EXT-X-VERSION" => {
                let version = integer("EXT-X-VERSION", value)?;
                once(&mut playlist.version, version, "EXT-X-VERSION")?;
            }
            "EXT-X-TARGETDURATION" => {
                let seconds = integer("EXT-X-TARGETDURATION", value)?;
                once(&mut self.target_duration, seconds, "EXT-X-TARGETDURATION")?;
            }
            "EXT-X-MEDIA-SEQUENCE" => {
                let sequence = integer("EXT-X-MEDIA-SEQUENCE", value)?;
                once(&mut playlist.media_sequence, sequence, "EXT-X-MEDIA-SEQUENCE")?;
            }
            "EXT-X-PLAYLIST-TYPE" => {
                let kind = value.filter(|kind| matches!(*kind, "VOD" | "EVENT"));
                let kind = kind.ok_or(Problem::Value("EXT-X-PLAYLIST-TYPE"))?.to_owned();
                once(&mut playlist.playlist_type, kind, "EXT-X-PLAYLIST-TYPE")?;
            }
            "EXT-X-INDEPENDENT-SEGMENTS" => playlist.independent_segments = true,
            "EXT-X-I-FRAMES-ONLY" => playlist.iframes_only = true,
            "EXT-X-ENDLIST" => playlist.endlist = true,
            "EXT-X-DISCONTINUITY" => once(&mut self.discontinuity, (), "EXT-X-DISCONTINUITY")?,
            "EXT-X-DISCONTINUITY-SEQUENCE" => {
                let sequence = integer("EXT-X-DISCONTINUITY-SEQUENCE", value)?;
                let slot = &mut playlist.discontinuity_sequence;
                once(slot, sequence, "EXT-X-DISCONTINUITY-SEQUENCE")?;
            }
            "EXT-X-MAP" => self.map = Some(attributes("EXT-X-MAP", value)?.required("URI")?),
            "EXTINF" => {
                let (seconds, _title) = value
                    .and_then(|value| value.split_once(','))
                    .ok_or(Problem::Value("EXTINF"))?;
                let duration = microseconds(seconds).ok_or(Problem::Value("EXTINF"))?;
                once(&mut self.duration, duration, "EXTINF")?;
            }
            "EXT-X-BYTERANGE" => {
                let range = value.and_then(byte_range).ok_or(Problem::Value("EXT-X-BYTERANGE"))?;
                once(&mut self.byte_range, range, "EXT-X-BYTERANGE")?;
            }
            "EXT-X-STREAM-INF"
            | "EXT-X-I-FRAME-STREAM-INF"
            | "EXT-X-MEDIA"
            | "EXT-X-SESSION-DATA" => {
                return Err(Problem::Misplaced(name.to_owned()));
            }
            _ => {}
        }
        Ok(())
    }

    fn uri(&mut self, uri: &str) -> Result<(), Problem> {
        let duration = self.duration.take().ok_or(Problem::Uri("EXTINF"))?;
        let byte_range = match self.byte_range.take() {
            None => None,
            Some((length, offset)) => {
                let offset = offset.or_else(|| self.end_of_last(uri)).ok_or(Problem::ByteRange)?;
                offset.checked_add(length).ok_or(Problem::ByteRange)?;
                Some(ByteRange { length, offset })
            }
        };
        self.playlist.segments.push(MediaSegment {
            duration,
            uri: uri.to_owned(),
            byte_range,
            map: self.map.clone(),
            discontinuity: self.discontinuity.take().is_some(),
        });
        Ok(())
    }

    /// Where a range without an offset starts (RFC 8216 4.3.2.2).
    fn end_of_last(&self, uri: &str) -> Option<u64> {
        let last = self.playlist.segments.last().filter(|last| last.uri == uri)?;
        last.byte_range.map(|range| range.offset + range.length)
    }

    fn end(mut self) -> Result<MediaPlaylist, Problem> {
        if self.duration.is_some() {
            return Err(Problem::NoUri("EXTINF"));
        }
        if self.discontinuity.is_some() {
            return Err(Problem::NoUri("EXT-X-DISCONTINUITY"));
        }
        let target = self.target_duration.ok_or(Problem::Missing("EXT-X-TARGETDURATION"))?;
        self.playlist.target_duration = target;
        Ok(self.playlist)
    }
}

/// `<length>[@<offset>]`.
fn byte_range(text: &str) -> Option<(u64, Option<u64>)> {
    match text.split_once('@') {
        None => Some((digits(text)?, None)),
        Some((length, offset)) => Some((digits(length)?, Some(digits(offset)?))),
    }
}
