//! The pictures part of a plan: which keyframes are shown in the storyboard and as the poster, and how large.

use serde::{Deserialize, Serialize};

use super::{ReadSpan, VideoPlan};
use crate::ladder::{Size, display_size, shrink};
use crate::source::{Frame, VideoSource};

/// Shortest distance of two pictures of the storyboard, in seconds.
const SHORTEST_INTERVAL: u64 = 10;
/// Most pictures of one storyboard.
const MOST_TILES: u64 = 200;
/// Short side of a picture of the storyboard, in pixels.
const TILE_SIDE: u32 = 90;
/// Longest short side of the poster, in pixels.
const POSTER_SIDE: u32 = 720;
/// Pictures of the storyboard in a row, and rows, of one sprite.
const SPRITE_SIDE: u32 = 5;

/// The pictures part of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PicturesPlan {
    /// Seconds from one picture of the storyboard to the next; the first is at the presentation's start.
    pub interval: u32,
    /// How many there are.
    pub tiles: u32,
    /// The size of each.
    pub tile: Size,
    /// The size of the poster.
    pub poster: Size,
    /// The keyframes to decode, in order of time, each once.
    pub shots: Vec<Shot>,
}

/// A keyframe that is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shot {
    /// Where it is: one packet.
    pub read: ReadSpan,
    /// How many pictures of the storyboard show it: those that follow the ones of the shot before.
    pub tiles: u32,
    /// Whether it is the poster.
    pub poster: bool,
}

/// One JPEG file with pictures of the storyboard, row after row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sprite {
    /// The first picture in it.
    pub first_tile: u32,
    /// How many pictures are in it.
    pub tiles: u32,
    /// Pictures in a row.
    pub columns: u32,
    /// Rows; the last may not be full.
    pub rows: u32,
}

impl PicturesPlan {
    /// The sprites in order.
    pub fn sprites(&self) -> impl Iterator<Item = Sprite> + use<> {
        let (tiles, most) = (self.tiles, SPRITE_SIDE * SPRITE_SIDE);
        (0..tiles.div_ceil(most)).map(move |number| {
            let first_tile = number * most;
            let tiles = (tiles - first_tile).min(most);
            let columns = tiles.min(SPRITE_SIDE);
            Sprite { first_tile, tiles, columns, rows: tiles.div_ceil(SPRITE_SIDE) }
        })
    }

    /// The picture of a sprite.
    #[must_use]
    pub fn size_of(&self, sprite: Sprite) -> Size {
        let Size { width, height } = self.tile;
        Size {
            width: width.saturating_mul(sprite.columns),
            height: height.saturating_mul(sprite.rows),
        }
    }
}

impl Sprite {
    /// Column and row of a picture, counted from the sprite's first.
    #[must_use]
    pub fn place(self, tile: u32) -> (u32, u32) {
        let columns = self.columns.max(1);
        (tile % columns, tile / columns)
    }
}

pub(super) fn plan(source: &VideoSource, video: &VideoPlan) -> PicturesPlan {
    let timescale = u64::from(video.timescale.get());
    let milliseconds = video.duration.unsigned_abs().saturating_mul(1000) / timescale;
    let interval = milliseconds.div_ceil(MOST_TILES * 1000).max(SHORTEST_INTERVAL);
    let tiles = milliseconds.div_ceil(interval * 1000).max(1);
    let shown_at = (0..tiles).map(|tile| {
        let ticks = i64::try_from(tile * interval * timescale).unwrap_or(i64::MAX);
        video.origin.saturating_add(ticks)
    });
    let size = display_size(source.width, source.height, source.pixel_aspect, source.rotation);
    PicturesPlan {
        interval: u32::try_from(interval).unwrap_or(u32::MAX),
        tiles: u32::try_from(tiles).unwrap_or(u32::MAX),
        tile: shrink(size, TILE_SIDE.min(size.short_side())),
        poster: shrink(size, POSTER_SIDE.min(size.short_side())),
        shots: shots(source, shown_at, poster_time(video)),
    }
}

/// What shows more than a beginning, which is often black.
fn poster_time(video: &VideoPlan) -> i64 {
    video.origin.saturating_add(video.duration / 10)
}

/// `shown_at` are the times of the storyboard's pictures, the source's and in order.
fn shots(source: &VideoSource, shown_at: impl Iterator<Item = i64>, poster_time: i64) -> Vec<Shot> {
    let mut keyframes: Vec<&Frame> = source.whole_alone().collect();
    keyframes.sort_by_key(|keyframe| keyframe.pts);
    let poster = poster(&keyframes, poster_time);
    let mut tiles = vec![0_u32; keyframes.len()];
    for time in shown_at {
        let at_or_before = keyframes.partition_point(|keyframe| keyframe.pts <= time);
        if let Some(shown) = tiles.get_mut(at_or_before.saturating_sub(1)) {
            *shown += 1;
        }
    }
    let all = keyframes.into_iter().zip(tiles).enumerate();
    let shown = all.filter(|(number, (_, tiles))| *tiles > 0 || Some(*number) == poster);
    shown
        .map(|(number, (keyframe, tiles))| {
            let read = read_keyframe(source, keyframe);
            Shot { read, tiles, poster: Some(number) == poster }
        })
        .collect()
}

fn read_keyframe(source: &VideoSource, keyframe: &Frame) -> ReadSpan {
    let configs = &source.config_offsets;
    ReadSpan {
        config_offset: configs.iter().rfind(|config| **config <= keyframe.offset).copied(),
        offset: keyframe.offset,
        dts: keyframe.dts,
        packets: 1,
    }
}

/// The keyframe nearest to a time, the first excepted unless there is no other.
fn poster(keyframes: &[&Frame], time: i64) -> Option<usize> {
    let others = keyframes.iter().enumerate().skip(1);
    let nearest = others.min_by_key(|(_, keyframe)| keyframe.pts.abs_diff(time));
    nearest.map(|(number, _)| number).or_else(|| (!keyframes.is_empty()).then_some(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Plan, plan};
    use crate::playlist::fixture::{identity, index, profile, video};

    fn planned(source: VideoSource) -> Plan {
        plan(&identity(), &index(Some(source), None), &profile(false)).unwrap()
    }

    fn pictures(source: VideoSource) -> PicturesPlan {
        planned(source).pictures.unwrap()
    }

    /// 30 frames/s, a keyframe every two seconds.
    fn seconds(length: i64) -> VideoSource {
        let keyframes: Vec<i64> = (0..length * 30).step_by(60).collect();
        video(30, length * 30, &keyframes)
    }

    #[test]
    fn pictures_are_ten_seconds_apart_and_two_hundred_at_most() {
        for (length, interval, tiles) in [
            (1, 10, 1),
            (10, 10, 1),
            (11, 10, 2),
            (60, 10, 6),
            (2000, 10, 200),
            (2001, 11, 182),
            (4000, 20, 200),
            (40_000, 200, 200),
            (43_000, 215, 200),
        ] {
            let mut source = video(1, length, &[]);
            source.frames.iter_mut().step_by(5).for_each(|frame| frame.sync = true);
            let plan = pictures(source);
            assert_eq!((plan.interval, plan.tiles), (interval, tiles), "{length} s");
            let shown: u32 = plan.shots.iter().map(|shot| shot.tiles).sum();
            assert_eq!(shown, tiles, "{length} s");
        }
    }

    #[test]
    fn each_picture_is_the_keyframe_at_or_before_its_time() {
        // Keyframes at 0, 9.9, 10.1, 29, 40 s of 45.
        let source = video(10, 450, &[0, 99, 101, 290, 400]);
        let plan = pictures(source.clone());
        let shown: Vec<(i64, u32, bool)> =
            plan.shots.iter().map(|shot| (shot.read.dts, shot.tiles, shot.poster)).collect();
        // At 0 s; at 10 s, which is also nearest to 4.5 s; at 20 s; at 30 s; at 40 s.
        let expected = [
            (0, 1, false),
            (9900, 1, true),
            (10_100, 1, false),
            (29_000, 1, false),
            (40_000, 1, false),
        ];
        assert_eq!(shown, expected);
        for shot in &plan.shots {
            let frame = source.frames.iter().find(|frame| frame.offset == shot.read.offset);
            assert!(frame.unwrap().sync);
            assert_eq!((shot.read.config_offset, shot.read.packets), (Some(13), 1));
        }
    }

    #[test]
    fn a_keyframe_that_is_shown_for_long_is_decoded_once() {
        let plan = pictures(video(10, 600, &[0]));
        let [shot] = plan.shots.as_slice() else { panic!("{:?}", plan.shots) };
        assert_eq!((shot.tiles, shot.poster), (6, true), "the first is the poster if it is alone");
    }

    #[test]
    fn the_poster_is_a_keyframe_at_a_tenth() {
        for (length, expected) in [(3, 2000), (60, 6000), (300, 30_000), (600, 60_000)] {
            let plan = pictures(seconds(length));
            let poster: Vec<i64> =
                plan.shots.iter().filter(|shot| shot.poster).map(|shot| shot.read.dts).collect();
            assert_eq!(poster, [expected], "{length} s");
        }
    }

    #[test]
    fn sizes_are_those_of_the_upright_picture() {
        for (width, height, aspect, rotation, tile, poster) in [
            (1280, 720, (1, 1), 0, (160, 90), (1280, 720)),
            (1920, 1080, (1, 1), 0, (160, 90), (1280, 720)),
            (1920, 1080, (1, 1), 90, (90, 160), (720, 1280)),
            (720, 576, (16, 15), 0, (120, 90), (720, 540)),
            (854, 480, (1, 1), 0, (160, 90), (854, 480)),
            (64, 36, (1, 1), 0, (64, 36), (64, 36)),
            (8192, 16, (1, 1), 0, (8192, 16), (8192, 16)),
        ] {
            let source =
                VideoSource { width, height, pixel_aspect: aspect, rotation, ..seconds(4) };
            let plan = pictures(source);
            let size = |size: Size| (size.width, size.height);
            let sizes = (size(plan.tile), size(plan.poster));
            assert_eq!(sizes, (tile, poster), "{width}x{height} {aspect:?} {rotation}");
        }
    }

    #[test]
    fn sprites_hold_five_rows_of_five_and_the_last_the_rest() {
        let shapes = |length| {
            let plan = pictures(seconds(length));
            let shape = |sprite: Sprite| {
                let size = plan.size_of(sprite);
                (sprite.first_tile, sprite.tiles, size.width, size.height)
            };
            plan.sprites().map(shape).collect::<Vec<_>>()
        };
        assert_eq!(shapes(20), [(0, 2, 320, 90)]);
        assert_eq!(shapes(70), [(0, 7, 800, 180)]);
        assert_eq!(shapes(510), [(0, 25, 800, 450), (25, 25, 800, 450), (50, 1, 160, 90)]);
        let sprite = pictures(seconds(70)).sprites().next().unwrap();
        assert_eq!([0, 4, 5, 6].map(|tile| sprite.place(tile)), [(0, 0), (4, 0), (0, 1), (1, 1)]);
    }

    #[test]
    fn there_are_none_without_video_or_where_the_profile_wants_none() {
        let mut profile = profile(false);
        let audio = index(None, Some(crate::playlist::fixture::audio(20_000)));
        assert_eq!(plan(&identity(), &audio, &profile).unwrap().pictures, None);
        profile.pictures = false;
        let video = index(Some(seconds(20)), None);
        assert_eq!(plan(&identity(), &video, &profile).unwrap().pictures, None);
    }

    /// A plan of a worker that knew no pictures is carried out as it is.
    #[test]
    fn plans_from_before_there_were_pictures_stay() {
        let plan = planned(seconds(20));
        let mut json = serde_json::to_value(&plan).unwrap();
        json.as_object_mut().unwrap().remove("pictures");
        let old: Plan = serde_json::from_value(json).unwrap();
        assert_eq!(old, Plan { pictures: None, ..plan });
    }
}
