//! The renditions of a plan, put together from the reports of its chunks, and which of them are published.

use std::num::NonZeroU32;

use thiserror::Error;

use crate::bandwidth::{Bandwidth, Extent, measure};
use crate::plan::{Plan, Rung};
use crate::report::{
    AudioReport, CodecFacts, PublishedPictures, PublishedRendition, PublishedSegment, Reports,
};

/// One rendition over the whole presentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendition {
    /// Its name.
    pub name: String,
    /// Name of its initialisation segment within the rendition.
    pub init: String,
    /// Bytes of the initialisation segment.
    pub init_size: u64,
    /// What the initialisation segment says of the codec.
    pub codec: CodecFacts,
    /// Ticks per second.
    pub timescale: NonZeroU32,
    /// All its segments in order.
    pub segments: Vec<PublishedSegment>,
}

/// A video rendition and the rung that it carries out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoRendition {
    /// The rung.
    pub rung: Rung,
    /// What came of it.
    pub rendition: Rendition,
}

/// The renditions of a presentation, and its pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renditions {
    /// Video, in the plan's order: largest first.
    pub video: Vec<VideoRendition>,
    /// Audio, if there is any.
    pub audio: Option<Rendition>,
    /// Storyboard and poster, if there are any.
    pub pictures: Option<PublishedPictures>,
}

/// Reports from which no presentation can be written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReportsError {
    /// A chunk was not committed.
    #[error("the report of chunk {0} is missing")]
    Chunk(u32),
    /// The audio was not committed.
    #[error("the report of the audio is missing")]
    Audio,
    /// The pictures were not committed.
    #[error("the report of the pictures is missing")]
    Pictures,
    /// Pictures that are not those of the plan.
    #[error("the report of the pictures has {found} sprites where the plan has {expected}")]
    Sprites {
        /// How many the plan has.
        expected: usize,
        /// How many are there.
        found: usize,
    },
    /// A report belongs to something else.
    #[error("the report {0} belongs to another plan")]
    Plan(String),
    /// A chunk lacks a rendition.
    #[error("the report of chunk {chunk} has no rendition {rendition}")]
    Rendition {
        /// The chunk's number.
        chunk: u32,
        /// The rendition's name.
        rendition: String,
    },
    /// Two chunks cannot be played with one initialisation segment.
    #[error(
        "chunk {chunk} of rendition {rendition} has another initialisation segment than chunk 0: \
         encode both with the same engine"
    )]
    Initialisation {
        /// The chunk's number.
        chunk: u32,
        /// The rendition's name.
        rendition: String,
    },
    /// The segments are not those of the plan.
    #[error("rendition {rendition} has segment {found} where the plan has {expected}")]
    Segment {
        /// The rendition's name.
        rendition: String,
        /// The number that the plan has there, or the count of segments if one is missing or too many.
        expected: usize,
        /// The number, or the count, that is there.
        found: usize,
    },
    /// A timescale of 0.
    #[error("rendition {0} has a timescale of 0")]
    Timescale(String),
}

impl Rendition {
    fn start(report: &PublishedRendition) -> Result<Self, ReportsError> {
        let timescale = NonZeroU32::new(report.timescale)
            .ok_or_else(|| ReportsError::Timescale(report.rendition.clone()))?;
        Ok(Self {
            name: report.rendition.clone(),
            init: report.init.clone(),
            init_size: report.init_size,
            codec: report.codec.clone(),
            timescale,
            segments: report.segments.clone(),
        })
    }

    fn plays_with(&self, report: &PublishedRendition) -> bool {
        self.init == report.init
            && self.codec == report.codec
            && self.timescale.get() == report.timescale
    }

    fn check_segments(&self, planned: usize) -> Result<(), ReportsError> {
        let wrong = |expected, found| ReportsError::Segment {
            rendition: self.name.clone(),
            expected,
            found,
        };
        for (expected, segment) in self.segments.iter().enumerate() {
            let found = usize::try_from(segment.facts.index).unwrap_or(usize::MAX);
            if found != expected {
                return Err(wrong(expected, found));
            }
        }
        let found = self.segments.len();
        if found == planned { Ok(()) } else { Err(wrong(planned, found)) }
    }

    /// Rates of its media playlist.
    #[must_use]
    pub fn bandwidth(&self, target_duration: u32) -> Bandwidth {
        let extent = |segment: &PublishedSegment| Extent {
            bytes: segment.facts.size,
            ticks: segment.facts.duration,
        };
        let extents: Vec<Extent> = self.segments.iter().map(extent).collect();
        measure(&extents, self.timescale, target_duration)
    }

    /// Rates of its I-frame playlist.
    #[must_use]
    pub fn iframe_bandwidth(&self, target_duration: u32) -> Bandwidth {
        let extents: Vec<Extent> = self
            .iframes()
            .map(|iframe| Extent { bytes: iframe.size, ticks: iframe.end - iframe.start })
            .collect();
        measure(&extents, self.timescale, target_duration)
    }

    /// Frames in all segments.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.segments.iter().map(|segment| u64::from(segment.facts.frames)).sum()
    }

    /// Presentation time of its end.
    #[must_use]
    pub fn end(&self) -> u64 {
        let end =
            |segment: &PublishedSegment| segment.facts.start.saturating_add(segment.facts.duration);
        self.segments.last().map_or(0, end)
    }

    /// Its IDR pictures, each lasting until the next.
    pub(super) fn iframes(&self) -> impl Iterator<Item = Iframe<'_>> {
        let idrs = || {
            self.segments.iter().flat_map(|segment| {
                segment.facts.idrs.iter().map(move |idr| (segment.name.as_str(), idr))
            })
        };
        let ends = idrs().skip(1).map(|(_, idr)| idr.time).chain([self.end()]);
        idrs().zip(ends).map(|((segment, idr), end)| Iframe {
            segment,
            offset: idr.offset,
            size: idr.size,
            start: idr.time,
            end: end.max(idr.time),
        })
    }
}

/// An IDR picture as an I-frame playlist lists it.
pub(super) struct Iframe<'a> {
    pub(super) segment: &'a str,
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Renditions {
    /// The renditions that are published: all of the plan's, less, if the profile prunes, every encoded rung whose average rate is above 9/10 of
    /// that of the next larger one that is kept: whoever can play it can play that one.
    ///
    /// # Errors
    /// If the reports are not those of the whole plan.
    pub fn published(plan: &Plan, reports: &Reports) -> Result<Self, ReportsError> {
        let all = Self::all(plan, reports)?;
        Ok(Self { video: kept(all.video, plan), ..all })
    }

    /// All renditions of the plan, published or not.
    ///
    /// # Errors
    /// If the reports are not those of the whole plan.
    pub fn all(plan: &Plan, reports: &Reports) -> Result<Self, ReportsError> {
        check_chunks(plan, reports)?;
        let rungs = plan.video.iter().flat_map(|video| &video.rungs);
        let video = rungs
            .map(|rung| {
                let rendition = video_rendition(plan, reports, &rung.name)?;
                Ok(VideoRendition { rung: rung.clone(), rendition })
            })
            .collect::<Result<_, _>>()?;
        let audio = audio_rendition(plan, reports.audio.as_ref())?;
        Ok(Self { video, audio, pictures: pictures(plan, reports)? })
    }

    /// What can be played before anything is encoded: the copied source, which `rung` is in the plan, and the audio.
    ///
    /// # Errors
    /// If they are not those of the whole plan.
    pub fn source_first(
        plan: &Plan,
        rung: &Rung,
        source: &PublishedRendition,
        audio: Option<&AudioReport>,
    ) -> Result<Self, ReportsError> {
        let rendition = Rendition::start(source)?;
        rendition.check_segments(planned_segments(plan))?;
        let video = vec![VideoRendition { rung: rung.clone(), rendition }];
        Ok(Self { video, audio: audio_rendition(plan, audio)?, pictures: None })
    }
}

fn planned_segments(plan: &Plan) -> usize {
    plan.video.as_ref().map_or(0, |video| video.segments.len())
}

fn check_chunks(plan: &Plan, reports: &Reports) -> Result<(), ReportsError> {
    let chunks = plan.video.iter().flat_map(|video| &video.chunks);
    for (position, chunk) in chunks.enumerate() {
        let report = reports
            .chunks
            .get(position)
            .filter(|report| report.chunk == chunk.index)
            .ok_or(ReportsError::Chunk(chunk.index))?;
        if report.plan != plan.id {
            return Err(ReportsError::Plan(chunk.index.to_string()));
        }
    }
    Ok(())
}

fn video_rendition(plan: &Plan, reports: &Reports, name: &str) -> Result<Rendition, ReportsError> {
    let missing = |chunk| ReportsError::Rendition { chunk, rendition: name.to_owned() };
    let mut whole: Option<Rendition> = None;
    for chunk in &reports.chunks {
        let report = chunk.renditions.iter().find(|rendition| rendition.rendition == name);
        let report = report.ok_or_else(|| missing(chunk.chunk))?;
        match &mut whole {
            None => whole = Some(Rendition::start(report)?),
            Some(whole) if whole.plays_with(report) => {
                whole.segments.extend(report.segments.iter().cloned());
            }
            Some(_) => {
                let (chunk, rendition) = (chunk.chunk, name.to_owned());
                return Err(ReportsError::Initialisation { chunk, rendition });
            }
        }
    }
    let whole = whole.ok_or_else(|| missing(0))?;
    whole.check_segments(planned_segments(plan))?;
    Ok(whole)
}

fn audio_rendition(
    plan: &Plan,
    report: Option<&AudioReport>,
) -> Result<Option<Rendition>, ReportsError> {
    let Some(audio) = &plan.audio else {
        return Ok(None);
    };
    let report = report.ok_or(ReportsError::Audio)?;
    if report.plan != plan.id {
        return Err(ReportsError::Plan(crate::names::AUDIO.to_owned()));
    }
    let rendition = Rendition::start(&report.rendition)?;
    rendition.check_segments(audio.cuts.len().saturating_sub(1))?;
    Ok(Some(rendition))
}

fn pictures(plan: &Plan, reports: &Reports) -> Result<Option<PublishedPictures>, ReportsError> {
    let Some(pictures) = &plan.pictures else {
        return Ok(None);
    };
    let report = reports.pictures.as_ref().ok_or(ReportsError::Pictures)?;
    if report.plan != plan.id {
        return Err(ReportsError::Plan(crate::names::PICTURES.to_owned()));
    }
    let expected = pictures.sprites().count();
    match &report.pictures {
        Some(taken) if taken.sprites.len() != expected => {
            Err(ReportsError::Sprites { expected, found: taken.sprites.len() })
        }
        taken => Ok(taken.clone()),
    }
}

fn kept(all: Vec<VideoRendition>, plan: &Plan) -> Vec<VideoRendition> {
    let mut kept: Vec<VideoRendition> = Vec::new();
    let mut rate_above = None;
    for video in all {
        let rate = video.rendition.bandwidth(plan.target_duration).average;
        if plan.profile.prune && rate_above.is_some_and(|above| adds_nothing(rate, above)) {
            continue;
        }
        rate_above = Some(rate);
        kept.push(video);
    }
    kept
}

/// No network is so exactly as fast as a rung that 9/10 of its rate help.
fn adds_nothing(rate: u64, above: u64) -> bool {
    u128::from(rate) * 10 > u128::from(above) * 9
}
