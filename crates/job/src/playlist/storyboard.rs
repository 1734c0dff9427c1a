//! The storyboard: a `WebVTT` file whose cues name a part of a picture (Media Fragments URI 1.0, `xywh`), as players take for the
//! thumbnails of their seek bars.

use std::fmt::Write as _;

use thiserror::Error;

use super::attributes::digits;
use crate::plan::{PicturesPlan, Sprite};
use crate::report::PublishedPictures;

/// The storyboard of a presentation of `duration_ms` milliseconds. Each picture is shown until the next, the last to the end.
#[must_use]
pub fn storyboard(plan: &PicturesPlan, pictures: &PublishedPictures, duration_ms: u64) -> String {
    let mut text = "WEBVTT\n".to_owned();
    for (sprite, picture) in plan.sprites().zip(&pictures.sprites) {
        for tile in 0..sprite.tiles {
            let number = u64::from(sprite.first_tile.saturating_add(tile));
            let interval = u64::from(plan.interval) * 1000;
            let start = number * interval;
            let is_last = number + 1 == u64::from(plan.tiles);
            // A presentation shorter than a millisecond has a cue nevertheless.
            let end = if is_last { duration_ms.max(start + 1) } else { start + interval };
            let area = area(plan, sprite, tile);
            // Writing to a string does not fail.
            let _ = write!(
                text,
                "\n{} --> {}\n{}#xywh={area}\n",
                timestamp(start),
                timestamp(end),
                picture.name
            );
        }
    }
    text
}

fn area(plan: &PicturesPlan, sprite: Sprite, tile: u32) -> String {
    let (column, row) = sprite.place(tile);
    let (width, height) = (plan.tile.width, plan.tile.height);
    format!("{},{},{width},{height}", column.saturating_mul(width), row.saturating_mul(height))
}

fn timestamp(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        milliseconds % 1000
    )
}

/// A cue of a storyboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cue {
    /// When its picture is the one to show, in milliseconds.
    pub start: u64,
    /// Until when.
    pub end: u64,
    /// URI of the sprite, without the fragment.
    pub sprite: String,
    /// The part of the sprite that it is.
    pub area: Area,
}

/// A rectangle of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Its left edge.
    pub x: u32,
    /// Its upper edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Area {
    /// Whether it is a part of a picture of this size: not empty, and nowhere beyond its edges.
    #[must_use]
    pub fn is_within(self, (picture_width, picture_height): (u32, u32)) -> bool {
        let fits = |start: u32, length: u32, whole: u32| {
            length > 0 && start.checked_add(length).is_some_and(|end| end <= whole)
        };
        fits(self.x, self.width, picture_width) && fits(self.y, self.height, picture_height)
    }
}

/// A text that is no storyboard.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoryboardError {
    /// Something else than `WEBVTT` comes first.
    #[error("a storyboard starts with WEBVTT")]
    Start,
    /// A cue that has no timing, or no picture.
    #[error(
        "the cue {0:?} is not a line of hh:mm:ss.ttt --> hh:mm:ss.ttt and one of URI#xywh=x,y,w,h"
    )]
    Cue(String),
}

/// Reads a storyboard as [`storyboard()`] writes it. Of `WebVTT` this leaves out what a storyboard does not need: notes, styles, regions,
/// names and settings of cues.
///
/// # Errors
/// If the text is anything else.
pub fn parse_storyboard(text: &str) -> Result<Vec<Cue>, StoryboardError> {
    let text = text.replace("\r\n", "\n");
    let mut blocks = text.split("\n\n").map(|block| block.trim_matches('\n'));
    if blocks.next() != Some("WEBVTT") {
        return Err(StoryboardError::Start);
    }
    let cues = blocks.filter(|block| !block.is_empty());
    cues.map(|block| cue(block).ok_or_else(|| StoryboardError::Cue(block.to_owned()))).collect()
}

fn cue(block: &str) -> Option<Cue> {
    let (timing, picture) = block.split_once('\n')?;
    let (start, end) = timing.split_once(" --> ")?;
    let (sprite, area) = picture.split_once("#xywh=")?;
    let sides: Option<Vec<u32>> = area.split(',').map(digits).collect();
    let [x, y, width, height] = sides?.try_into().ok()?;
    if sprite.is_empty() {
        return None;
    }
    Some(Cue {
        start: milliseconds(start)?,
        end: milliseconds(end)?,
        sprite: sprite.to_owned(),
        area: Area { x, y, width, height },
    })
}

/// `hh:mm:ss.ttt`, where hours may have more digits.
fn milliseconds(timestamp: &str) -> Option<u64> {
    let (clock, fraction) = timestamp.split_once('.')?;
    let [hours, minutes, seconds] = clock.split(':').collect::<Vec<_>>().try_into().ok()?;
    let fixed =
        |text: &str, length: usize| (text.len() == length).then(|| digits::<u64>(text)).flatten();
    let (minutes, seconds) = (fixed(minutes, 2)?, fixed(seconds, 2)?);
    if hours.len() < 2 || minutes > 59 || seconds > 59 {
        return None;
    }
    let seconds = digits::<u64>(hours)?.checked_mul(3600)?.checked_add(minutes * 60 + seconds)?;
    seconds.checked_mul(1000)?.checked_add(fixed(fraction, 3)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (time, text) in [
            (0, "00:00:00.000"),
            (59_999, "00:00:59.999"),
            (3_661_001, "01:01:01.001"),
            (360_000_000, "100:00:00.000"),
        ] {
            assert_eq!(timestamp(time), text);
            assert_eq!(milliseconds(text), Some(time));
        }
        for text in
            ["00:00.000", "00:60:00.000", "0:00:00.000", "00:00:00.00", "00:00:00", "+1:00:00.000"]
        {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_storyboard_is_refused() {
        let good = "WEBVTT\n\n00:00:00.000 --> 00:00:10.000\ns.jpg#xywh=0,0,160,90\n";
        let area = Area { x: 0, y: 0, width: 160, height: 90 };
        let cue = Cue { start: 0, end: 10_000, sprite: "s.jpg".to_owned(), area };
        assert_eq!(parse_storyboard(good), Ok(vec![cue.clone()]));
        assert_eq!(parse_storyboard(&good.replace('\n', "\r\n")), Ok(vec![cue]));
        assert_eq!(parse_storyboard("WEBVTT\n"), Ok(vec![]));
        assert_eq!(parse_storyboard(""), Err(StoryboardError::Start));
        for (from, to) in [
            (" --> ", "-->"),
            ("#xywh=0,0,160,90", ""),
            ("160,90", "160"),
            ("0,0,160", "0,-1,160"),
            ("s.jpg", ""),
            ("00:00:10.000", "00:00:10"),
        ] {
            let broken = parse_storyboard(&good.replacen(from, to, 1));
            assert!(matches!(broken, Err(StoryboardError::Cue(_))), "{from}: {broken:?}");
        }
    }

    #[test]
    fn an_area_is_within_a_picture_or_not() {
        for ((x, y, width, height), within) in [
            ((160, 0, 160, 90), true),
            ((161, 0, 160, 90), false),
            ((0, 1, 160, 90), false),
            ((0, 0, 0, 90), false),
            ((1, 0, u32::MAX, 90), false),
        ] {
            assert_eq!(
                Area { x, y, width, height }.is_within((320, 90)),
                within,
                "{x} {y} {width}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,100}") {
            let _ = parse_storyboard(&text);
            let _ = parse_storyboard(&format!("WEBVTT\n\n{text} --> {text}\n{text}#xywh={text}"));
        }
    }
}
