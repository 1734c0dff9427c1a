//! Media playlists and I-frame playlists as text.

use std::fmt::Write as _;
use std::num::NonZeroU32;

use super::VERSION;
use super::rendition::Rendition;

/// The media playlist of a rendition, complete. URIs are names within the rendition.
///
/// `EXT-X-INDEPENDENT-SEGMENTS` stands in the multivariant playlist, where it holds for all (RFC 8216 4.3.5.1).
#[must_use]
pub fn media_playlist(target_duration: u32, rendition: &Rendition) -> String {
    let mut text = head(target_duration, rendition, "");
    for segment in &rendition.segments {
        let (start, end) =
            (segment.facts.start, segment.facts.start.saturating_add(segment.facts.duration));
        extinf(&mut text, start, end, rendition.timescale);
        line(&mut text, format_args!("{}", segment.name));
    }
    text.push_str("#EXT-X-ENDLIST\n");
    text
}

/// The I-frame playlist of a video rendition: the `moof` and `mdat` of each IDR picture, lasting until the next. Its target duration
/// is that of the media playlists, which no distance of IDR pictures exceeds, because every segment starts with one.
#[must_use]
pub fn iframe_playlist(target_duration: u32, rendition: &Rendition) -> String {
    let mut text = head(target_duration, rendition, "#EXT-X-I-FRAMES-ONLY\n");
    for iframe in rendition.iframes() {
        extinf(&mut text, iframe.start, iframe.end, rendition.timescale);
        line(&mut text, format_args!("#EXT-X-BYTERANGE:{}@{}", iframe.size, iframe.offset));
        line(&mut text, format_args!("{}", iframe.segment));
    }
    text.push_str("#EXT-X-ENDLIST\n");
    text
}

fn head(target_duration: u32, rendition: &Rendition, kind: &str) -> String {
    format!(
        "#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-TARGETDURATION:{target_duration}\n\
         #EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n{kind}#EXT-X-MAP:URI=\"{}\"\n",
        rendition.init
    )
}

/// The difference of the two times as they round to microseconds: whatever the timescale, the sum of all `EXTINF` up to a segment
/// is within half a microsecond of that segment's time, however long the presentation is.
fn extinf(text: &mut String, start: u64, end: u64, timescale: NonZeroU32) {
    let duration = microseconds(end, timescale) - microseconds(start, timescale);
    line(text, format_args!("#EXTINF:{}.{:06},", duration / 1_000_000, duration % 1_000_000));
}

/// A time in microseconds, rounded to the nearest.
fn microseconds(ticks: u64, timescale: NonZeroU32) -> u128 {
    let timescale = u128::from(timescale.get());
    (u128::from(ticks) * 2_000_000 + timescale) / (2 * timescale)
}

pub(super) fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{arguments}");
}
