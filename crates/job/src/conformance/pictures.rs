//! Session data, and the poster and storyboard that it names.

use super::facts::DecodedPicture;
use super::view::View;
use super::{Found, MASTER, seconds};
use crate::playlist::session_data::{DURATION, POSTER, STORYBOARD};
use crate::playlist::{Area, Cue, SessionValue, parse_storyboard, resolve};

/// How far the stated length and the storyboard's end may be from the media's, in microseconds. Durations that are wrong are item 4's.
const TOLERANCE: u64 = 100_000;

/// What session data names: its own URIs, the poster, the storyboard, the storyboard's sprites.
pub(super) fn named(view: &View<'_>) -> Vec<String> {
    let data = view.master.session_data.iter();
    let mut all: Vec<String> = data
        .filter_map(|data| match &data.value {
            SessionValue::Uri(uri) => Some(uri.clone()),
            SessionValue::Text(text) => {
                [POSTER, STORYBOARD].contains(&data.id.as_str()).then(|| text.clone())
            }
        })
        .collect();
    if let Some((uri, text)) = storyboard(view)
        && let Ok(cues) = parse_storyboard(text)
    {
        all.extend(cues.iter().map(|cue| resolve(uri, &cue.sprite)));
    }
    all
}

fn storyboard<'a>(view: &'a View<'_>) -> Option<(&'a str, &'a str)> {
    let uri = view.master.session_value(STORYBOARD)?;
    view.facts.storyboards.get(uri).map(|text| (uri, text.as_str()))
}

/// The stated length is that of the media, and the storyboard covers it from end to end, each time once.
pub(super) fn session_data_is_true(view: &View<'_>, found: &mut Found) {
    let Some(length) = length(view) else {
        return;
    };
    if let Some(stated) = view.master.session_value(DURATION)
        && microseconds(stated).is_none_or(|stated| stated.abs_diff(length) > TOLERANCE)
    {
        let sentence = format!("{DURATION} says {stated:?}, the media last {}", told(length));
        found.push((MASTER.to_owned(), sentence));
    }
    let Some((uri, text)) = storyboard(view) else {
        return;
    };
    let fault = match parse_storyboard(text) {
        Ok(cues) => cue_fault(&cues, length),
        Err(error) => Some(error.to_string()),
    };
    found.extend(fault.map(|fault| (uri.to_owned(), fault)));
}

/// Item 13: a poster or sprite is the JPEG picture that its name promises, as large as planned.
pub(super) fn pictures_decode(view: &View<'_>, found: &mut Found) {
    for (uri, picture) in &view.facts.pictures {
        let DecodedPicture::Whole { width, height } = picture else {
            found.push((uri.clone(), "it does not decode as a JPEG picture".to_owned()));
            continue;
        };
        let expected = view.facts.expected.as_ref().and_then(|e| e.picture_sizes.get(uri));
        if let Some((due_width, due_height)) =
            expected.filter(|expected| **expected != (*width, *height))
        {
            let sentence =
                format!("it has {width}x{height} pixels, the plan says {due_width}x{due_height}");
            found.push((uri.clone(), sentence));
        }
    }
}

/// Every part of a sprite that the storyboard names is in the sprite.
pub(super) fn areas_lie_within_sprites(view: &View<'_>, found: &mut Found) {
    let Some((uri, text)) = storyboard(view) else {
        return;
    };
    for cue in parse_storyboard(text).unwrap_or_default() {
        let picture = view.facts.pictures.get(&resolve(uri, &cue.sprite));
        let Some(DecodedPicture::Whole { width, height }) = picture else {
            continue;
        };
        if !cue.area.is_within((*width, *height)) {
            let Area { x, y, width: area_width, height: area_height } = cue.area;
            let sentence = format!(
                "{area_width}x{area_height} pixels at {x},{y} are not within {}, which has {width}x{height}",
                cue.sprite
            );
            found.push((uri.to_owned(), sentence));
        }
    }
}

fn cue_fault(cues: &[Cue], length: u64) -> Option<String> {
    let mut covered = 0;
    for cue in cues {
        if cue.start != covered || cue.end <= cue.start {
            let (start, end) =
                (told(cue.start.saturating_mul(1000)), told(cue.end.saturating_mul(1000)));
            let covered = told(covered.saturating_mul(1000));
            return Some(format!("a cue is from {start} to {end}, after those up to {covered}"));
        }
        covered = cue.end;
    }
    let end = covered.saturating_mul(1000);
    (end.abs_diff(length) > TOLERANCE)
        .then(|| format!("its cues end at {}, the media last {}", told(end), told(length)))
}

/// The sum of all `EXTINF` of the first rendition, in microseconds.
fn length(view: &View<'_>) -> Option<u64> {
    Some(view.renditions.first()?.listed_duration())
}

fn microseconds(seconds: &str) -> Option<u64> {
    crate::playlist::decimal(seconds, 6)
}

fn told(microseconds: u64) -> String {
    seconds(microseconds.into())
}
