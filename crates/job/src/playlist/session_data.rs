//! What the multivariant playlist says of the presentation beside its renditions: `EXT-X-SESSION-DATA` (RFC 8216 4.3.4.4).
//!
//! All of it is in `VALUE`. `URI` is for JSON only, which neither a picture nor a storyboard is; theirs are URIs from the multivariant
//! playlist as plain values.

use super::media::line;
use super::rendition::Renditions;
use crate::names::PartNames;
use crate::plan::Plan;
use crate::presentation::Pictures;

/// `DATA-ID` of the title: the stream's name.
pub const TITLE: &str = "com.rec2vod.title";
/// `DATA-ID` of the length in seconds, with three decimals.
pub const DURATION: &str = "com.rec2vod.duration";
/// `DATA-ID` of how the pictures show their surroundings; [`RECTILINEAR`] is as any camera does.
pub const PROJECTION: &str = "com.rec2vod.projection";
/// `DATA-ID` of the poster's URI.
pub const POSTER: &str = "com.rec2vod.poster";
/// `DATA-ID` of the storyboard's URI.
pub const STORYBOARD: &str = "com.rec2vod.storyboard";
/// The value of [`PROJECTION`] for a picture without one.
pub const RECTILINEAR: &str = "rectilinear";

/// Longest title in characters.
const LONGEST_TITLE: usize = 200;

/// Adds the tags, each `DATA-ID` once.
pub(super) fn write(
    text: &mut String,
    plan: &Plan,
    renditions: &Renditions,
    names: &PartNames,
    title: &str,
) {
    let mut add = |id: &str, value: &str| {
        line(text, format_args!("#EXT-X-SESSION-DATA:DATA-ID=\"{id}\",VALUE=\"{value}\""));
    };
    let title = quotable(title);
    if !title.is_empty() {
        add(TITLE, &title);
    }
    let milliseconds = plan.duration_ms();
    add(DURATION, &format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000));
    if plan.video.is_some() {
        add(PROJECTION, RECTILINEAR);
    }
    if let Some(Pictures { poster, storyboard }) = Pictures::published(renditions, names) {
        add(POSTER, &poster);
        add(STORYBOARD, &storyboard);
    }
}

/// A publisher's text as a quoted string can hold it: without line breaks, double quotes (RFC 8216 4.2) and what else no playlist may have.
fn quotable(title: &str) -> String {
    let shown = |c: char| match c {
        '"' => '\'',
        c if c.is_control() || c == '\u{feff}' => ' ',
        c => c,
    };
    let title: String = title.chars().take(LONGEST_TITLE).map(shown).collect();
    title.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_cannot_leave_its_quotes() {
        for (title, expected) in [
            ("talk", "talk"),
            ("Gespräch 北京", "Gespräch 北京"),
            ("a\",VALUE=\"b", "a',VALUE='b"),
            ("a\n#EXT-X-ENDLIST\r", "a #EXT-X-ENDLIST"),
            (" \u{feff}\u{0}", ""),
        ] {
            assert_eq!(quotable(title), expected);
        }
        assert_eq!(quotable(&"x".repeat(1000)).len(), 200);
    }
}
