//! What a published presentation really holds: playlists, boxes and pictures, read from the published objects alone. The bar itself is
//! [`job::conformance`].

use std::collections::{BTreeMap, BTreeSet};

use job::conformance::{Facts, MASTER, ObjectFacts};
use job::playlist::{
    Master, MediaPlaylist, Playlist, SessionValue, parse, parse_storyboard, resolve, session_data,
};

use crate::MediaError;
use crate::cmaf::{Init, read_init};

mod init;
mod picture;
mod reports;
mod segment;

use reports::Incomparable;

/// Parts and state of a presentation, beside its multivariant playlist.
const PRESENTATION: &str = "presentation.json";

/// A published object as a reader gets it.
pub struct PublishedObject {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// `Content-Type`: none where there is no such thing, as in a directory, and empty if a server sent none.
    pub content_type: Option<String>,
}

/// Reads published objects by their URI as seen from the multivariant playlist.
pub trait Published {
    /// The object; none if there is none.
    ///
    /// # Errors
    /// If it cannot be known whether there is one.
    fn read(&self, uri: &str) -> Result<Option<PublishedObject>, MediaError>;
}

/// Collects the facts of a presentation. `decode` says whether every segment and every I-frame is decoded as well; `progress` hears
/// of each segment that is done, and how many there are.
///
/// # Errors
/// [`MediaError::NoPresentation`] if there is no multivariant playlist; others if objects cannot be read. What else is missing or
/// damaged is not an error but a fact.
pub fn collect(
    published: &dyn Published,
    decode: bool,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Facts, MediaError> {
    let (facts, inits) = (Facts::default(), BTreeMap::new());
    let mut collector = Collector { published, decode, facts, inits };
    let Some(master) = collector.text(MASTER)? else {
        return Err(MediaError::NoPresentation(MASTER.to_owned()));
    };
    collector.facts.master.clone_from(&master);
    let Ok(Playlist::Master(master)) = parse(&master) else { return Ok(collector.facts) };
    collector.facts.growing = collector.grows()?;
    let mut playlists = Vec::new();
    let uris = playlist_uris(&master);
    for uri in &uris {
        let Some(text) = collector.text(uri)? else { continue };
        if let Ok(Playlist::Media(playlist)) = parse(&text) {
            playlists.push((uri.clone(), playlist));
        }
        collector.facts.playlists.insert(uri.clone(), text);
    }
    collector.compare_with_reports(&uris)?;
    collector.session_data(&master)?;
    let total = playlists.iter().map(|(_, playlist)| playlist.segments.len()).sum();
    let mut done = 0;
    for (uri, playlist) in &playlists {
        collector.rendition(uri, playlist, &mut || {
            done += 1;
            progress(done, total);
        })?;
    }
    if collector.facts.growing {
        collector.read_again(&uris)?;
    }
    Ok(collector.facts)
}

fn playlist_uris(master: &Master) -> BTreeSet<String> {
    let variants = master.variants.iter().map(|variant| &variant.uri);
    let iframes = master.iframes.iter().map(|variant| &variant.uri);
    let audio = master.audio.iter().filter_map(|group| group.uri.as_ref());
    variants.chain(iframes).chain(audio).map(|uri| resolve(MASTER, uri)).collect()
}

struct Collector<'a> {
    published: &'a dyn Published,
    decode: bool,
    facts: Facts,
    /// Initialisation segments by their URI; none where they cannot be read.
    inits: BTreeMap<String, Option<Init>>,
}

impl Collector<'_> {
    fn object(&mut self, uri: &str) -> Result<Option<Vec<u8>>, MediaError> {
        let Some(object) = self.published.read(uri)? else { return Ok(None) };
        let facts =
            ObjectFacts { size: object.bytes.len() as u64, content_type: object.content_type };
        self.facts.objects.insert(uri.to_owned(), facts);
        Ok(Some(object.bytes))
    }

    fn text(&mut self, uri: &str) -> Result<Option<String>, MediaError> {
        let bytes = self.object(uri)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Whether a part of the presentation is not yet published as a whole.
    fn grows(&self) -> Result<bool, MediaError> {
        let Some(object) = self.published.read(PRESENTATION)? else { return Ok(false) };
        let state = serde_json::from_slice::<serde_json::Value>(&object.bytes).unwrap_or_default();
        let parts = state["parts"].as_array();
        Ok(parts.is_some_and(|parts| parts.iter().any(|part| part["state"] != "published")))
    }

    /// Reads the playlists as they are by now.
    fn read_again(&mut self, uris: &BTreeSet<String>) -> Result<(), MediaError> {
        for uri in uris {
            if let Some(object) = self.published.read(uri)? {
                let text = String::from_utf8_lossy(&object.bytes).into_owned();
                self.facts.later.insert(uri.clone(), text);
            }
        }
        Ok(())
    }

    fn compare_with_reports(&mut self, uris: &BTreeSet<String>) -> Result<(), MediaError> {
        match reports::compare_with(self.published, uris) {
            Ok(expected) => self.facts.expected = Some(expected),
            Err(Incomparable::Absent) => {}
            Err(Incomparable::Bad(uri, reason)) => {
                let reason = format!("the media cannot be compared with it: {reason}");
                self.facts.bad_reports.insert(uri, reason);
            }
            Err(Incomparable::Failed(error)) => return Err(error),
        }
        Ok(())
    }

    fn picture(&mut self, uri: &str) -> Result<(), MediaError> {
        if let Some(file) = self.object(uri)?
            && self.decode
        {
            self.facts.pictures.insert(uri.to_owned(), picture::decode(&file)?);
        }
        Ok(())
    }

    /// Reads what session data names, poster and storyboard with its sprites above all.
    fn session_data(&mut self, master: &Master) -> Result<(), MediaError> {
        for data in &master.session_data {
            if let SessionValue::Uri(uri) = &data.value {
                self.object(uri)?;
            }
        }
        if let Some(poster) = master.session_value(session_data::POSTER) {
            self.picture(poster)?;
        }
        let Some(uri) = master.session_value(session_data::STORYBOARD) else { return Ok(()) };
        let Some(text) = self.text(uri)? else { return Ok(()) };
        let cues = parse_storyboard(&text).unwrap_or_default();
        let sprites: BTreeSet<String> = cues.iter().map(|cue| resolve(uri, &cue.sprite)).collect();
        self.facts.storyboards.insert(uri.to_owned(), text);
        for sprite in sprites {
            self.picture(&sprite)?;
        }
        Ok(())
    }

    /// Reads the segments of one playlist, those that another playlist led to before excepted (I-frame playlists point into the
    /// segments of media playlists).
    fn rendition(
        &mut self,
        playlist_uri: &str,
        playlist: &MediaPlaylist,
        done: &mut dyn FnMut(),
    ) -> Result<(), MediaError> {
        for segment in &playlist.segments {
            let map = segment.map.as_ref().map(|map| resolve(playlist_uri, map));
            if let Some(map) = &map {
                self.init(map)?;
            }
            let uri = resolve(playlist_uri, &segment.uri);
            if !self.facts.objects.contains_key(&uri)
                && let Some(bytes) = self.object(&uri)?
            {
                self.segment(uri, &bytes, map.as_ref())?;
            }
            done();
        }
        Ok(())
    }

    fn segment(
        &mut self,
        uri: String,
        bytes: &[u8],
        map: Option<&String>,
    ) -> Result<(), MediaError> {
        // Without its initialisation segment, which is found elsewhere, nothing can be said of it.
        let Some(init) = map.and_then(|map| self.inits.get(map)?.as_ref()) else { return Ok(()) };
        match segment::contents(bytes, init, self.decode)? {
            Ok(contents) => {
                self.facts.segments.insert(uri, contents);
            }
            Err(reason) => {
                self.facts.unreadable.insert(uri, reason);
            }
        }
        Ok(())
    }

    /// Reads an initialisation segment, once.
    fn init(&mut self, uri: &str) -> Result<(), MediaError> {
        if self.inits.contains_key(uri) {
            return Ok(());
        }
        let Some(bytes) = self.object(uri)? else { return Ok(()) };
        let mut unreadable = |reason: String| {
            self.facts.unreadable.insert(uri.to_owned(), reason);
            None
        };
        let init = match read_init(&bytes) {
            Err(error) => unreadable(error.to_string()),
            Ok(init) => match init::facts(&init) {
                None => unreadable("its decoder configuration is damaged".to_owned()),
                Some(facts) => {
                    self.facts.inits.insert(uri.to_owned(), facts);
                    Some(init)
                }
            },
        };
        self.inits.insert(uri.to_owned(), init);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Published for Nothing {
        fn read(&self, _: &str) -> Result<Option<PublishedObject>, MediaError> {
            Ok(None)
        }
    }

    #[test]
    fn where_nothing_is_published_there_is_no_presentation() {
        let collected = collect(&Nothing, true, &mut |_, _| {});
        assert!(matches!(collected, Err(MediaError::NoPresentation(_))), "{collected:?}");
    }
}
