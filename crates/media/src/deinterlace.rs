//! Frames of two fields become frames of one time. A display shows both fields of a frame at once, and what moved between them as a comb.

use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;

/// Keeps the earlier field of each frame and fills in the lines of the other as yadif does (<https://avisynth.nl/index.php/Yadif>): where
/// nothing moves, from that field; where something does, along the edges of the picture. As many frames come out as go in, each at its time.
///
/// What moves is told from the frame before, which needs no frame to be held back until the next one is there.
#[derive(Default)]
pub struct Deinterlacer {
    former: Option<frame::Video>,
}

impl Deinterlacer {
    /// Replaces a frame of two fields by one of a single time; all others stay as they are.
    pub fn run(&mut self, picture: &mut frame::Video) {
        let Some(sample) = Sample::of(picture.format()).filter(|_| picture.is_interlaced()) else {
            self.former = None;
            return;
        };
        let alike = |former: &frame::Video| {
            (former.format(), former.width(), former.height())
                == (picture.format(), picture.width(), picture.height())
        };
        let former = self.former.take().filter(alike);
        let mut output = frame::Video::new(picture.format(), picture.width(), picture.height());
        let kept = usize::from(!picture.is_top_first());
        for plane in 0..picture.planes() {
            let current = Plane::of(picture, plane, sample);
            let former = former.as_ref().map(|former| Plane::of(former, plane, sample));
            let stride = output.stride(plane);
            fill(current, former, kept, output.data_mut(plane), stride);
        }
        output.set_pts(picture.pts());
        output.set_color_range(picture.color_range());
        output.set_color_space(picture.color_space());
        output.set_color_primaries(picture.color_primaries());
        output.set_color_transfer_characteristic(picture.color_transfer_characteristic());
        self.former = Some(std::mem::replace(picture, output));
    }
}

/// How a sample is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sample {
    Byte,
    /// Two bytes, the less significant one first.
    Word,
}

impl Sample {
    /// That of the planar formats that decoders give out.
    fn of(format: Pixel) -> Option<Self> {
        match format {
            Pixel::YUV420P
            | Pixel::YUV422P
            | Pixel::YUV444P
            | Pixel::YUVJ420P
            | Pixel::YUVJ422P
            | Pixel::YUVJ444P
            | Pixel::GRAY8 => Some(Self::Byte),
            Pixel::YUV420P10LE | Pixel::YUV422P10LE | Pixel::YUV444P10LE => Some(Self::Word),
            _ => None,
        }
    }
}

/// One plane of a picture.
#[derive(Clone, Copy)]
struct Plane<'a> {
    bytes: &'a [u8],
    /// Bytes from one row to the next.
    stride: usize,
    /// Samples in a row.
    width: usize,
    height: usize,
    sample: Sample,
}

impl<'a> Plane<'a> {
    fn of(picture: &'a frame::Video, plane: usize, sample: Sample) -> Self {
        let length = |samples: u32| usize::try_from(samples).unwrap_or(0);
        Self {
            bytes: picture.data(plane),
            stride: picture.stride(plane),
            width: length(picture.plane_width(plane)),
            height: length(picture.plane_height(plane)),
            sample,
        }
    }

    /// The bytes of a row without its padding; empty if there is no such row.
    fn row(self, y: usize) -> &'a [u8] {
        let length = match self.sample {
            Sample::Byte => self.width,
            Sample::Word => self.width * 2,
        };
        let start = y.saturating_mul(self.stride);
        self.bytes.get(start..start + length).unwrap_or_default()
    }

    /// The samples of a row.
    fn samples(self, y: usize, row: &mut Vec<i32>) {
        row.clear();
        let bytes = self.row(y);
        match self.sample {
            Sample::Byte => row.extend(bytes.iter().copied().map(i32::from)),
            Sample::Word => row.extend(
                bytes.chunks_exact(2).map(|pair| i32::from(u16::from_le_bytes([pair[0], pair[1]]))),
            ),
        }
    }
}

/// Writes a plane into rows that are `stride` bytes apart: the lines of the field `kept` (0 is the upper) as they are, those of the other
/// filled in.
fn fill(
    current: Plane<'_>,
    former: Option<Plane<'_>>,
    kept: usize,
    target: &mut [u8],
    stride: usize,
) {
    let mut lines = Lines::default();
    for (y, target) in target.chunks_mut(stride.max(1)).enumerate().take(current.height) {
        if y % 2 == kept || current.height < 2 {
            let row = current.row(y);
            target[..row.len()].copy_from_slice(row);
            continue;
        }
        lines.load(current, former, y);
        for x in 0..current.width {
            let sample = lines.filled(x);
            match current.sample {
                Sample::Byte => target[x] = u8::try_from(sample).unwrap_or(u8::MAX),
                Sample::Word => {
                    let sample = u16::try_from(sample).unwrap_or(u16::MAX);
                    target[2 * x..2 * x + 2].copy_from_slice(&sample.to_le_bytes());
                }
            }
        }
    }
}

/// Lines around one that is filled in.
#[derive(Default)]
struct Lines {
    current: Neighbours,
    former: Neighbours,
    has_former: bool,
    /// Two lines above and below are in the picture.
    is_inside: bool,
}

#[derive(Default)]
struct Neighbours {
    two_above: Vec<i32>,
    above: Vec<i32>,
    here: Vec<i32>,
    below: Vec<i32>,
    two_below: Vec<i32>,
}

impl Neighbours {
    fn load(&mut self, plane: Plane<'_>, y: usize) {
        let above = y.checked_sub(1).unwrap_or(y + 1);
        let below = if y + 1 < plane.height { y + 1 } else { above };
        plane.samples(y.saturating_sub(2), &mut self.two_above);
        plane.samples(above, &mut self.above);
        plane.samples(y, &mut self.here);
        plane.samples(below, &mut self.below);
        plane.samples((y + 2).min(plane.height - 1), &mut self.two_below);
    }
}

impl Lines {
    fn load(&mut self, current: Plane<'_>, former: Option<Plane<'_>>, y: usize) {
        self.current.load(current, y);
        if let Some(former) = former {
            self.former.load(former, y);
        }
        self.has_former = former.is_some();
        self.is_inside = y >= 2 && y + 2 < current.height;
    }

    fn filled(&self, x: usize) -> i32 {
        let spatial = self.along_edges(x);
        if !self.has_former {
            return spatial;
        }
        let (now, before) = (&self.current, &self.former);
        let (above, below) = (now.above[x], now.below[x]);
        // The other field was seen half a frame earlier and half a frame later.
        let other = i32::midpoint(before.here[x], now.here[x]);
        let of_other = (before.here[x] - now.here[x]).abs() / 2;
        let of_kept =
            i32::midpoint((before.above[x] - above).abs(), (before.below[x] - below).abs());
        let mut moved = of_other.max(of_kept);
        if self.is_inside {
            let two_above = i32::midpoint(before.two_above[x], now.two_above[x]) - above;
            let two_below = i32::midpoint(before.two_below[x], now.two_below[x]) - below;
            let (upwards, downwards) = (other - above, other - below);
            let most = downwards.max(upwards).max(two_above.min(two_below));
            let least = downwards.min(upwards).min(two_above.max(two_below));
            moved = moved.max(least).max(-most);
        }
        spatial.clamp(other - moved, other + moved)
    }

    /// From the lines above and below, in the direction in which they differ least.
    fn along_edges(&self, x: usize) -> i32 {
        let (above, below) = (&self.current.above, &self.current.below);
        let straight = i32::midpoint(above[x], below[x]);
        if x < 3 || x + 3 >= above.len() {
            return straight;
        }
        // `slope` samples to the right above, and as many to the left below.
        let differs = |slope: isize| -> i32 {
            let pairs = (x - 1..=x + 1).map(|x| {
                (above[x.wrapping_add_signed(slope)] - below[x.wrapping_add_signed(-slope)]).abs()
            });
            pairs.sum()
        };
        let mut best = (differs(0) - 1, straight);
        for side in [-1, 1] {
            for slope in [side, 2 * side] {
                let differs = differs(slope);
                if differs >= best.0 {
                    break;
                }
                let (up, down) = (x.wrapping_add_signed(slope), x.wrapping_add_signed(-slope));
                best = (differs, i32::midpoint(above[up], below[down]));
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: u32 = 32;
    const HEIGHT: u32 = 16;

    /// Fields of one moment each, of a bar at some column: the upper one first.
    fn fields(upper: usize, lower: usize) -> frame::Video {
        let mut picture = frame::Video::new(Pixel::GRAY8, WIDTH, HEIGHT);
        let stride = picture.stride(0);
        for (y, row) in picture.data_mut(0).chunks_mut(stride).enumerate() {
            let bar = if y % 2 == 0 { upper } else { lower };
            row.fill(16);
            row[bar..bar + 4].fill(200);
        }
        picture
    }

    fn rows(picture: &frame::Video) -> Vec<Vec<u8>> {
        let width = usize::try_from(WIDTH).unwrap();
        let rows = picture.data(0).chunks(picture.stride(0));
        rows.take(usize::try_from(HEIGHT).unwrap()).map(|row| row[..width].to_vec()).collect()
    }

    fn filled(current: &frame::Video, former: Option<&frame::Video>) -> Vec<Vec<u8>> {
        let plane = |picture| Plane::of(picture, 0, Sample::Byte);
        let mut output = frame::Video::new(Pixel::GRAY8, WIDTH, HEIGHT);
        let stride = output.stride(0);
        fill(plane(current), former.map(plane), 0, output.data_mut(0), stride);
        rows(&output)
    }

    #[test]
    fn what_moves_shows_no_comb() {
        let (former, current) = (fields(4, 8), fields(12, 16));
        let still = rows(&fields(12, 12));
        assert_eq!(filled(&current, Some(&former)), still);
        assert_eq!(filled(&current, None), still, "nor in the first frame");
    }

    #[test]
    fn what_rests_keeps_its_lines() {
        let mut stripes = fields(4, 4);
        let stride = stripes.stride(0);
        for (y, row) in stripes.data_mut(0).chunks_mut(stride).enumerate() {
            row.fill(if y == 7 { 200 } else { 16 });
        }
        assert_eq!(filled(&stripes, Some(&stripes)), rows(&stripes));
    }

    #[test]
    fn progressive_frames_stay_as_they_are() {
        let mut picture = fields(4, 20);
        let before = rows(&picture);
        Deinterlacer::default().run(&mut picture);
        assert_eq!(rows(&picture), before);
    }
}
