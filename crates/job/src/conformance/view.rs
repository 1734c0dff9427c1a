//! The facts as the checks want them: playlists parsed, and everything that belongs together beside each other.

use std::num::NonZeroU32;

use super::facts::{Facts, InitFacts, Media, Picture, SegmentContents};
use super::{Finding, MASTER, Severity};
use crate::bandwidth::{Bandwidth, Extent, measure};
use crate::playlist::{
    Master, MediaPlaylist, MediaSegment, ParseError, Playlist, Problem, Variant, parse, resolve,
};

pub(super) struct View<'a> {
    pub(super) facts: &'a Facts,
    pub(super) master: Master,
    /// Media playlists, each once, in the master's order; then those of audio groups.
    pub(super) renditions: Vec<Rendition<'a>>,
    /// I-frame playlists in the master's order.
    pub(super) iframes: Vec<Rendition<'a>>,
}

/// A playlist and what it leads to.
pub(super) struct Rendition<'a> {
    pub(super) uri: String,
    pub(super) playlist: MediaPlaylist,
    pub(super) init: Option<&'a InitFacts>,
    pub(super) segments: Vec<Segment<'a>>,
}

pub(super) struct Segment<'a> {
    pub(super) uri: String,
    pub(super) size: Option<u64>,
    pub(super) contents: Option<&'a SegmentContents>,
}

impl<'a> View<'a> {
    /// The view, unless the master cannot be read; and what cannot be read.
    pub(super) fn of(facts: &'a Facts) -> (Option<Self>, Vec<Finding>) {
        let master = match parse(&facts.master) {
            Ok(Playlist::Master(master)) => master,
            Ok(Playlist::Media(_)) => {
                return (None, vec![unreadable(MASTER, "it has no variants")]);
            }
            Err(error) => return (None, vec![unreadable(MASTER, &error.to_string())]),
        };
        let mut findings = Vec::new();
        let mut read = |uris: Vec<&String>| {
            let mut renditions = Vec::new();
            for uri in uris {
                match Rendition::read(facts, uri) {
                    Ok(rendition) => renditions.extend(rendition),
                    Err(error) => findings.push(unreadable(uri, &error.to_string())),
                }
            }
            renditions
        };
        let variants = master.variants.iter().map(|variant| &variant.uri);
        let groups = master.audio.iter().filter_map(|audio| audio.uri.as_ref());
        let mut uris: Vec<&String> = Vec::new();
        for uri in variants.chain(groups) {
            if !uris.contains(&uri) {
                uris.push(uri);
            }
        }
        let renditions = read(uris);
        let iframes = read(master.iframes.iter().map(|iframe| &iframe.uri).collect());
        (Some(Self { facts, master, renditions, iframes }), findings)
    }

    pub(super) fn video(&self) -> impl Iterator<Item = &Rendition<'a>> {
        self.renditions.iter().filter(|rendition| rendition.picture().is_some())
    }

    pub(super) fn audio(&self) -> impl Iterator<Item = &Rendition<'a>> {
        self.renditions.iter().filter(|rendition| rendition.channels().is_some())
    }

    pub(super) fn all_playlists(&self) -> impl Iterator<Item = &Rendition<'a>> {
        self.renditions.iter().chain(&self.iframes)
    }

    pub(super) fn rendition(&self, uri: &str) -> Option<&Rendition<'a>> {
        self.renditions.iter().find(|rendition| rendition.uri == uri)
    }

    pub(super) fn iframe(&self, uri: &str) -> Option<&Rendition<'a>> {
        self.iframes.iter().find(|rendition| rendition.uri == uri)
    }

    /// The variant's own playlist, then the audio that it can be played with.
    pub(super) fn played_together(&self, variant: &Variant) -> Vec<&Rendition<'a>> {
        let own = self.rendition(&variant.uri);
        let group = self.master.audio.iter().filter(|a| Some(&a.group) == variant.audio.as_ref());
        let audio = group.filter_map(|audio| self.rendition(audio.uri.as_ref()?));
        own.into_iter().chain(audio).collect()
    }

    /// Variants whose own playlist is video.
    pub(super) fn video_variants(&self) -> impl Iterator<Item = (&Variant, &Rendition<'a>)> {
        self.master.variants.iter().filter_map(|variant| {
            let rendition = self.rendition(&variant.uri)?;
            rendition.picture().map(|_| (variant, rendition))
        })
    }
}

fn unreadable(place: &str, reason: &str) -> Finding {
    Finding {
        item: "6",
        severity: Severity::Blocker,
        place: place.to_owned(),
        sentence: format!("the playlist cannot be read: {reason}"),
    }
}

impl<'a> Rendition<'a> {
    /// None if there is no such playlist, which is item 13's to find.
    fn read(facts: &'a Facts, uri: &str) -> Result<Option<Self>, ParseError> {
        let Some(text) = facts.playlists.get(uri) else {
            return Ok(None);
        };
        let playlist = match parse(text)? {
            Playlist::Media(playlist) => playlist,
            Playlist::Master(_) => {
                return Err(ParseError { line: 1, problem: Problem::Missing("EXTINF") });
            }
        };
        let map = playlist.segments.first().and_then(|segment| segment.map.as_ref());
        let init = map.and_then(|map| facts.inits.get(&resolve(uri, map)));
        let segments = playlist
            .segments
            .iter()
            .map(|segment| Segment::find(facts, resolve(uri, &segment.uri), segment))
            .collect();
        Ok(Some(Self { uri: uri.to_owned(), playlist, init, segments }))
    }

    pub(super) fn picture(&self) -> Option<&'a Picture> {
        match &self.init?.media {
            Media::Video(picture) => Some(picture),
            Media::Audio { .. } => None,
        }
    }

    pub(super) fn channels(&self) -> Option<u16> {
        match self.init?.media {
            Media::Video(_) => None,
            Media::Audio { channels } => Some(channels),
        }
    }

    pub(super) fn timescale(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.init?.timescale)
    }

    /// When the media of a listed segment, or of the fragment that its byte range starts with, begins: its earliest presentation time.
    pub(super) fn start(&self, position: usize) -> Option<i64> {
        let contents = self.segments.get(position)?.contents?;
        match self.playlist.segments.get(position)?.byte_range {
            None => Some(contents.first_presentation),
            Some(range) => {
                let fragment = contents.fragments.iter().find(|f| f.offset == range.offset)?;
                Some(fragment.presentation)
            }
        }
    }

    /// The sum of all `EXTINF` in microseconds.
    pub(super) fn listed_duration(&self) -> u64 {
        let segments = self.playlist.segments.iter();
        segments.fold(0, |sum, segment| sum.saturating_add(segment.duration))
    }

    /// The contents of all segments, if all are known.
    pub(super) fn contents(&self) -> Option<Vec<&'a SegmentContents>> {
        self.segments.iter().map(|segment| segment.contents).collect()
    }

    /// Ticks and samples of all segments, if all are known and there is at least one sample.
    pub(super) fn extent(&self) -> Option<(u64, u64)> {
        let contents = self.contents()?;
        let ticks = contents.iter().fold(0_u64, |sum, c| sum.saturating_add(c.duration));
        let samples = contents.iter().map(|c| u64::from(c.samples)).sum::<u64>();
        (ticks > 0 && samples > 0).then_some((ticks, samples))
    }

    /// Usual duration of a sample in ticks, rounded up.
    pub(super) fn sample_duration(&self) -> Option<u64> {
        self.extent().map(|(ticks, samples)| ticks.div_ceil(samples))
    }

    /// Rates as measured: the objects' bytes over the durations in the playlist.
    pub(super) fn bandwidth(&self) -> Option<Bandwidth> {
        const MICROSECONDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(999_999);
        let target = u32::try_from(self.playlist.target_duration).ok()?;
        let extents: Option<Vec<Extent>> = self
            .playlist
            .segments
            .iter()
            .zip(&self.segments)
            .map(|(listed, segment)| Some(Extent { bytes: segment.size?, ticks: listed.duration }))
            .collect();
        extents.map(|extents| measure(&extents, MICROSECONDS, target))
    }
}

impl<'a> Segment<'a> {
    fn find(facts: &'a Facts, uri: String, listed: &MediaSegment) -> Self {
        let object = facts.objects.get(&uri).map(|object| object.size);
        let size = listed.byte_range.map(|range| range.length).or(object);
        Self { size, contents: facts.segments.get(&uri), uri }
    }
}
