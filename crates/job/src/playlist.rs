//! HLS playlists (RFC 8216, version 7: fragmented MP4) and the storyboard beside them: written from reports, and read back by [`parse()`].
//!
//! Everything here is a function of the plan and the reports, so that every worker writes the same bytes.

mod attributes;
mod master;
mod media;
mod parse;
mod rendition;
pub mod session_data;
mod storyboard;
mod uri;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
#[path = "playlist/golden_tests.rs"]
mod golden_tests;
#[cfg(test)]
#[path = "playlist/parse_tests.rs"]
mod parse_tests;

pub(crate) use attributes::decimal;
pub use master::{FIRST_VARIANT_RATE, master};
pub use media::{iframe_playlist, media_playlist};
pub use parse::{
    AudioGroup, ByteRange, IframeVariant, Master, MediaPlaylist, MediaSegment, ParseError,
    Playlist, Problem, SessionData, SessionValue, Variant, parse,
};
pub use rendition::{Rendition, Renditions, ReportsError, VideoRendition};
pub use storyboard::{Area, Cue, StoryboardError, parse_storyboard, storyboard};
pub use uri::resolve;

use crate::names::{IFRAME_PLAYLIST, MEDIA_PLAYLIST, PartNames};
use crate::plan::Plan;

/// `EXT-X-VERSION` of all that we write: `EXT-X-MAP` outside of I-frame playlists needs 6, and 7 is what fragmented MP4 is served as.
pub const VERSION: u32 = 7;

/// All playlists of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playlists {
    /// The multivariant playlist.
    pub master: String,
    /// The media and I-frame playlists; they are uploaded before the master.
    pub media: Vec<NamedPlaylist>,
    /// The storyboard, if there are pictures; it is uploaded before the master, too.
    pub storyboard: Option<String>,
}

/// A playlist that belongs to a rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPlaylist {
    /// The rendition's name.
    pub rendition: String,
    /// [`MEDIA_PLAYLIST`] or [`IFRAME_PLAYLIST`]: its name within the rendition.
    pub name: &'static str,
    /// Its text.
    pub text: String,
}

/// Writes all playlists of a part for the renditions that [`Renditions::published`] keeps. `title` is what viewers call the recording.
#[must_use]
pub fn playlists(
    plan: &Plan,
    renditions: &Renditions,
    names: &PartNames,
    title: &str,
) -> Playlists {
    let playlist = |rendition: &Rendition, name, text| NamedPlaylist {
        rendition: rendition.name.clone(),
        name,
        text,
    };
    let target = plan.target_duration;
    let video = renditions.video.iter().flat_map(|VideoRendition { rendition, .. }| {
        [
            playlist(rendition, MEDIA_PLAYLIST, media_playlist(target, rendition)),
            playlist(rendition, IFRAME_PLAYLIST, iframe_playlist(target, rendition)),
        ]
    });
    let audio = renditions
        .audio
        .iter()
        .map(|audio| playlist(audio, MEDIA_PLAYLIST, media_playlist(target, audio)));
    let pictures = plan.pictures.as_ref().zip(renditions.pictures.as_ref());
    Playlists {
        media: video.chain(audio).collect(),
        master: master(plan, renditions, names, title),
        storyboard: pictures
            .map(|(plan_of_them, pictures)| storyboard(plan_of_them, pictures, plan.duration_ms())),
    }
}
