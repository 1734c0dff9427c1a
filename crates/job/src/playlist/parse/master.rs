//! Multivariant playlists.

use super::{Line, ParseError, Problem, attributes, integer, once};
use crate::playlist::attributes::Attributes;

/// A multivariant playlist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Master {
    /// `EXT-X-VERSION`.
    pub version: Option<u64>,
    /// Whether it has `EXT-X-INDEPENDENT-SEGMENTS`.
    pub independent_segments: bool,
    /// `EXT-X-SESSION-DATA` in order.
    pub session_data: Vec<SessionData>,
    /// `EXT-X-MEDIA` of type `AUDIO`; other types are passed over.
    pub audio: Vec<AudioGroup>,
    /// `EXT-X-STREAM-INF` with their URIs, in order.
    pub variants: Vec<Variant>,
    /// `EXT-X-I-FRAME-STREAM-INF` in order.
    pub iframes: Vec<IframeVariant>,
}

/// `EXT-X-SESSION-DATA`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionData {
    /// `DATA-ID`.
    pub id: String,
    /// `LANGUAGE`.
    pub language: Option<String>,
    /// `VALUE` or `URI`.
    pub value: SessionValue,
}

/// The content of session data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionValue {
    /// `VALUE`: the content itself.
    Text(String),
    /// `URI`: where it is, as JSON.
    Uri(String),
}

/// `EXT-X-MEDIA:TYPE=AUDIO`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioGroup {
    /// `GROUP-ID`.
    pub group: String,
    /// `NAME`.
    pub name: String,
    /// `LANGUAGE`.
    pub language: Option<String>,
    /// `CHANNELS`.
    pub channels: Option<String>,
    /// `DEFAULT`.
    pub default: bool,
    /// `AUTOSELECT`.
    pub autoselect: bool,
    /// `URI`.
    pub uri: Option<String>,
}

/// `EXT-X-STREAM-INF`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Peak in bits per second.
    pub bandwidth: u64,
    /// Average in bits per second.
    pub average_bandwidth: Option<u64>,
    /// `CODECS`, whole.
    pub codecs: Option<String>,
    /// Width and height in pixels.
    pub resolution: Option<(u32, u32)>,
    /// Frames per 1000 seconds.
    pub frame_rate: Option<u64>,
    /// The group of audio renditions.
    pub audio: Option<String>,
    /// The line after it.
    pub uri: String,
}

/// `EXT-X-I-FRAME-STREAM-INF`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IframeVariant {
    /// Peak in bits per second.
    pub bandwidth: u64,
    /// Average in bits per second.
    pub average_bandwidth: Option<u64>,
    /// `CODECS`, whole.
    pub codecs: Option<String>,
    /// Width and height in pixels.
    pub resolution: Option<(u32, u32)>,
    /// `URI`.
    pub uri: String,
}

pub(super) fn read(lines: &[(usize, Line<'_>)], last: usize) -> Result<Master, ParseError> {
    let mut master = Master::default();
    let mut pending = None;
    for (number, line) in lines {
        let at = |problem| ParseError { line: *number, problem };
        match (line, pending.take()) {
            (Line::Uri(uri), Some(variant)) => {
                master.variants.push(Variant { uri: (*uri).to_owned(), ..variant });
            }
            (Line::Uri(_), None) => return Err(at(Problem::Uri("EXT-X-STREAM-INF"))),
            (Line::Tag(..), Some(_)) => return Err(at(Problem::NoUri("EXT-X-STREAM-INF"))),
            (Line::Tag("EXT-X-STREAM-INF", value), None) => {
                let read = attributes("EXT-X-STREAM-INF", *value).and_then(|list| variant(&list));
                pending = Some(read.map_err(at)?);
            }
            (Line::Tag(name, value), None) => tag(&mut master, name, *value).map_err(at)?,
        }
    }
    match pending {
        Some(_) => Err(ParseError { line: last, problem: Problem::NoUri("EXT-X-STREAM-INF") }),
        None => Ok(master),
    }
}

fn tag(master: &mut Master, name: &str, value: Option<&str>) -> Result<(), Problem> {
    match name {
        "EXT-X-VERSION" => {
            let version = integer("EXT-X-VERSION", value)?;
            once(&mut master.version, version, "EXT-X-VERSION")?;
        }
        "EXT-X-INDEPENDENT-SEGMENTS" => master.independent_segments = true,
        "EXT-X-MEDIA" => {
            let list = attributes("EXT-X-MEDIA", value)?;
            match list.plain("TYPE")? {
                None => return Err(Problem::MissingAttribute("TYPE")),
                Some("AUDIO") => master.audio.push(audio(&list)?),
                Some(_) => {}
            }
        }
        "EXT-X-SESSION-DATA" => {
            let data = session_data(&attributes("EXT-X-SESSION-DATA", value)?)?;
            let is_same =
                |other: &SessionData| (&other.id, &other.language) == (&data.id, &data.language);
            if master.session_data.iter().any(is_same) {
                return Err(Problem::Duplicate(data.id));
            }
            master.session_data.push(data);
        }
        "EXT-X-I-FRAME-STREAM-INF" => {
            let list = attributes("EXT-X-I-FRAME-STREAM-INF", value)?;
            master.iframes.push(IframeVariant {
                bandwidth: bandwidth(&list)?,
                average_bandwidth: list.integer("AVERAGE-BANDWIDTH")?,
                codecs: list.quoted("CODECS")?,
                resolution: list.resolution("RESOLUTION")?,
                uri: list.required("URI")?,
            });
        }
        "EXTINF"
        | "EXT-X-TARGETDURATION"
        | "EXT-X-MEDIA-SEQUENCE"
        | "EXT-X-PLAYLIST-TYPE"
        | "EXT-X-ENDLIST"
        | "EXT-X-MAP"
        | "EXT-X-BYTERANGE"
        | "EXT-X-DISCONTINUITY"
        | "EXT-X-DISCONTINUITY-SEQUENCE"
        | "EXT-X-I-FRAMES-ONLY" => {
            return Err(Problem::Misplaced(name.to_owned()));
        }
        _ => {}
    }
    Ok(())
}

impl Master {
    /// The `VALUE` of session data in no particular language.
    #[must_use]
    pub fn session_value(&self, id: &str) -> Option<&str> {
        let mut all = self.session_data.iter();
        let data = all.find(|data| data.id == id && data.language.is_none())?;
        match &data.value {
            SessionValue::Text(text) => Some(text),
            SessionValue::Uri(_) => None,
        }
    }
}

fn bandwidth(list: &Attributes<'_>) -> Result<u64, Problem> {
    list.integer("BANDWIDTH")?.ok_or(Problem::MissingAttribute("BANDWIDTH"))
}

/// RFC 8216 4.3.4.4: one of `VALUE` and `URI`, never both.
fn session_data(list: &Attributes<'_>) -> Result<SessionData, Problem> {
    let id = list.required("DATA-ID")?;
    let language = list.quoted("LANGUAGE")?;
    let value = match (list.quoted("VALUE")?, list.quoted("URI")?) {
        (Some(text), None) => SessionValue::Text(text),
        (None, Some(uri)) => SessionValue::Uri(uri),
        _ => return Err(Problem::SessionValue(id)),
    };
    Ok(SessionData { id, language, value })
}

fn audio(list: &Attributes<'_>) -> Result<AudioGroup, Problem> {
    Ok(AudioGroup {
        group: list.required("GROUP-ID")?,
        name: list.required("NAME")?,
        language: list.quoted("LANGUAGE")?,
        channels: list.quoted("CHANNELS")?,
        default: list.flag("DEFAULT")?,
        autoselect: list.flag("AUTOSELECT")?,
        uri: list.quoted("URI")?,
    })
}

fn variant(list: &Attributes<'_>) -> Result<Variant, Problem> {
    Ok(Variant {
        bandwidth: bandwidth(list)?,
        average_bandwidth: list.integer("AVERAGE-BANDWIDTH")?,
        codecs: list.quoted("CODECS")?,
        resolution: list.resolution("RESOLUTION")?,
        frame_rate: list.decimal("FRAME-RATE", 3)?,
        audio: list.quoted("AUDIO")?,
        uri: String::new(),
    })
}
