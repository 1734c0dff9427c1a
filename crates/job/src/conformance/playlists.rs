//! Items about the playlists' structure and times: 3, 4, 5, 6, 9.

use super::view::{Rendition, View};
use super::{Found, MASTER, seconds};
use crate::playlist::{MediaPlaylist, Playlist, parse};

/// By how many microseconds a segment may be longer than the target duration (HLS Authoring Specification 7.7).
const SLACK: u64 = 500_000;

/// Item 3.
pub(super) fn durations_fit_target(view: &View<'_>, found: &mut Found) {
    for rendition in view.all_playlists() {
        let target = rendition.playlist.target_duration;
        for (listed, segment) in rendition.playlist.segments.iter().zip(&rendition.segments) {
            let rounded = listed.duration.saturating_add(SLACK) / 1_000_000;
            let longest = target.saturating_mul(1_000_000).saturating_add(SLACK);
            if rounded > target || listed.duration > longest {
                let sentence = format!(
                    "EXTINF of {} is {} with a target duration of {target} s",
                    segment.uri,
                    seconds(listed.duration.into())
                );
                found.push((rendition.uri.clone(), sentence));
            }
        }
    }
}

/// Item 4.
pub(super) fn durations_are_real(view: &View<'_>, found: &mut Found) {
    for rendition in view.all_playlists() {
        if let Some(fault) = drift(rendition) {
            found.push((rendition.uri.clone(), fault));
        }
    }
}

/// The first place at which the sum of `EXTINF` is more than a frame off the media's time.
fn drift(rendition: &Rendition<'_>) -> Option<String> {
    let timescale = u128::from(rendition.timescale()?.get());
    let microseconds = |ticks: u64| u128::from(ticks) * 1_000_000 / timescale;
    let contents = rendition.contents()?;
    let frame = contents.iter().map(|c| c.duration.div_ceil(u64::from(c.samples.max(1)))).min()?;
    let origin = contents.first()?.first_presentation;
    let since_origin =
        |time: i64| microseconds(u64::try_from(time.saturating_sub(origin)).unwrap_or(0));
    let mut sum: u128 = 0;
    for (position, listed) in rendition.playlist.segments.iter().enumerate() {
        let real = since_origin(rendition.start(position)?);
        if sum.abs_diff(real) > microseconds(frame) + 1 {
            let (uri, sum, real) = (&listed.uri, seconds(sum), seconds(real));
            return Some(format!("EXTINF before {uri} sum up to {sum}, its media is at {real}"));
        }
        sum += u128::from(listed.duration);
    }
    let last = contents.last()?;
    let end = i64::try_from(last.duration)
        .map_or(i64::MAX, |d| last.first_presentation.saturating_add(d));
    let real = since_origin(end);
    (sum.abs_diff(real) > microseconds(frame) + 1).then(|| {
        let (sum, real) = (seconds(sum), seconds(real));
        format!("all EXTINF sum up to {sum}, the media ends at {real}")
    })
}

/// Item 5.
pub(super) fn cuts_are_aligned(view: &View<'_>, found: &mut Found) {
    let Some(first) = view.video().next() else {
        return;
    };
    for other in view.video().skip(1) {
        let (own, target) = (other.playlist.target_duration, first.playlist.target_duration);
        if own != target {
            let sentence =
                format!("its target duration is {own} s, that of {} {target} s", first.uri);
            found.push((other.uri.clone(), sentence));
        }
        if let Some(fault) = misaligned(first, other, None) {
            found.push((other.uri.clone(), fault));
        }
    }
    for audio in view.audio() {
        if let Some(fault) = misaligned(first, audio, audio.sample_duration()) {
            found.push((audio.uri.clone(), fault));
        }
    }
}

/// The first cut that is further from that of `first` than `slack` ticks of `other`, or than what the coarser timescale cannot tell.
fn misaligned(first: &Rendition<'_>, other: &Rendition<'_>, slack: Option<u64>) -> Option<String> {
    let (own, count) = (other.segments.len(), first.segments.len());
    if own != count {
        return Some(format!("it has {own} segments, {} has {count}", first.uri));
    }
    let scale = u128::from(first.timescale()?.get());
    let other_scale = u128::from(other.timescale()?.get());
    let allowed = match slack {
        Some(ticks) => u128::from(ticks) * scale,
        None if scale == other_scale => 0,
        None => scale.max(other_scale),
    };
    let times = cuts(first)?.into_iter().zip(cuts(other)?);
    let apart = |(a, b): &(u64, u64)| {
        (u128::from(*a) * other_scale).abs_diff(u128::from(*b) * scale) > allowed
    };
    let (position, (a, b)) = times.enumerate().find(|(_, pair)| apart(pair))?;
    Some(format!(
        "cut {position} is at {b}/{other_scale} s where {} has it at {a}/{scale} s",
        first.uri
    ))
}

/// Where segments start, and where the last ends.
fn cuts(rendition: &Rendition<'_>) -> Option<Vec<u64>> {
    let contents = rendition.contents()?;
    let end = contents.last().map(|last| last.tfdt.saturating_add(last.duration));
    Some(contents.iter().map(|c| c.tfdt).chain(end).collect())
}

/// Item 5: an I-frame playlist begins with the video and lasts as long as it.
pub(super) fn iframes_span_the_video(view: &View<'_>, found: &mut Found) {
    let Some(video) = view.video().next() else {
        return;
    };
    for iframes in &view.iframes {
        if let Some(fault) = span_fault(video, iframes) {
            found.push((iframes.uri.clone(), fault));
        }
    }
}

fn span_fault(video: &Rendition<'_>, iframes: &Rendition<'_>) -> Option<String> {
    let scale = i128::from(video.timescale()?.get());
    let iframe_scale = i128::from(iframes.timescale()?.get());
    let (first, due) = (iframes.start(0)?, video.start(0)?);
    if i128::from(first) * scale != i128::from(due) * iframe_scale {
        let sentence =
            format!("it begins at {first}/{iframe_scale} s, the video at {due}/{scale} s");
        return Some(sentence);
    }
    let (ticks, _) = video.extent()?;
    let microseconds = |ticks: u64| u128::from(ticks) * 1_000_000 / scale.unsigned_abs();
    let (due, length) = (microseconds(ticks), u128::from(iframes.listed_duration()));
    (length.abs_diff(due) > microseconds(video.sample_duration()?) + 1)
        .then(|| format!("it lasts {}, the video {}", seconds(length), seconds(due)))
}

/// Item 6.
pub(super) fn playlists_are_complete(view: &View<'_>, found: &mut Found) {
    for rendition in view.all_playlists() {
        let playlist = &rendition.playlist;
        let mut missing = |fault: bool, sentence: &str| {
            if fault {
                found.push((rendition.uri.clone(), sentence.to_owned()));
            }
        };
        match (playlist.playlist_type.as_deref(), view.facts.growing) {
            (Some("VOD"), _) => missing(!playlist.endlist, "EXT-X-ENDLIST is missing"),
            (Some("EVENT"), true) => {}
            (Some("EVENT"), false) => {
                missing(true, "EXT-X-PLAYLIST-TYPE is EVENT, but the presentation is complete");
            }
            _ => missing(true, "EXT-X-PLAYLIST-TYPE is missing"),
        }
        missing(playlist.segments.is_empty(), "it has no segments");
        let unmapped = playlist.segments.iter().any(|segment| segment.map.is_none());
        missing(unmapped, "EXT-X-MAP does not stand before the first segment");
        let changes = playlist.segments.windows(2).any(|pair| {
            pair[0].map.is_some() && pair[0].map != pair[1].map && !pair[1].discontinuity
        });
        missing(changes, "EXT-X-MAP changes where there is no EXT-X-DISCONTINUITY");
    }
}

/// Item 6: a playlist of a presentation that grows is only ever appended to (RFC 8216 6.2.1).
pub(super) fn playlists_only_grow(view: &View<'_>, found: &mut Found) {
    for earlier in view.all_playlists() {
        let Some(later) = view.facts.later.get(&earlier.uri) else {
            continue;
        };
        let appended = match parse(later) {
            Ok(Playlist::Media(later)) => is_appended(&earlier.playlist, &later),
            _ => false,
        };
        if !appended {
            let sentence = "it has changed in other ways than by appending".to_owned();
            found.push((earlier.uri.clone(), sentence));
        }
    }
}

fn is_appended(earlier: &MediaPlaylist, later: &MediaPlaylist) -> bool {
    let head = |playlist: &MediaPlaylist| {
        let MediaPlaylist { target_duration, media_sequence, discontinuity_sequence, .. } =
            playlist;
        (*target_duration, *media_sequence, *discontinuity_sequence, playlist.iframes_only)
    };
    let grows = later.segments.len() > earlier.segments.len();
    head(earlier) == head(later)
        && later.segments.starts_with(&earlier.segments)
        && !(earlier.endlist && (grows || !later.endlist))
}

/// Item 9.
pub(super) fn segments_are_independent(view: &View<'_>, found: &mut Found) {
    if !view.master.independent_segments {
        found.push((MASTER.to_owned(), "EXT-X-INDEPENDENT-SEGMENTS is missing".to_owned()));
    }
}
