//! Faults that bring others with them, and changes that are none.

use super::bar_tests::{BLOCKERS, Break, OF_OTHER_PROFILES, WARNINGS};
use super::bench::{Bench, broken};
use super::*;
use crate::names::{IFRAME_PLAYLIST, MEDIA_PLAYLIST};

/// Faults that cannot be made without others.
const BLOCKERS_AMONG_OTHERS: &[Break] = &[
    ("5", "an I-frame playlist that ends early", |b| {
        let uri = b.uri("v720", IFRAME_PLAYLIST);
        let text = b.facts.playlists.get_mut(&uri).unwrap();
        let (at, _) = text.match_indices("#EXTINF").nth(6).unwrap();
        text.truncate(at);
        text.push_str("#EXT-X-ENDLIST\n");
    }),
    ("5", "an I-frame playlist that begins late", |b| {
        let uri = b.uri("v720", IFRAME_PLAYLIST);
        let text = b.facts.playlists.get_mut(&uri).unwrap();
        let from = text.find("#EXTINF").unwrap();
        let (to, _) = text.match_indices("#EXTINF").nth(1).unwrap();
        text.replace_range(from..to, "");
    }),
    ("10", "an I-frame without a byte range", |b| {
        let uri = b.uri("v720", IFRAME_PLAYLIST);
        let text = b.facts.playlists.get_mut(&uri).unwrap();
        let kept = text.lines().filter(|line| !line.starts_with("#EXT-X-BYTERANGE"));
        *text = kept.flat_map(|line| [line, "\n"]).collect();
    }),
    ("11", "no audio at all", |b| {
        let kept = b.facts.master.lines().filter(|line| !line.starts_with("#EXT-X-MEDIA"));
        let kept: String = kept.flat_map(|line| [line, "\n"]).collect();
        b.facts.master = kept.replace(",AUDIO=\"audio\"", "");
    }),
    ("11", "a variant without AUDIO", |b| b.master(",AUDIO=\"audio\"", "")),
    ("11", "a group that is not there", |b| b.master(",AUDIO=\"audio\"", ",AUDIO=\"sound\"")),
    ("12", "more than 60 frames/s", |b| b.master("FRAME-RATE=30.000", "FRAME-RATE=120.000")),
    ("12", "two video codecs", |b| {
        b.master("avc1.64001F,mp4a", "avc1.64001F,hvc1.1.6.L93.B0,mp4a");
    }),
    ("12", "level 6", |b| {
        b.init("v720").codecs = "avc1.64003C".to_owned();
        b.facts.master = b.facts.master.replace("avc1.64001F", "avc1.64003C");
    }),
    ("14", "a frame too many in the audio", |b| {
        let uri = b.uri("audio", MEDIA_PLAYLIST);
        b.expected().frames.insert(uri, FrameRange { least: 1, most: 1 });
    }),
];

#[test]
fn each_blocker_that_brings_others_is_found() {
    for (item, name, change) in BLOCKERS_AMONG_OTHERS {
        let findings = broken(*change);
        let found = findings.iter().any(|f| f.item == *item && f.severity == Severity::Blocker);
        assert!(found, "{item}, {name}: {findings:?}");
    }
}

/// Every item of the bar is broken by a test of its own.
#[test]
fn no_item_goes_without_a_test() {
    let tables = [BLOCKERS, BLOCKERS_AMONG_OTHERS, WARNINGS];
    let tested = tables.into_iter().flatten().map(|(item, ..)| *item);
    let tested: Vec<&str> = tested.chain(OF_OTHER_PROFILES).collect();
    for item in BAR {
        assert!(tested.contains(&item.id), "{}", item.id);
    }
}

#[test]
fn a_discontinuity_at_one_point_everywhere_has_no_finding() {
    assert_eq!(broken(|b| b.mark_all_but(("", ""))), []);
}

#[test]
fn a_presentation_that_grows_by_appending_has_no_finding() {
    assert_eq!(broken(Bench::grow), []);
    let ended = broken(|b| {
        b.grow();
        for text in b.facts.later.values_mut() {
            text.push_str("#EXTINF:6,\nmore.m4s\n#EXT-X-ENDLIST\n");
        }
    });
    assert_eq!(ended, []);
}

#[test]
fn what_is_read_as_it_should_be_has_no_finding() {
    let findings = broken(|b| {
        b.decode_sprite(DecodedPicture::Whole { width: 320, height: 90 });
        b.picture("v720").container_size = Some((1280, 720));
        b.init("audio").loudness = Some(true);
        for object in b.facts.objects.values_mut() {
            let with_parameter = |kind: &String| format!("{}; charset=utf-8", kind.to_uppercase());
            object.content_type = object.content_type.as_ref().map(with_parameter);
        }
    });
    assert_eq!(findings, []);
}
