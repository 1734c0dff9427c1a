//! Real recordings, if there are any on this machine: in the folder that `REC2VOD_MEDIA` names, else in `shared/media` beside the project.
//! Which they are and how they were made stands in that folder's README.

#[expect(dead_code, reason = "not everything that the other tests need")]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::directory::Dir;
use support::ffmpeg::decodes_clean;
use support::presentation::Presentation;

/// Those that cannot be published, each with words of the sentence that says why.
const REFUSED: &[(&str, &str)] = &[
    ("rejected-publisher-zero-head.flv", "record_unique"),
    ("stub-headers-only.flv", "the recording holds no frame"),
];

#[test]
fn real_recordings_are_published_or_refused_with_their_reason() {
    let Some(folder) = folder() else {
        println!("no recordings here: set REC2VOD_MEDIA to a folder of them");
        return;
    };
    let mut recordings = Vec::new();
    collect(&folder, &mut recordings);
    recordings.sort();
    assert!(!recordings.is_empty(), "{} holds no recording", folder.display());
    for recording in recordings {
        println!("{}", recording.display());
        let name = recording.file_name().expect("it has a name");
        let dir = Dir::new();
        let ended = dir.transcode(&recording, &[]);
        if let Some((_, words)) = REFUSED.iter().find(|(refused, _)| name == *refused) {
            ended.fails_with(65, words);
            dir.holds_nothing_published();
            continue;
        }
        print!("{}", ended.succeeds());
        dir.has_no_blocker("vod");
        decodes_clean(&Presentation::open(&dir.path("vod")).master_path());
    }
}

fn folder() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("REC2VOD_MEDIA") {
        let named = PathBuf::from(named);
        assert!(named.is_dir(), "REC2VOD_MEDIA is {}, which is no folder", named.display());
        return Some(named);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
    Some(root.parent()?.join("shared/media")).filter(|folder| folder.is_dir())
}

fn collect(folder: &Path, recordings: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_dir() {
            collect(&path, recordings);
        } else if matches!(ending, Some("flv" | "mp4" | "ts" | "mkv")) {
            recordings.push(path);
        }
    }
}
