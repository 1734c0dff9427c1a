//! Items that look into the media: 1, 2, 10, 14.

use std::collections::BTreeSet;

use super::facts::{Decoded, SegmentContents};
use super::view::{Rendition, View};
use super::{Found, seconds};

/// Item 1. Of audio it asks only that a segment can be heard at all: the rest is [`audio_decodes`].
pub(super) fn segments_start_with_idr(view: &View<'_>, found: &mut Found) {
    for segment in view.audio().flat_map(|rendition| &rendition.segments) {
        if segment.contents.is_some_and(is_silent) {
            let sentence = "decoding it alone gives no frame".to_owned();
            found.push((segment.uri.clone(), sentence));
        }
    }
    for segment in view.video().flat_map(|rendition| &rendition.segments) {
        let Some(contents) = segment.contents else {
            continue;
        };
        if !contents.starts_with_idr {
            found.push((segment.uri.clone(), "the segment does not start with an IDR".to_owned()));
        }
        if let Some(fault) = decoding_fault(contents.decoded, contents.samples) {
            found.push((segment.uri.clone(), fault));
        }
    }
}

/// Item 1-audio: a player conceals a damaged packet of audio, while one picture spoils those after it.
pub(super) fn audio_decodes(view: &View<'_>, found: &mut Found) {
    for segment in view.audio().flat_map(|rendition| &rendition.segments) {
        let audible = segment.contents.filter(|contents| !is_silent(contents));
        if let Some(fault) = audible.and_then(|c| decoding_fault(c.decoded, c.samples)) {
            found.push((segment.uri.clone(), fault));
        }
    }
}

fn is_silent(contents: &SegmentContents) -> bool {
    contents.decoded.is_some_and(|decoded| decoded.frames == 0)
}

fn decoding_fault(decoded: Option<Decoded>, samples: u32) -> Option<String> {
    let Decoded { frames, errors } = decoded?;
    if errors > 0 {
        return Some(format!("decoding it alone meets {errors} errors"));
    }
    (frames != samples).then(|| format!("decoding it alone gives {frames} of {samples} frames"))
}

/// Item 2: what cannot be read has no times.
pub(super) fn segments_are_readable(view: &View<'_>, found: &mut Found) {
    let listed = view.all_playlists().flat_map(|rendition| &rendition.segments);
    let listed: BTreeSet<&String> = listed.map(|segment| &segment.uri).collect();
    for uri in listed {
        if let Some(reason) = view.facts.unreadable.get(uri) {
            found.push((uri.clone(), format!("the segment cannot be read: {reason}")));
        }
    }
}

/// Item 2.
pub(super) fn times_continue(view: &View<'_>, found: &mut Found) {
    for rendition in &view.renditions {
        let known = rendition.segments.iter().filter_map(|s| Some((&s.uri, s.contents?)));
        let known: Vec<_> = known.collect();
        for (uri, contents) in &known {
            if let Some(fault) = fragment_fault(contents) {
                found.push(((*uri).clone(), fault));
            }
        }
        for pair in known.windows(2) {
            let [(_, before), (uri, after)] = pair else {
                continue;
            };
            let due = before.tfdt.saturating_add(before.duration);
            if after.tfdt != due {
                let sentence =
                    format!("tfdt is {} where the segment before it ends at {due}", after.tfdt);
                found.push(((*uri).clone(), sentence));
            }
        }
    }
}

fn fragment_fault(contents: &SegmentContents) -> Option<String> {
    contents.fragments.windows(2).find_map(|pair| {
        let due = pair[0].tfdt.checked_add(pair[0].duration?)?;
        let (tfdt, offset) = (pair[1].tfdt, pair[1].offset);
        (tfdt != due).then(|| {
            format!(
                "the fragment at byte {offset} has tfdt {tfdt}, the one before it ends at {due}"
            )
        })
    })
}

/// Item 10.
pub(super) fn iframes_are_whole(view: &View<'_>, found: &mut Found) {
    if view.video().next().is_some() && view.master.iframes.is_empty() {
        let sentence = "there is video but no I-frame playlist".to_owned();
        found.push((super::MASTER.to_owned(), sentence));
    }
    for rendition in &view.iframes {
        if !rendition.playlist.iframes_only {
            found.push((rendition.uri.clone(), "EXT-X-I-FRAMES-ONLY is missing".to_owned()));
        }
        for position in 0..rendition.segments.len() {
            if let Some(fault) = iframe_fault(rendition, position) {
                let number = position + 1;
                found.push((rendition.uri.clone(), format!("I-frame {number} {fault}")));
            }
        }
    }
    for rendition in view.renditions.iter().filter(|r| r.playlist.iframes_only) {
        let sentence = "a variant's playlist has EXT-X-I-FRAMES-ONLY".to_owned();
        found.push((rendition.uri.clone(), sentence));
    }
}

fn iframe_fault(rendition: &Rendition<'_>, position: usize) -> Option<String> {
    let contents = rendition.segments.get(position)?.contents?;
    let Some(range) = rendition.playlist.segments.get(position)?.byte_range else {
        return Some("has no byte range".to_owned());
    };
    let whole = |f: &&super::Fragment| f.offset == range.offset && f.size == range.length;
    let Some(fragment) = contents.fragments.iter().find(whole) else {
        return Some("is not a whole moof and mdat".to_owned());
    };
    if fragment.samples != 1 || !fragment.starts_with_idr {
        return Some("is not exactly one IDR".to_owned());
    }
    decoding_fault(fragment.decoded, 1)
}

/// Item 14.
pub(super) fn audio_and_video_match(view: &View<'_>, found: &mut Found) {
    for rendition in &view.renditions {
        if let Some(fault) = frames_fault(view, rendition) {
            found.push((rendition.uri.clone(), fault));
        }
    }
    let Some(video) = view.video().next() else {
        return;
    };
    for audio in view.audio() {
        if let Some(fault) = span_fault(video, audio) {
            found.push((audio.uri.clone(), fault));
        }
    }
}

fn frames_fault(view: &View<'_>, rendition: &Rendition<'_>) -> Option<String> {
    let expected = view.facts.expected.as_ref()?.frames.get(&rendition.uri)?;
    let (_, frames) = rendition.extent()?;
    let fits = (expected.least..=expected.most).contains(&frames);
    let (least, most) = (expected.least, expected.most);
    (!fits).then(|| format!("it has {frames} frames where the plan has {least} to {most}"))
}

fn span_fault(video: &Rendition<'_>, audio: &Rendition<'_>) -> Option<String> {
    let (video_start, video_end) = span(video)?;
    let (audio_start, audio_end) = span(audio)?;
    let timescale = u128::from(video.timescale()?.get());
    let frame = u128::from(video.sample_duration()?) * 1_000_000 / timescale;
    let apart = video_start.abs_diff(audio_start);
    if apart > frame {
        let apart = seconds(apart);
        return Some(format!("it starts {apart} from the video, which is over one frame"));
    }
    let apart = video_end.abs_diff(audio_end);
    let segment = u128::from(video.playlist.target_duration) * 1_000_000;
    (apart > segment)
        .then(|| format!("it ends {} from the video, which is over one segment", seconds(apart)))
}

/// First and last presentation time in microseconds.
fn span(rendition: &Rendition<'_>) -> Option<(i128, i128)> {
    let timescale = i128::from(rendition.timescale()?.get());
    let contents = rendition.contents()?;
    let start = contents.first()?.first_presentation;
    let end = contents.last()?.end_presentation;
    let microseconds = |ticks: i64| i128::from(ticks) * 1_000_000 / timescale;
    Some((microseconds(start), microseconds(end)))
}
