//! A presentation without a fault, to be broken by tests.

use super::*;
use crate::names::{IFRAME_PLAYLIST, MEDIA_PLAYLIST, PICTURES, STORYBOARD};
use crate::playlist::fixture::{Published, audio, index, profile, publish, video};
use crate::playlist::{Renditions, playlists};

pub(super) fn published() -> Published {
    let source = index(Some(video(30, 600, &[0, 300])), Some(audio(20_000)));
    publish(&source, &profile(false))
}

pub(super) fn facts(published: &Published) -> Facts {
    let Published { plan, reports, names } = published;
    let renditions = Renditions::published(plan, reports).unwrap();
    let playlists = playlists(plan, &renditions, names, "talk");
    facts_from_reports(plan, reports, &renditions, &playlists, names)
}

pub(super) fn items(facts: &Facts) -> Vec<&'static str> {
    let mut items: Vec<&str> = check(facts).into_iter().map(|finding| finding.item).collect();
    items.dedup();
    items
}

/// A presentation under change.
pub(super) struct Bench {
    pub(super) published: Published,
    pub(super) facts: Facts,
}

impl Bench {
    pub(super) fn uri(&self, rendition: &str, object: &str) -> String {
        self.published.names.from_master(rendition, object)
    }

    pub(super) fn segment_uri(&self, rendition: &str, number: usize) -> String {
        let chunks = self.published.reports.chunks.iter().flat_map(|chunk| &chunk.renditions);
        let audio = self.published.reports.audio.iter().map(|audio| &audio.rendition);
        let of = chunks.chain(audio).filter(|r| r.rendition == rendition);
        let segment = of.flat_map(|r| &r.segments).nth(number).unwrap();
        self.uri(rendition, &segment.name)
    }

    pub(super) fn segment(&mut self, rendition: &str, number: usize) -> &mut SegmentContents {
        let uri = self.segment_uri(rendition, number);
        self.facts.segments.get_mut(&uri).unwrap()
    }

    pub(super) fn init(&mut self, rendition: &str) -> &mut InitFacts {
        let prefix = self.uri(rendition, "init");
        self.facts.inits.iter_mut().find(|(uri, _)| uri.starts_with(&prefix)).unwrap().1
    }

    pub(super) fn picture(&mut self, rendition: &str) -> &mut Picture {
        match &mut self.init(rendition).media {
            Media::Video(picture) => picture,
            Media::Audio { .. } => panic!("{rendition} is audio"),
        }
    }

    pub(super) fn replace(&mut self, rendition: &str, name: &str, from: &str, to: &str) {
        let uri = self.uri(rendition, name);
        let text = self.facts.playlists.get_mut(&uri).unwrap();
        assert!(text.contains(from), "{from:?} in {text}");
        *text = text.replacen(from, to, 1);
    }

    pub(super) fn media(&mut self, rendition: &str, from: &str, to: &str) {
        self.replace(rendition, MEDIA_PLAYLIST, from, to);
    }

    pub(super) fn iframes(&mut self, from: &str, to: &str) {
        self.replace("v720", IFRAME_PLAYLIST, from, to);
    }

    pub(super) fn master(&mut self, from: &str, to: &str) {
        assert!(self.facts.master.contains(from), "{from:?} in {}", self.facts.master);
        self.facts.master = self.facts.master.replacen(from, to, 1);
    }

    pub(super) fn storyboard(&mut self, from: &str, to: &str) {
        let uri = self.uri(PICTURES, STORYBOARD);
        let text = self.facts.storyboards.get_mut(&uri).unwrap();
        assert!(text.contains(from), "{from:?} in {text}");
        *text = text.replacen(from, to, 1);
    }

    pub(super) fn picture_uri(&self, start: &str) -> String {
        let start = self.uri(PICTURES, start);
        self.facts.objects.keys().find(|uri| uri.starts_with(&start)).unwrap().clone()
    }

    pub(super) fn expected(&mut self) -> &mut Expected {
        self.facts.expected.as_mut().unwrap()
    }

    /// Marks a segment, or an I-frame, of a playlist with a discontinuity.
    pub(super) fn mark(&mut self, rendition: &str, name: &str, position: usize) {
        let uri = self.uri(rendition, name);
        let text = self.facts.playlists.get_mut(&uri).unwrap();
        let (at, _) = text.match_indices("#EXTINF").nth(position).unwrap();
        text.insert_str(at, "#EXT-X-DISCONTINUITY\n");
    }

    /// Marks the beginning of the second segment, the seventh I-frame, in all playlists but `left_out`.
    pub(super) fn mark_all_but(&mut self, left_out: (&str, &str)) {
        for rendition in ["v720", "v480", "v234", "audio"] {
            for (name, position) in [(MEDIA_PLAYLIST, 1), (IFRAME_PLAYLIST, 6)] {
                let exists = rendition != "audio" || name == MEDIA_PLAYLIST;
                if exists && (rendition, name) != left_out {
                    self.mark(rendition, name, position);
                }
            }
        }
    }

    /// A presentation that grows, read twice: its playlists are events without an end.
    pub(super) fn grow(&mut self) {
        self.facts.growing = true;
        for text in self.facts.playlists.values_mut() {
            *text = text.replace("TYPE:VOD", "TYPE:EVENT").replace("#EXT-X-ENDLIST\n", "");
        }
        self.facts.later = self.facts.playlists.clone();
    }

    /// Changes what the media playlist of a rendition is the second time.
    pub(super) fn later(&mut self, rendition: &str, from: &str, to: &str) {
        let uri = self.uri(rendition, MEDIA_PLAYLIST);
        let text = self.facts.later.get_mut(&uri).unwrap();
        assert!(text.contains(from), "{from:?} in {text}");
        *text = text.replacen(from, to, 1);
    }

    pub(super) fn init_uri(&self, rendition: &str) -> String {
        let prefix = self.uri(rendition, "init");
        self.facts.inits.keys().find(|uri| uri.starts_with(&prefix)).unwrap().clone()
    }

    /// As if the sprite had been decoded.
    pub(super) fn decode_sprite(&mut self, decoded: DecodedPicture) {
        let uri = self.picture_uri("sprite-0000");
        self.facts.pictures.insert(uri, decoded);
    }

    /// Takes the value of an attribute from the first line of the master that has it.
    pub(super) fn stated(&self, name: &str) -> String {
        let after = self.facts.master.split_once(name).unwrap().1;
        let value = after.split([',', '\n']).next().unwrap();
        format!("{name}{value}")
    }
}

pub(super) fn broken(change: fn(&mut Bench)) -> Vec<Finding> {
    let published = published();
    let facts = facts(&published);
    let mut bench = Bench { published, facts };
    change(&mut bench);
    check(&bench.facts)
}
