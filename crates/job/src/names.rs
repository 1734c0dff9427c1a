//! The name of every object in the store.
//!
//! ```text
//! <presentation>/master.m3u8                       the only name that a viewer needs
//! <presentation>/presentation.json                 parts and state
//! <presentation>/<part>/<plan id>/plan.json        and done.json; failures.json if there were any
//! <presentation>/<part>/<plan id>/chunks/<n>.json  reports; audio.json for the audio, pictures.json for the pictures
//! <presentation>/<part>/<plan id>/<rendition>/...  init, segments, playlists; immutable
//! <presentation>/<part>/<plan id>/pictures/...     storyboard, sprites, poster; immutable
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::profile::Profile;
use crate::recording::{Identity, PresentationName, hex, short_digest};

/// Name of the audio rendition.
pub const AUDIO: &str = "audio";
/// What storyboard and poster stand under, as a rendition does under its name.
pub const PICTURES: &str = "pictures";
/// Name of the storyboard within [`PICTURES`].
pub const STORYBOARD: &str = "storyboard.vtt";
/// Name of a rendition's media playlist within the rendition.
pub const MEDIA_PLAYLIST: &str = "media.m3u8";
/// Name of a rendition's I-frame playlist within the rendition.
pub const IFRAME_PLAYLIST: &str = "iframes.m3u8";

/// Digest of source, profile and plan schema.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanId(String);

impl PlanId {
    /// The id of the plan for a source under a profile.
    #[must_use]
    pub fn new(schema: u32, identity: &Identity, profile: &Profile) -> Self {
        // Field order is fixed by the types, so the same values give the same text.
        let text = serde_json::json!([schema, identity, profile]).to_string();
        Self(hex(&Sha256::digest(text)[..8]))
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an object is, which decides the headers that it is served with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// The multivariant playlist: changes when renditions are added.
    Master,
    /// A media or I-frame playlist under a plan: complete when written.
    Playlist,
    /// An initialisation segment.
    Init,
    /// A media segment.
    Segment,
    /// A JPEG picture: a sprite of the storyboard or the poster.
    Picture,
    /// A storyboard in `WebVTT`.
    Storyboard,
    /// State that is read and changed by workers.
    State,
}

impl ObjectKind {
    /// `Content-Type` (HLS Authoring Specification 10.4).
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Master | Self::Playlist => "application/vnd.apple.mpegurl",
            Self::Init => "video/mp4",
            Self::Segment => "video/iso.segment",
            Self::Picture => "image/jpeg",
            Self::Storyboard => "text/vtt",
            Self::State => "application/json",
        }
    }

    /// `Cache-Control`: names with a digest in them never change.
    #[must_use]
    pub const fn cache_control(self) -> &'static str {
        match self {
            Self::Master | Self::State => "no-cache",
            Self::Playlist | Self::Init | Self::Segment | Self::Picture | Self::Storyboard => {
                "public, max-age=31536000, immutable"
            }
        }
    }
}

/// The names of one presentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentationNames {
    prefix: String,
}

impl PresentationNames {
    /// The names below a presentation.
    #[must_use]
    pub fn new(presentation: &PresentationName) -> Self {
        let name = presentation.as_str();
        let prefix = if name.is_empty() { String::new() } else { format!("{name}/") };
        Self { prefix }
    }

    /// The multivariant playlist.
    #[must_use]
    pub fn master(&self) -> String {
        format!("{}master.m3u8", self.prefix)
    }

    /// Parts and state of the presentation.
    #[must_use]
    pub fn presentation(&self) -> String {
        format!("{}presentation.json", self.prefix)
    }

    /// The names of a part under a plan.
    #[must_use]
    pub fn part(&self, part: u32, plan: &PlanId) -> PartNames {
        let relative = format!("{part}/{plan}");
        PartNames { prefix: format!("{}{relative}", self.prefix), relative }
    }
}

/// The names of one part under one plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartNames {
    prefix: String,
    relative: String,
}

impl PartNames {
    /// The plan.
    #[must_use]
    pub fn plan(&self) -> String {
        format!("{}/plan.json", self.prefix)
    }

    /// The marker that is created last.
    #[must_use]
    pub fn done(&self) -> String {
        format!("{}/done.json", self.prefix)
    }

    /// How often the job failed without getting any further.
    #[must_use]
    pub fn failures(&self) -> String {
        format!("{}/failures.json", self.prefix)
    }

    /// The report of a chunk; whoever creates it has committed the chunk.
    #[must_use]
    pub fn chunk_report(&self, chunk: u32) -> String {
        format!("{}/chunks/{chunk}.json", self.prefix)
    }

    /// The report of the audio rendition.
    #[must_use]
    pub fn audio_report(&self) -> String {
        format!("{}/chunks/{AUDIO}.json", self.prefix)
    }

    /// The report of the pictures.
    #[must_use]
    pub fn pictures_report(&self) -> String {
        format!("{}/chunks/{PICTURES}.json", self.prefix)
    }

    /// An object of a rendition (or of [`PICTURES`]) by its name within the rendition, such as [`segment`] and [`MEDIA_PLAYLIST`].
    #[must_use]
    pub fn rendition(&self, rendition: &str, object: &str) -> String {
        format!("{}/{rendition}/{object}", self.prefix)
    }

    /// The same as a URI in the multivariant playlist.
    #[must_use]
    pub fn from_master(&self, rendition: &str, object: &str) -> String {
        format!("{}/{rendition}/{object}", self.relative)
    }

    /// True if the multivariant playlist refers to this part under this plan.
    #[must_use]
    pub fn are_in_master(&self, master: &str) -> bool {
        // A URI stands on a line of its own or in quotes; only its start tells part 1 from part 11.
        master
            .split(['\n', '"'])
            .filter_map(|uri| uri.strip_prefix(self.relative.as_str()))
            .any(|rest| rest.starts_with('/'))
    }
}

/// Name of a segment within its rendition: its number in the presentation and a digest of its bytes.
#[must_use]
pub fn segment(index: u32, bytes: &[u8]) -> String {
    format!("{index:05}-{}.m4s", short_digest(bytes))
}

/// Name of an initialisation segment within its rendition.
#[must_use]
pub fn init(bytes: &[u8]) -> String {
    format!("init-{}.mp4", short_digest(bytes))
}

/// Name of a sprite of the storyboard within [`PICTURES`]: its number and a digest of its bytes.
#[must_use]
pub fn sprite(index: u32, bytes: &[u8]) -> String {
    format!("sprite-{index:04}-{}.jpg", short_digest(bytes))
}

/// Name of the poster within [`PICTURES`].
#[must_use]
pub fn poster(bytes: &[u8]) -> String {
    format!("poster-{}.jpg", short_digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_the_design_says() {
        let identity = Identity::Content { sha256: "00".repeat(32) };
        let profile = Profile::shipped("default").unwrap().unwrap();
        let id = PlanId::new(1, &identity, &profile);
        let presentation = PresentationName::from_components(["live", "test", "1795326084"]);
        let names = PresentationNames::new(&presentation);
        assert_eq!(names.master(), "live/test/1795326084/master.m3u8");
        let part = names.part(1, &id);
        assert_eq!(part.chunk_report(7), format!("live/test/1795326084/1/{id}/chunks/7.json"));
        assert_eq!(part.from_master("v720", MEDIA_PLAYLIST), format!("1/{id}/v720/media.m3u8"));
        assert_eq!(part.failures(), format!("live/test/1795326084/1/{id}/failures.json"));
        let root = PresentationNames::new(&PresentationName::root());
        assert_eq!(root.master(), "master.m3u8");
        assert_eq!(segment(12, b"x"), "00012-2d711642b726b044.m4s");
        assert_eq!(sprite(3, b"x"), "sprite-0003-2d711642b726b044.jpg");
        assert_eq!(poster(b"x"), "poster-2d711642b726b044.jpg");
        assert_eq!(
            part.from_master(PICTURES, STORYBOARD),
            format!("1/{id}/pictures/storyboard.vtt")
        );
    }

    #[test]
    fn a_master_is_of_the_part_and_plan_that_it_names() {
        let identity = Identity::Content { sha256: "00".repeat(32) };
        let id = PlanId::new(1, &identity, &Profile::shipped("default").unwrap().unwrap());
        let names = PresentationNames::new(&PresentationName::root());
        let part = names.part(1, &id);
        for (master, expected) in [
            (format!("#EXTM3U\n1/{id}/v720/media.m3u8\n"), true),
            (format!("#EXT-X-MEDIA:TYPE=AUDIO,URI=\"1/{id}/audio/media.m3u8\"\n"), true),
            (format!("#EXTM3U\n11/{id}/v720/media.m3u8\n"), false),
            (format!("#EXTM3U\n1/{id}0/v720/media.m3u8\n"), false),
            ("#EXTM3U\n".to_owned(), false),
        ] {
            assert_eq!(part.are_in_master(&master), expected, "{master}");
        }
    }

    #[test]
    fn another_source_profile_or_schema_is_another_plan() {
        let identity = |byte: &str| Identity::Content { sha256: byte.repeat(32) };
        let profile = |name: &str| Profile::shipped(name).unwrap().unwrap();
        let id = PlanId::new(1, &identity("00"), &profile("default"));
        assert_eq!(id, PlanId::new(1, &identity("00"), &profile("default")));
        assert_ne!(id, PlanId::new(2, &identity("00"), &profile("default")));
        assert_ne!(id, PlanId::new(1, &identity("01"), &profile("default")));
        assert_ne!(id, PlanId::new(1, &identity("00"), &profile("fast")));
    }
}
