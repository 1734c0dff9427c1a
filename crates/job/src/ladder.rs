//! The ladder: which rungs a source gets. Never larger than the source, never two that look alike.

use serde::{Deserialize, Serialize};

use crate::profile::{Profile, RungProfile};

/// The size of a picture in pixels, both even.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Size {
    /// The length of the short side.
    #[must_use]
    pub fn short_side(self) -> u32 {
        self.width.min(self.height)
    }
}

/// One rung of a source's ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LadderRung {
    /// The picture's size.
    pub size: Size,
    /// How it is encoded.
    pub profile: RungProfile,
}

/// The size at which a picture is shown with square pixels and upright: `width` x `height` coded pixels of `pixel_aspect`, to be
/// turned by `rotation` degrees. Sides are rounded down to even numbers, because 4:2:0 has no half chroma sample.
#[must_use]
pub fn display_size(width: u32, height: u32, pixel_aspect: (u32, u32), rotation: u16) -> Size {
    let (horizontal, vertical) = pixel_aspect;
    // Only ever shrink, so that no pixel is invented: wide pixels lower the height, tall ones the width.
    let (width, height) = if horizontal > vertical {
        (width, scale(height, vertical, horizontal))
    } else {
        (scale(width, horizontal, vertical), height)
    };
    let (width, height) = if rotation % 180 == 90 { (height, width) } else { (width, height) };
    Size { width: even(width), height: even(height) }
}

/// The rungs of `profile` for a source that is shown at `source`, largest first. A source smaller than every rung gets one rung of its
/// own size. `copied` says that the source itself is the top rung, so that no encoded rung of (nearly) its size is needed.
#[must_use]
pub fn ladder(profile: &Profile, source: Size, copied: bool) -> Vec<LadderRung> {
    let short = source.short_side();
    let reached = |rung: &&RungProfile| rung.short_side <= short;
    let mut rungs: Vec<LadderRung> = profile
        .rungs
        .iter()
        .filter(reached)
        .filter(|rung| !(copied && alike(rung.short_side, short)))
        .map(|rung| LadderRung { size: shrink(source, rung.short_side), profile: rung.clone() })
        .collect();
    if let Some(top) = top_of_its_own(profile, source, copied, &rungs) {
        rungs.insert(0, top);
    }
    rungs
}

/// A source between two rungs of the profile keeps its own size as the top rung when nothing else comes near it.
fn top_of_its_own(
    profile: &Profile,
    source: Size,
    copied: bool,
    rungs: &[LadderRung],
) -> Option<LadderRung> {
    let short = source.short_side();
    let above = profile.rungs.iter().rfind(|rung| rung.short_side > short);
    let near = rungs.first().is_some_and(|rung| alike(rung.size.short_side(), short));
    if copied || near {
        return None;
    }
    // The parameters are those of the smallest rung that is larger: its peak rate is enough for this one.
    let profile = above?.clone();
    Some(LadderRung { size: source, profile })
}

/// Two short sides of which the smaller is at least 85 % of the larger show the same picture at a different cost.
fn alike(a: u32, b: u32) -> bool {
    let (small, large) = (a.min(b), a.max(b));
    u64::from(small) * 100 >= u64::from(large) * 85
}

/// The size with a short side of `short_side` pixels that has the shape of `source`.
pub(crate) fn shrink(source: Size, short_side: u32) -> Size {
    if source.width >= source.height {
        Size { width: even_scale(source.width, short_side, source.height), height: short_side }
    } else {
        Size { width: short_side, height: even_scale(source.height, short_side, source.width) }
    }
}

/// `length * numerator / denominator`, rounded to the nearest; `length` unchanged for a senseless ratio.
fn scale(length: u32, numerator: u32, denominator: u32) -> u32 {
    if numerator == 0 || denominator == 0 {
        return length;
    }
    let denominator = u64::from(denominator);
    let scaled = (u64::from(length) * u64::from(numerator) + denominator / 2) / denominator;
    u32::try_from(scaled).unwrap_or(length)
}

/// The even number nearest to `length * numerator / denominator`.
fn even_scale(length: u32, numerator: u32, denominator: u32) -> u32 {
    even(2 * scale(length, numerator, denominator.saturating_mul(2)))
}

fn even(length: u32) -> u32 {
    (length & !1).max(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(profile: &str, source: (u32, u32), copied: bool) -> Vec<(u32, u32)> {
        let profile = Profile::shipped(profile).unwrap().unwrap();
        let source = Size { width: source.0, height: source.1 };
        ladder(&profile, source, copied).iter().map(|r| (r.size.width, r.size.height)).collect()
    }

    #[test]
    fn pictures_are_shown_square_even_and_upright() {
        for (width, height, aspect, rotation, expected) in [
            (1280, 720, (1, 1), 0, (1280, 720)),
            (640, 322, (161, 160), 0, (640, 320)),
            (720, 576, (16, 15), 0, (720, 540)),
            (720, 480, (8, 9), 0, (640, 480)),
            (1920, 1080, (1, 1), 90, (1080, 1920)),
            (853, 481, (1, 1), 0, (852, 480)),
            (640, 480, (0, 1), 0, (640, 480)),
        ] {
            let size = display_size(width, height, aspect, rotation);
            assert_eq!(
                (size.width, size.height),
                expected,
                "{width}x{height} {aspect:?} {rotation}"
            );
        }
    }

    #[test]
    fn no_rung_is_larger_than_the_source_or_like_another() {
        assert_eq!(
            sizes("reference", (1920, 1080), false),
            [(1920, 1080), (1280, 720), (854, 480), (640, 360)]
        );
        assert_eq!(sizes("default", (1280, 720), true), [(854, 480), (640, 360), (416, 234)]);
        assert_eq!(sizes("reference", (1080, 1920), false)[1], (720, 1280), "portrait");
        assert_eq!(sizes("reference", (320, 240), false), [(320, 240)], "below every rung");
        assert_eq!(
            sizes("reference", (1706, 960), false)[..2],
            [(1706, 960), (1280, 720)],
            "between"
        );
        assert_eq!(sizes("default", (426, 240), true), [], "the copy is all it needs");
        assert_eq!(sizes("reference", (3840, 2160), false)[0], (1920, 1080), "above every rung");
    }

    #[test]
    fn each_profile_has_its_ladder() {
        let uhd_360 = [(3840, 1920), (2880, 1440), (1920, 960), (1280, 640)];
        for (profile, source, copied, expected) in [
            ("default", (1920, 1080), true, &[(1280, 720), (854, 480), (640, 360), (416, 234)][..]),
            ("quality", (1280, 720), false, &[(1280, 720), (854, 480), (640, 360), (416, 234)]),
            ("fast", (1920, 1080), true, &[(1280, 720), (640, 360)]),
            ("360", (3840, 1920), false, &uhd_360),
            ("360", (3840, 1920), true, &uhd_360[1..]),
            ("360", (7680, 3840), false, &uhd_360),
            ("360", (2048, 1024), true, &[(1280, 640)]),
            ("360", (2048, 1024), false, &[(1920, 960), (1280, 640)]),
            ("360", (640, 320), false, &[(640, 320)]),
            // 3x2 faces of a cubemap.
            ("360", (2880, 1920), false, &[(2880, 1920), (2160, 1440), (1440, 960), (960, 640)]),
        ] {
            assert_eq!(sizes(profile, source, copied), expected, "{profile} {source:?} {copied}");
        }
    }
}
