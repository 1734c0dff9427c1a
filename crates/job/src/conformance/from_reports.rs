//! The facts as plan and reports tell them, for the check before publishing.

use std::collections::BTreeMap;

use super::facts::{
    Decoded, Expected, Facts, Fragment, FrameRange, InitFacts, Media, ObjectFacts, Picture,
    SegmentContents,
};
use crate::ladder::Size;
use crate::names::{MEDIA_PLAYLIST, ObjectKind, PICTURES, PartNames, STORYBOARD};
use crate::plan::{Plan, RungBits};
use crate::playlist::{Playlists, Rendition, Renditions, VideoRendition};
use crate::report::{PublishedPicture, PublishedSegment, Reports};

/// The facts of a part as its reports tell them: nothing of it was read back or decoded, except that errors in decoding the source
/// count against a copy of it.
#[must_use]
pub fn facts_from_reports(
    plan: &Plan,
    reports: &Reports,
    renditions: &Renditions,
    playlists: &Playlists,
    names: &PartNames,
) -> Facts {
    let mut facts = Facts {
        master: playlists.master.clone(),
        expected: Some(expected(plan, reports, renditions, names)),
        ..Facts::default()
    };
    for playlist in &playlists.media {
        let uri = names.from_master(&playlist.rendition, playlist.name);
        let size = u64::try_from(playlist.text.len()).unwrap_or(u64::MAX);
        facts.objects.insert(uri.clone(), object(size, ObjectKind::Playlist));
        facts.playlists.insert(uri, playlist.text.clone());
    }
    for VideoRendition { rung, rendition } in &renditions.video {
        let picture = Picture {
            width: rendition.codec.width,
            height: rendition.codec.height,
            chroma_format_idc: None,
            bit_depth: None,
            progressive: None,
            pixel_aspect: None,
            container_size: None,
        };
        add(&mut facts, rendition, Media::Video(picture), names);
        if rung.bits == RungBits::Source {
            add_decoding(&mut facts, plan, reports, rendition, names);
        }
    }
    if let Some(audio) = &renditions.audio {
        // The plan allows for nothing but stereo.
        add(&mut facts, audio, Media::Audio { channels: 2 }, names);
    }
    if let Some(storyboard) = &playlists.storyboard {
        let uri = names.from_master(PICTURES, STORYBOARD);
        let size = u64::try_from(storyboard.len()).unwrap_or(u64::MAX);
        facts.objects.insert(uri.clone(), object(size, ObjectKind::Storyboard));
        facts.storyboards.insert(uri, storyboard.clone());
    }
    for picture in pictures(renditions) {
        let uri = names.from_master(PICTURES, &picture.name);
        facts.objects.insert(uri, object(picture.size, ObjectKind::Picture));
    }
    facts
}

fn pictures(renditions: &Renditions) -> impl Iterator<Item = &PublishedPicture> {
    let all = renditions.pictures.iter();
    all.flat_map(|pictures| pictures.sprites.iter().chain([&pictures.poster]))
}

fn object(size: u64, kind: ObjectKind) -> ObjectFacts {
    ObjectFacts { size, content_type: Some(kind.content_type().to_owned()) }
}

fn add(facts: &mut Facts, rendition: &Rendition, media: Media, names: &PartNames) {
    let init = names.from_master(&rendition.name, &rendition.init);
    facts.objects.insert(init.clone(), object(rendition.init_size, ObjectKind::Init));
    facts.inits.insert(
        init,
        InitFacts {
            codecs: rendition.codec.codecs.clone(),
            timescale: rendition.timescale.get(),
            tracks: 1,
            loudness: None,
            media,
        },
    );
    for segment in &rendition.segments {
        let uri = names.from_master(&rendition.name, &segment.name);
        facts.objects.insert(uri.clone(), object(segment.facts.size, ObjectKind::Segment));
        facts.segments.insert(uri, contents(segment));
    }
}

fn contents(segment: &PublishedSegment) -> SegmentContents {
    let facts = &segment.facts;
    let fragments = facts.idrs.iter().map(|idr| Fragment {
        offset: idr.offset,
        size: idr.size,
        tfdt: idr.time,
        presentation: i64::try_from(idr.time).unwrap_or(i64::MAX),
        duration: None,
        samples: 1,
        starts_with_idr: true,
        decoded: None,
    });
    let end = facts.start.saturating_add(facts.duration);
    SegmentContents {
        tfdt: facts.start,
        duration: facts.duration,
        gaps: 0,
        samples: facts.frames,
        starts_with_idr: facts.idrs.first().is_some_and(|idr| idr.time == facts.start),
        first_presentation: i64::try_from(facts.start).unwrap_or(i64::MAX),
        end_presentation: i64::try_from(end).unwrap_or(i64::MAX),
        fragments: fragments.collect(),
        decoded: None,
    }
}

/// Puts what decoding met in a chunk down to the chunk's first segment: which of them it was, the report does not say.
fn add_decoding(
    facts: &mut Facts,
    plan: &Plan,
    reports: &Reports,
    rendition: &Rendition,
    names: &PartNames,
) {
    let chunks = plan.video.iter().flat_map(|video| &video.chunks);
    for (chunk, report) in chunks.zip(&reports.chunks) {
        let first = usize::try_from(chunk.first_segment).unwrap_or(usize::MAX);
        let Some(segment) = rendition.segments.get(first) else {
            continue;
        };
        let uri = names.from_master(&rendition.name, &segment.name);
        if let Some(contents) = facts.segments.get_mut(&uri) {
            let errors = report.decoding.errors;
            contents.decoded = Some(Decoded { frames: contents.samples, errors });
        }
    }
}

/// What plan and reports say should be there.
#[must_use]
pub fn expected(
    plan: &Plan,
    reports: &Reports,
    renditions: &Renditions,
    names: &PartNames,
) -> Expected {
    let mut expected = Expected {
        video_renditions: renditions.video.len(),
        audio: renditions.audio.is_some(),
        picture_sizes: picture_sizes(plan, renditions, names),
        ..Expected::default()
    };
    for video in &renditions.video {
        let uri = names.from_master(&video.rendition.name, MEDIA_PLAYLIST);
        expected.frames.insert(uri, frames(plan, reports, video));
    }
    if let (Some(audio), Some(rendition)) = (&plan.audio, &renditions.audio) {
        let uri = names.from_master(&rendition.name, MEDIA_PLAYLIST);
        let frames = audio.frames();
        expected.frames.insert(uri, FrameRange { least: frames, most: frames });
    }
    let video = renditions.video.iter().map(|video| &video.rendition);
    for rendition in video.chain(&renditions.audio) {
        let name = |object: &str| names.from_master(&rendition.name, object);
        expected.sizes.insert(name(&rendition.init), rendition.init_size);
        let segments = rendition.segments.iter().map(|s| (name(&s.name), s.facts.size));
        expected.sizes.extend(segments);
    }
    let sizes = pictures(renditions).map(|p| (names.from_master(PICTURES, &p.name), p.size));
    expected.sizes.extend(sizes);
    expected
}

fn picture_sizes(
    plan: &Plan,
    renditions: &Renditions,
    names: &PartNames,
) -> BTreeMap<String, (u32, u32)> {
    let Some((planned, published)) = plan.pictures.as_ref().zip(renditions.pictures.as_ref())
    else {
        return BTreeMap::new();
    };
    let sized = |picture: &PublishedPicture, size: Size| {
        (names.from_master(PICTURES, &picture.name), (size.width, size.height))
    };
    let sprites = planned.sprites().zip(&published.sprites);
    let sprites = sprites.map(|(sprite, picture)| sized(picture, planned.size_of(sprite)));
    sprites.chain([sized(&published.poster, planned.poster)]).collect()
}

/// A copy has every frame of the plan. An encoded rung lacks at most those that decoding lost where it met errors. One that keeps one of
/// `n` frames counts them from every IDR picture, so that each distance of two of them may round up.
fn frames(plan: &Plan, reports: &Reports, video: &VideoRendition) -> FrameRange {
    let Some(plan) = &plan.video else {
        return FrameRange { least: 0, most: 0 };
    };
    let lost: u64 = plan
        .chunks
        .iter()
        .zip(&reports.chunks)
        .filter(|(_, report)| report.decoding.errors > 0)
        .map(|(chunk, report)| u64::from(chunk.frames.saturating_sub(report.decoding.frames)))
        .sum();
    let lost = if video.rung.bits == RungBits::Source { 0 } else { lost };
    let keep_every = u64::from(video.rung.keep_every.max(1));
    let idrs = plan.segments.iter().map(|segment| segment.idrs.len()).sum::<usize>();
    let idrs = u64::try_from(idrs).unwrap_or(u64::MAX);
    let rounding = idrs.saturating_mul(keep_every - 1);
    FrameRange {
        least: plan.frames.saturating_sub(lost).div_ceil(keep_every),
        most: plan.frames.saturating_add(rounding) / keep_every,
    }
}
