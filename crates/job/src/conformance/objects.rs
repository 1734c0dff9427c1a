//! Item 13: what the playlists name exists.

use std::collections::BTreeSet;

use super::view::View;
use super::{Found, pictures};
use crate::playlist::resolve;

/// Item 13.
pub(super) fn objects_exist(view: &View<'_>, found: &mut Found) {
    for uri in named(view) {
        if let Some(fault) = object_fault(view, &uri) {
            found.push((uri, fault));
        }
    }
    let bad_reports = view.facts.bad_reports.iter();
    found.extend(bad_reports.map(|(uri, reason)| (uri.clone(), reason.clone())));
    for rendition in view.all_playlists() {
        for (listed, segment) in rendition.playlist.segments.iter().zip(&rendition.segments) {
            let (Some(range), Some(object)) =
                (listed.byte_range, view.facts.objects.get(&segment.uri))
            else {
                continue;
            };
            if range.offset.saturating_add(range.length) > object.size {
                let sentence = format!("a byte range ends beyond the {} bytes of it", object.size);
                found.push((segment.uri.clone(), sentence));
            }
        }
    }
}

/// Every URI in every playlist and storyboard, once.
fn named(view: &View<'_>) -> BTreeSet<String> {
    let master = &view.master;
    let variants = master.variants.iter().map(|variant| variant.uri.clone());
    let iframes = master.iframes.iter().map(|iframe| iframe.uri.clone());
    let audio = master.audio.iter().filter_map(|audio| audio.uri.clone());
    let mut all: BTreeSet<String> = variants.chain(iframes).chain(audio).collect();
    all.extend(pictures::named(view));
    for rendition in view.all_playlists() {
        all.extend(rendition.segments.iter().map(|segment| segment.uri.clone()));
        let maps = rendition.playlist.segments.iter().filter_map(|segment| segment.map.as_ref());
        all.extend(maps.map(|map| resolve(&rendition.uri, map)));
    }
    all
}

fn object_fault(view: &View<'_>, uri: &str) -> Option<String> {
    let Some(object) = view.facts.objects.get(uri) else {
        return Some("it is named by a playlist but does not exist".to_owned());
    };
    let expected = view.facts.expected.as_ref().and_then(|expected| expected.sizes.get(uri));
    if let Some(expected) = expected.filter(|expected| **expected != object.size) {
        return Some(format!("it has {} bytes, the report says {expected}", object.size));
    }
    let right = content_type(uri)?;
    let stated = object.content_type.as_deref()?;
    if stated.is_empty() {
        return Some(format!("it has no Content-Type, it must be {right}"));
    }
    // Parameters, as a character set, may follow the type.
    let kind = stated.split(';').next().unwrap_or_default().trim();
    let is_right = kind.eq_ignore_ascii_case(right);
    (!is_right).then(|| format!("its Content-Type is {stated}, it must be {right}"))
}

/// The `Content-Type` for a name (HLS Authoring Specification 10.4).
fn content_type(uri: &str) -> Option<&'static str> {
    let path = uri.split(['?', '#']).next()?;
    match path.rsplit_once('.')?.1 {
        "m3u8" => Some("application/vnd.apple.mpegurl"),
        "m4s" => Some("video/iso.segment"),
        "mp4" => Some("video/mp4"),
        "json" => Some("application/json"),
        "vtt" => Some("text/vtt"),
        "jpg" => Some("image/jpeg"),
        _ => None,
    }
}
