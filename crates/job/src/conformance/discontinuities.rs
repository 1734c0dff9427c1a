//! Item 6, its part about `EXT-X-DISCONTINUITY` (HLS Authoring Specification 8.13 to 8.15): where one playlist has one, all have.
//!
//! The times in the segments go on nevertheless, which is item 2. Nothing here writes one yet: it is for parts that were encoded apart.

use super::Found;
use super::view::{Rendition, View};

/// When a marked segment, or I-frame, begins: ticks in a timescale.
type Point = (i64, u32);

/// Item 6.
pub(super) fn stand_at_the_same_points(view: &View<'_>, found: &mut Found) {
    for rendition in view.all_playlists() {
        let first = rendition.playlist.segments.first();
        if first.is_some_and(|segment| segment.discontinuity) {
            let sentence = "EXT-X-DISCONTINUITY stands before the first segment".to_owned();
            found.push((rendition.uri.clone(), sentence));
        }
    }
    let Some(reference) = view.video().next().or_else(|| view.renditions.first()) else {
        return;
    };
    for other in view.all_playlists().filter(|other| other.uri != reference.uri) {
        if let Some(fault) = difference(reference, other) {
            found.push((other.uri.clone(), fault));
        }
    }
}

fn difference(reference: &Rendition<'_>, other: &Rendition<'_>) -> Option<String> {
    let sequence =
        |rendition: &Rendition<'_>| rendition.playlist.discontinuity_sequence.unwrap_or(0);
    if sequence(reference) != sequence(other) {
        return Some(format!("its EXT-X-DISCONTINUITY-SEQUENCE is not that of {}", reference.uri));
    }
    let (marked, due) = (marked(other), marked(reference));
    if marked.len() != due.len() {
        let (own, due) = (marked.len(), due.len());
        return Some(format!("it has {own} EXT-X-DISCONTINUITY, {} has {due}", reference.uri));
    }
    // Audio can be cut between its own frames only.
    let slack = if other.channels().is_some() && reference.picture().is_some() {
        other.sample_duration().unwrap_or(0)
    } else {
        0
    };
    let apart = |(own, due): &(usize, usize)| {
        let points = point(other, *own).zip(point(reference, *due));
        points.is_some_and(|(own, due)| is_apart(own, due, slack))
    };
    let (own, due) = marked.into_iter().zip(due).find(apart)?;
    let ((own, scale), (due, due_scale)) = (point(other, own)?, point(reference, due)?);
    Some(format!(
        "EXT-X-DISCONTINUITY is at {own}/{scale} s where {} has it at {due}/{due_scale} s",
        reference.uri
    ))
}

/// Positions of the segments that it stands before.
fn marked(rendition: &Rendition<'_>) -> Vec<usize> {
    let segments = rendition.playlist.segments.iter().enumerate();
    segments.filter(|(_, segment)| segment.discontinuity).map(|(position, _)| position).collect()
}

fn point(rendition: &Rendition<'_>, position: usize) -> Option<Point> {
    Some((rendition.start(position)?, rendition.timescale()?.get()))
}

/// Whether two points are further from each other than `slack` ticks of the first, or than what a coarser timescale cannot tell.
fn is_apart((own, scale): Point, (due, due_scale): Point, slack: u64) -> bool {
    let apart =
        (i128::from(own) * i128::from(due_scale)).abs_diff(i128::from(due) * i128::from(scale));
    let unknowable = if scale == due_scale { 0 } else { u128::from(scale.max(due_scale)) };
    apart > (u128::from(slack) * u128::from(due_scale)).max(unknowable)
}
