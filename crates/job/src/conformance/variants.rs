//! Items about what the multivariant playlist says of its variants: 7, 8, 11, 12.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::num::NonZeroU32;

use super::facts::SegmentContents;
use super::view::{Rendition, View};
use super::{Found, MASTER};
use crate::bandwidth::Bandwidth;
use crate::playlist::{Variant, resolve};

/// Highest frame rate in frames per 1000 seconds (1.19), with the 5 % by which a measured rate may be above its name.
const HIGHEST_RATE: u64 = 63_000;
/// Highest `level_idc` (1.3b).
const HIGHEST_LEVEL: u8 = 52;

/// Item 7: without its initialisation segment nothing is known of a rendition.
pub(super) fn inits_are_readable(view: &View<'_>, found: &mut Found) {
    let mut maps = BTreeSet::new();
    for rendition in view.all_playlists() {
        let named = rendition.playlist.segments.iter().filter_map(|segment| segment.map.as_ref());
        maps.extend(named.map(|map| resolve(&rendition.uri, map)));
    }
    for uri in maps {
        if let Some(reason) = view.facts.unreadable.get(&uri) {
            let sentence = format!("the initialisation segment cannot be read: {reason}");
            found.push((uri, sentence));
        }
    }
}

/// Item 7.
pub(super) fn codecs_are_true(view: &View<'_>, found: &mut Found) {
    for variant in &view.master.variants {
        let together = view.played_together(variant);
        let mut faults: Vec<String> = codecs_fault(variant.codecs.as_deref(), &together);
        if let Some(video) = together.first().filter(|own| own.picture().is_some()) {
            faults.extend(resolution_fault(variant.resolution, video));
            faults.extend(frame_rate_fault(variant, video));
        }
        found.extend(faults.into_iter().map(|fault| (variant.uri.clone(), fault)));
    }
    for variant in &view.master.iframes {
        let Some(rendition) = view.iframe(&variant.uri) else {
            continue;
        };
        let codecs = codecs_fault(variant.codecs.as_deref(), &[rendition]);
        let faults = codecs.into_iter().chain(resolution_fault(variant.resolution, rendition));
        found.extend(faults.map(|fault| (variant.uri.clone(), fault)));
    }
}

fn codecs_fault(stated: Option<&str>, together: &[&Rendition<'_>]) -> Vec<String> {
    let Some(stated) = stated else {
        return vec!["CODECS is missing".to_owned()];
    };
    let inits: Option<BTreeSet<&str>> =
        together.iter().map(|rendition| Some(rendition.init?.codecs.as_str())).collect();
    let Some(real) = inits.filter(|real| !real.is_empty()) else {
        return Vec::new();
    };
    let parts: BTreeSet<&str> = stated.split(',').map(str::trim).collect();
    if parts == real {
        return Vec::new();
    }
    let real: Vec<&str> = real.into_iter().collect();
    vec![format!("CODECS says {stated}, the media is {}", real.join(","))]
}

fn resolution_fault(stated: Option<(u32, u32)>, video: &Rendition<'_>) -> Option<String> {
    let picture = video.picture()?;
    let (width, height) = (picture.width, picture.height);
    match stated {
        None => Some("RESOLUTION is missing".to_owned()),
        Some(size) if size != (width, height) => Some(format!(
            "RESOLUTION says {}x{}, the pictures are {width}x{height}",
            size.0, size.1
        )),
        Some(size) => {
            let container = picture.container_size.filter(|container| *container != size)?;
            Some(format!(
                "the sample entry says {}x{}, the pictures are {width}x{height}",
                container.0, container.1
            ))
        }
    }
}

/// `FRAME-RATE` is that of the fastest part (RFC 8216 4.3.4.2): it must not be below the rate of every segment, nor above. Gaps lower
/// a segment's rate; reports do not tell of them, so that a rate above all is only wrong where the segments were read.
fn frame_rate_fault(variant: &Variant, video: &Rendition<'_>) -> Option<String> {
    let Some(stated) = variant.frame_rate else {
        return Some("FRAME-RATE is missing".to_owned());
    };
    let timescale = video.timescale()?;
    let contents = video.contents()?;
    let compare = |contents: &&SegmentContents| against_stated(contents, stated, timescale);
    let below = contents.iter().all(|c| compare(c) == Ordering::Greater);
    let above = contents.iter().all(|c| compare(c) == Ordering::Less);
    let were_read = contents.iter().flat_map(|c| &c.fragments).all(|f| f.duration.is_some());
    let wrong = below || (above && were_read);
    let (ticks, samples) = video.extent()?;
    let measured = u128::from(samples) * u128::from(timescale.get()) * 1000 / u128::from(ticks);
    let (stated, measured) = (decimal(stated.into()), decimal(measured));
    wrong.then(|| format!("FRAME-RATE says {stated}, measured are {measured}"))
}

/// Whether a segment has more or fewer frames than `stated` (in 1000 seconds) gives. 1 % is no difference, nor is one frame for every
/// IDR picture, because frames that are left out are counted from there.
fn against_stated(contents: &SegmentContents, stated: u64, timescale: NonZeroU32) -> Ordering {
    let samples = u128::from(contents.samples);
    let per_tick = u128::from(timescale.get()) * 1000;
    let moving = contents.duration.saturating_sub(contents.gaps);
    let expected = u128::from(stated) * u128::from(moving) / per_tick;
    let idrs = contents.fragments.iter().filter(|fragment| fragment.starts_with_idr).count();
    let allowed = samples / 100 + u128::try_from(idrs.max(1)).unwrap_or(1);
    if samples.abs_diff(expected) <= allowed { Ordering::Equal } else { samples.cmp(&expected) }
}

fn decimal(thousandths: u128) -> String {
    format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
}

/// Item 8.
pub(super) fn bandwidths_are_true(view: &View<'_>, found: &mut Found) {
    for variant in &view.master.variants {
        let together = view.played_together(variant);
        let stated = (variant.bandwidth, variant.average_bandwidth);
        let faults = bandwidth_faults(stated, combined(&together));
        found.extend(faults.into_iter().map(|fault| (variant.uri.clone(), fault)));
    }
    for variant in &view.master.iframes {
        let measured = view.iframe(&variant.uri).and_then(Rendition::bandwidth);
        let stated = (variant.bandwidth, variant.average_bandwidth);
        let faults = bandwidth_faults(stated, measured);
        found.extend(faults.into_iter().map(|fault| (variant.uri.clone(), fault)));
    }
}

/// The largest rates of anything that can be played with the variant: its own, and of its audio renditions one at a time.
pub(super) fn combined(together: &[&Rendition<'_>]) -> Option<Bandwidth> {
    let (own, audio) = together.split_first()?;
    let mut largest = Bandwidth::default();
    for rendition in audio {
        let Bandwidth { peak, average } = rendition.bandwidth()?;
        largest.peak = largest.peak.max(peak);
        largest.average = largest.average.max(average);
    }
    Some(own.bandwidth()? + largest)
}

fn bandwidth_faults(stated: (u64, Option<u64>), measured: Option<Bandwidth>) -> Vec<String> {
    let mut faults = Vec::new();
    let (peak, average) = stated;
    if average.is_none() {
        faults.push("AVERAGE-BANDWIDTH is missing".to_owned());
    }
    let Some(measured) = measured else {
        return faults;
    };
    let mut compare = |name: &str, stated: u64, measured: u64| {
        if u128::from(stated.abs_diff(measured)) * 10 > u128::from(measured) {
            faults.push(format!("{name} says {stated} bit/s, measured are {measured}"));
        }
    };
    compare("BANDWIDTH", peak, measured.peak);
    if let Some(average) = average {
        compare("AVERAGE-BANDWIDTH", average, measured.average);
    }
    faults
}

/// Item 11.
pub(super) fn renditions_suffice(view: &View<'_>, found: &mut Found) {
    let video = view.video_variants().count();
    let due = view.facts.expected.as_ref().map_or(0, |expected| expected.video_renditions);
    if video < due {
        let sentence = format!("it has {video} video variants where the reports have {due}");
        found.push((MASTER.to_owned(), sentence));
    }
    sound_suffices(view, found);
    for rendition in view.audio() {
        let is_aac = rendition.init.is_some_and(|init| init.codecs.starts_with("mp4a.40."));
        if !is_aac || rendition.channels() != Some(2) {
            found.push((rendition.uri.clone(), "the audio is not stereo AAC".to_owned()));
        }
    }
    for rendition in &view.renditions {
        if let Some(tracks) = rendition.init.map(|init| init.tracks).filter(|tracks| *tracks != 1) {
            found.push((rendition.uri.clone(), format!("its segments have {tracks} tracks")));
        }
    }
    for audio in view.master.audio.iter().filter(|audio| audio.language.is_none()) {
        let sentence = format!("EXT-X-MEDIA {:?} has no LANGUAGE", audio.name);
        found.push((audio.uri.clone().unwrap_or_else(|| MASTER.to_owned()), sentence));
    }
}

/// Where there is audio, every variant can be played with some.
fn sound_suffices(view: &View<'_>, found: &mut Found) {
    let due = view.facts.expected.as_ref().is_some_and(|expected| expected.audio);
    if due && view.audio().next().is_none() {
        found.push((MASTER.to_owned(), "the reports have audio, it has none".to_owned()));
    }
    for (variant, _) in view.video_variants() {
        let has_audio =
            view.played_together(variant).iter().any(|other| other.channels().is_some());
        if variant.audio.is_some() && !has_audio {
            let sentence = "its AUDIO names no group with audio".to_owned();
            found.push((variant.uri.clone(), sentence));
        }
        if variant.audio.is_none() && view.audio().next().is_some() {
            found.push((variant.uri.clone(), "it has no AUDIO, others have".to_owned()));
        }
    }
}

/// Item 9.9 where nobody can say whether the source allows more than one rate.
pub(super) fn single_rate(view: &View<'_>, found: &mut Found) {
    if view.facts.expected.is_none() && view.video_variants().count() == 1 {
        found.push((MASTER.to_owned(), "there is only one video variant".to_owned()));
    }
}

/// Item 12.
pub(super) fn video_plays_everywhere(view: &View<'_>, found: &mut Found) {
    for rendition in view.video() {
        for fault in picture_faults(rendition) {
            found.push((rendition.uri.clone(), fault));
        }
    }
    for variant in &view.master.variants {
        if variant.frame_rate.is_some_and(|rate| rate > HIGHEST_RATE) {
            found.push((variant.uri.clone(), "it has more than 60 frames/s".to_owned()));
        }
        let video = ["avc1.", "hvc1.", "av01.", "vp09."];
        let codecs = variant.codecs.iter().flat_map(|codecs| codecs.split(','));
        let kinds: BTreeSet<&str> = codecs
            .filter_map(|c| video.into_iter().find(|kind| c.trim().starts_with(kind)))
            .collect();
        if kinds.len() > 1 {
            found.push((variant.uri.clone(), "it mixes two video codecs".to_owned()));
        }
    }
}

fn picture_faults(rendition: &Rendition<'_>) -> Vec<String> {
    let (Some(init), Some(picture)) = (rendition.init, rendition.picture()) else {
        return Vec::new();
    };
    let mut faults = Vec::new();
    let mut fault = |is: bool, sentence: String| {
        if is {
            faults.push(sentence);
        }
    };
    let codecs = &init.codecs;
    let in_band = ["avc2", "avc3", "avc4", "hev1"].iter().any(|kind| codecs.starts_with(kind));
    fault(in_band, format!("the sample entry of {codecs} allows parameter sets in band"));
    if let Some(avc) = Avc::parse(codecs) {
        let known = matches!(avc.profile_idc, 66 | 77 | 100);
        fault(!known, format!("{codecs} is neither Baseline, Main nor High"));
        fault(avc.level_idc > HIGHEST_LEVEL, format!("{codecs} is above level 5.2"));
        let chroma = picture.chroma_format_idc.is_some_and(|idc| idc != 1);
        fault(chroma, "it is not 4:2:0".to_owned());
        fault(picture.bit_depth.is_some_and(|bits| bits != 8), "it is not 8-bit".to_owned());
    } else {
        fault(codecs.starts_with("avc1"), format!("{codecs} names no profile and level"));
    }
    fault(picture.progressive == Some(false), "it is interlaced".to_owned());
    let square = picture.pixel_aspect.is_none_or(|(width, height)| width == height);
    fault(!square, "its pixels are not square".to_owned());
    let even = picture.width.is_multiple_of(2) && picture.height.is_multiple_of(2);
    fault(!even, format!("its size of {}x{} is odd", picture.width, picture.height));
    faults
}

/// What `avc1.PPCCLL` says.
pub(super) struct Avc {
    profile_idc: u8,
    pub(super) level_idc: u8,
}

impl Avc {
    pub(super) fn parse(codecs: &str) -> Option<Self> {
        let hexadecimal = codecs.strip_prefix("avc1.").filter(|text| text.len() == 6)?;
        let byte = |at: usize| u8::from_str_radix(hexadecimal.get(at..at + 2)?, 16).ok();
        Some(Self { profile_idc: byte(0)?, level_idc: byte(4)? })
    }
}
