//! The quality bar for published HLS, as a pure check over [`Facts`] that a reader collected from what is published.
//!
//! Items `1` to `14` are blockers: with one of them nothing is published. Warnings go by the number of their item in the HLS Authoring
//! Specification, except `1-audio`, damaged sound that can still be heard, and `13-pictures`, a storyboard or session data that say
//! something wrong. An item is left out where the facts do not tell, for instance decoding where nothing was decoded.

use serde::Serialize;

mod discontinuities;
mod facts;
mod from_reports;
mod media;
mod objects;
mod pictures;
mod playlists;
mod variants;
mod view;
mod warnings;

#[cfg(test)]
mod bench;

#[cfg(test)]
#[path = "conformance/bar_tests.rs"]
mod bar_tests;
#[cfg(test)]
mod combined_tests;

pub use facts::{
    Decoded, DecodedPicture, Expected, Facts, Fragment, FrameRange, InitFacts, Media, ObjectFacts,
    Picture, SegmentContents,
};
pub use from_reports::{expected, facts_from_reports};

use view::View;

/// Something that the bar finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `1` to `14`, `1-audio`, `13-pictures`, or the number of the warning in the HLS Authoring Specification.
    pub item: &'static str,
    /// Whether it forbids publishing.
    pub severity: Severity,
    /// The playlist or object, by its URI from the multivariant playlist.
    #[serde(rename = "where")]
    pub place: String,
    /// What is wrong.
    pub sentence: String,
}

/// Whether a finding forbids publishing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Plays, but could be better.
    Warning,
    /// Must not be published.
    Blocker,
}

/// The place of findings in the multivariant playlist itself.
pub const MASTER: &str = "master.m3u8";

/// What one check found: places and sentences.
type Found = Vec<(String, String)>;

/// One item of the bar.
struct Item {
    id: &'static str,
    severity: Severity,
    check: fn(&View<'_>, &mut Found),
}

const fn blocker(id: &'static str, check: fn(&View<'_>, &mut Found)) -> Item {
    Item { id, severity: Severity::Blocker, check }
}

const fn warning(id: &'static str, check: fn(&View<'_>, &mut Found)) -> Item {
    Item { id, severity: Severity::Warning, check }
}

const BAR: &[Item] = &[
    blocker("1", media::segments_start_with_idr),
    blocker("2", media::segments_are_readable),
    blocker("2", media::times_continue),
    blocker("3", playlists::durations_fit_target),
    blocker("4", playlists::durations_are_real),
    blocker("5", playlists::cuts_are_aligned),
    blocker("5", playlists::iframes_span_the_video),
    blocker("6", playlists::playlists_are_complete),
    blocker("6", playlists::playlists_only_grow),
    blocker("6", discontinuities::stand_at_the_same_points),
    blocker("7", variants::inits_are_readable),
    blocker("7", variants::codecs_are_true),
    blocker("8", variants::bandwidths_are_true),
    blocker("9", playlists::segments_are_independent),
    blocker("10", media::iframes_are_whole),
    blocker("11", variants::renditions_suffice),
    blocker("12", variants::video_plays_everywhere),
    blocker("13", objects::objects_exist),
    blocker("13", pictures::pictures_decode),
    blocker("14", media::audio_and_video_match),
    warning("1-audio", media::audio_decodes),
    warning("13-pictures", pictures::session_data_is_true),
    warning("13-pictures", pictures::areas_lie_within_sprites),
    warning("1.3a", warnings::level_for_older_devices),
    warning("1.11", warnings::level_no_higher_than_needed),
    warning("1.13", warnings::idr_distance),
    warning("1.18", warnings::natural_frame_rate),
    warning("1.30", warnings::peak_to_average),
    warning("1.32", warnings::first_variant),
    warning("2.18", warnings::loudness_is_stated),
    warning("6.2", warnings::dense_iframes),
    warning("7.5", warnings::segment_length),
    warning("9.5", warnings::audio_is_separate),
    warning("9.9", variants::single_rate),
    warning("9.21", warnings::cellular),
];

/// Microseconds for people: seconds with up to three decimals.
fn seconds(microseconds: u128) -> String {
    let milliseconds = microseconds.saturating_add(500) / 1000;
    let (whole, rest) = (milliseconds / 1000, milliseconds % 1000);
    if rest == 0 {
        return format!("{whole} s");
    }
    let decimals = format!("{rest:03}");
    format!("{whole}.{} s", decimals.trim_end_matches('0'))
}

/// Checks what is published. The findings are in the bar's order: blockers first.
#[must_use]
pub fn check(facts: &Facts) -> Vec<Finding> {
    let (view, unreadable) = View::of(facts);
    let mut findings = unreadable;
    let Some(view) = view else { return findings };
    for item in BAR {
        let mut found = Found::new();
        (item.check)(&view, &mut found);
        findings.extend(found.into_iter().map(|(place, sentence)| Finding {
            item: item.id,
            severity: item.severity,
            place,
            sentence,
        }));
    }
    findings
}
