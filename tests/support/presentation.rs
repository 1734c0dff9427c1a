//! What is published, as a player reads it: by its playlists.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use job::playlist::{Master, MediaPlaylist, Playlist, parse};

/// A published presentation.
pub struct Presentation {
    root: PathBuf,
    pub master: Master,
}

impl Presentation {
    #[track_caller]
    pub fn open(root: &Path) -> Self {
        match read(&root.join("master.m3u8")) {
            Playlist::Master(master) => Self { root: root.to_owned(), master },
            Playlist::Media(_) => panic!("master.m3u8 is a media playlist"),
        }
    }

    pub fn master_path(&self) -> PathBuf {
        self.root.join("master.m3u8")
    }

    /// Renditions with video and where their media playlists are, from the best to the least.
    pub fn video(&self) -> Vec<(String, PathBuf)> {
        let uris = self.master.variants.iter().filter(|variant| variant.resolution.is_some());
        uris.map(|variant| (rendition(&variant.uri), self.root.join(&variant.uri))).collect()
    }

    /// Names of the renditions with video.
    pub fn names(&self) -> Vec<String> {
        self.video().into_iter().map(|(name, _)| name).collect()
    }

    /// Width and height by rendition.
    pub fn sizes(&self) -> BTreeMap<String, (u32, u32)> {
        let variants = self.master.variants.iter();
        variants.filter_map(|v| Some((rendition(&v.uri), v.resolution?))).collect()
    }

    /// The media playlist of a rendition with video.
    #[track_caller]
    pub fn path_of(&self, name: &str) -> PathBuf {
        let found = self.video().into_iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("there is no {name}: {:?}", self.names())).1
    }

    /// The media playlist of the audio: of its group, or of the only variant if there is no video.
    #[track_caller]
    pub fn audio(&self) -> PathBuf {
        let grouped = self.master.audio.first().and_then(|group| group.uri.as_ref());
        let alone = self.master.variants.iter().find(|v| v.resolution.is_none()).map(|v| &v.uri);
        self.root.join(grouped.or(alone).expect("it has audio"))
    }

    /// I-frame playlists.
    pub fn iframes(&self) -> Vec<PathBuf> {
        self.master.iframes.iter().map(|variant| self.root.join(&variant.uri)).collect()
    }
}

/// Reads a media or I-frame playlist.
#[track_caller]
pub fn media_playlist(path: &Path) -> MediaPlaylist {
    match read(path) {
        Playlist::Media(playlist) => playlist,
        Playlist::Master(_) => panic!("{} is a master", path.display()),
    }
}

/// Where the segments of a playlist end, in microseconds.
#[track_caller]
pub fn cuts(path: &Path) -> Vec<u64> {
    let mut end = 0;
    let segments = media_playlist(path).segments.into_iter();
    segments
        .map(|segment| {
            end += segment.duration;
            end
        })
        .collect()
}

fn rendition(uri: &str) -> String {
    let directory = Path::new(uri).parent().and_then(Path::file_name);
    directory.expect("a rendition has a directory").display().to_string()
}

#[track_caller]
fn read(path: &Path) -> Playlist {
    let text = fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()));
    parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
