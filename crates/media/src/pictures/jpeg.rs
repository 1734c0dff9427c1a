//! A JPEG file as JFIF has it: ITU-R BT.601, full range, 4:2:0, encoded to the same bytes on every machine of the same architecture.

use ffmpeg_next::codec::{self, Flags, Id, encoder, threading};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Dictionary, Error, Packet, Rational, color, frame};
use job::ladder::Size;

use crate::{MediaError, ffi};

/// FFmpeg's quantiser scale for JPEG, 2 (best) to 31: about quality 85 of 100 where that is the scale.
const QUANTISER: u16 = 4;
/// Black luma, and chroma without colour.
const BLACK: [u8; 3] = [0, 128, 128];

/// A picture that others are drawn into; black where nothing was drawn.
pub(super) struct Canvas(frame::Video);

impl Canvas {
    pub(super) fn new(size: Size) -> Self {
        let mut picture = frame::Video::new(Pixel::YUVJ420P, size.width, size.height);
        for (plane, level) in BLACK.into_iter().enumerate() {
            picture.data_mut(plane).fill(level);
        }
        Self(picture)
    }

    /// Draws a picture, 8-bit 4:2:0 of limited range, with its left upper corner at even coordinates.
    pub(super) fn draw(&mut self, picture: &frame::Video, matrix: Matrix, (left, top): (u32, u32)) {
        let (left, top) = (length(left), length(top));
        let chroma = || {
            let pairs = rows(picture, 1).zip(rows(picture, 2));
            pairs.map(|(cb, cr)| move |x: usize| Chroma::at(cb, cr, x))
        };
        let twice = chroma().flat_map(|row| [row, row]);
        for ((luma, chroma), target) in rows(picture, 0).zip(twice).zip(self.rows(0, left, top)) {
            for ((x, target), luma) in target.iter_mut().enumerate().zip(luma) {
                *target = matrix.luma(*luma, chroma(x / 2));
            }
        }
        let width = length(picture.plane_width(1));
        for (chroma, target) in chroma().zip(self.rows(1, left / 2, top / 2)) {
            for (x, target) in target.iter_mut().enumerate().take(width) {
                *target = matrix.cb(chroma(x));
            }
        }
        for (chroma, target) in chroma().zip(self.rows(2, left / 2, top / 2)) {
            for (x, target) in target.iter_mut().enumerate().take(width) {
                *target = matrix.cr(chroma(x));
            }
        }
    }

    /// The rows of a plane from a place on, to their ends.
    fn rows(&mut self, plane: usize, left: usize, top: usize) -> impl Iterator<Item = &mut [u8]> {
        let (stride, width) = (self.0.stride(plane), length(self.0.plane_width(plane)));
        let rows = self.0.data_mut(plane).chunks_mut(stride.max(1)).skip(top);
        rows.filter_map(move |row| row.get_mut(left..width))
    }

    /// The file's bytes.
    pub(super) fn encode(mut self) -> Result<Vec<u8>, MediaError> {
        let codec = encoder::find(Id::MJPEG)
            .ok_or(Error::EncoderNotFound)
            .map_err(MediaError::ffmpeg("finding the JPEG encoder"))?;
        let mut context = codec::Context::new_with_codec(codec);
        context.set_threading(threading::Config { count: 1, ..threading::Config::default() });
        context.set_flags(Flags::QSCALE | Flags::BITEXACT);
        let preparing = MediaError::ffmpeg("preparing the JPEG encoder");
        let mut video = context.encoder().video().map_err(preparing)?;
        video.set_width(self.0.width());
        video.set_height(self.0.height());
        video.set_format(Pixel::YUVJ420P);
        video.set_color_range(color::Range::JPEG);
        video.set_time_base(Rational(1, 1));
        let mut options = Dictionary::new();
        // The default depends on the CPU's features, and so would the bytes.
        options.set("dct", "int");
        let opening = MediaError::ffmpeg("opening the JPEG encoder");
        let mut encoder = video.open_as_with(codec, options).map_err(opening)?;
        self.0.set_color_range(color::Range::JPEG);
        self.0.set_pts(Some(0));
        ffi::set_quantiser(&mut self.0, QUANTISER);
        let encoding = MediaError::ffmpeg("encoding a JPEG picture");
        encoder.send_frame(&self.0).map_err(&encoding)?;
        encoder.send_eof().map_err(&encoding)?;
        let mut packet = Packet::empty();
        encoder.receive_packet(&mut packet).map_err(&encoding)?;
        Ok(packet.data().unwrap_or_default().to_vec())
    }
}

fn length(samples: u32) -> usize {
    usize::try_from(samples).unwrap_or(0)
}

/// The rows of a plane without their padding.
fn rows(picture: &frame::Video, plane: usize) -> impl Iterator<Item = &[u8]> {
    let (width, height) = (picture.plane_width(plane), picture.plane_height(plane));
    let rows = picture.data(plane).chunks(picture.stride(plane).max(1)).take(length(height));
    rows.filter_map(move |row| row.get(..length(width)))
}

/// Chroma from its middle.
#[derive(Clone, Copy)]
struct Chroma {
    cb: i32,
    cr: i32,
}

impl Chroma {
    fn at(cb: &[u8], cr: &[u8], x: usize) -> Self {
        let level = |row: &[u8]| row.get(x).map_or(0, |level| i32::from(*level) - 128);
        Self { cb: level(cb), cr: level(cr) }
    }
}

/// From a picture's colours of limited range to BT.601 of full range, in units of 2^-16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Matrix {
    /// What Cb and Cr add to each.
    luma: (i32, i32),
    cb: (i32, i32),
    cr: (i32, i32),
}

/// 255 / 219.
const LUMA_RANGE: i32 = 76_309;
/// Only the range changes: 255 / 224.
const BT601: Matrix = Matrix { luma: (0, 0), cb: (74_606, 0), cr: (0, 74_606) };
/// From BT.709's primaries' weights (0.2126, 0.0722) to BT.601's (0.299, 0.114).
const BT709: Matrix = Matrix { luma: (7578, 14_628), cb: (73_849, -8255), cr: (-5405, 73_367) };
/// Pictures with this short side and more are taken for BT.709 where nothing says what they are, as players do.
const HIGH_DEFINITION: u32 = 720;

impl Matrix {
    /// For the colours of a picture as it was decoded, before it became smaller.
    pub(super) fn of(decoded: &frame::Video) -> Self {
        use color::Space;
        let short_side = decoded.width().min(decoded.height());
        match decoded.color_space() {
            // What is RGB was made BT.601 on the way here.
            Space::BT470BG | Space::SMPTE170M | Space::FCC | Space::RGB => BT601,
            Space::Unspecified if short_side < HIGH_DEFINITION => BT601,
            // BT.2020 is much nearer to BT.709 than to BT.601.
            _ => BT709,
        }
    }

    fn luma(self, luma: u8, chroma: Chroma) -> u8 {
        level((i32::from(luma) - 16) * LUMA_RANGE + weigh(self.luma, chroma))
    }

    fn cb(self, chroma: Chroma) -> u8 {
        level((128 << 16) + weigh(self.cb, chroma))
    }

    fn cr(self, chroma: Chroma) -> u8 {
        level((128 << 16) + weigh(self.cr, chroma))
    }
}

fn weigh(weights: (i32, i32), chroma: Chroma) -> i32 {
    weights.0 * chroma.cb + weights.1 * chroma.cr
}

/// Rounded to the nearest level that there is.
fn level(value: i32) -> u8 {
    u8::try_from(((value + (1 << 15)) >> 16).clamp(0, 255)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 32, height: 16 };

    /// A picture of one colour, limited range.
    fn plain(size: Size, levels: [u8; 3]) -> frame::Video {
        let mut picture = frame::Video::new(Pixel::YUV420P, size.width, size.height);
        for (plane, level) in levels.into_iter().enumerate() {
            picture.data_mut(plane).fill(level);
        }
        picture
    }

    fn levels(canvas: &Canvas, x: usize, y: usize) -> [u8; 3] {
        let level =
            |plane: usize, x: usize, y: usize| canvas.0.data(plane)[y * canvas.0.stride(plane) + x];
        [level(0, x, y), level(1, x / 2, y / 2), level(2, x / 2, y / 2)]
    }

    #[test]
    fn colours_become_those_of_jfif() {
        for (name, matrix, from, expected) in [
            ("black", BT601, [16, 128, 128], [0, 128, 128]),
            ("white", BT709, [235, 128, 128], [255, 128, 128]),
            ("red of BT.601", BT601, [81, 90, 240], [76, 85, 255]),
            ("red of BT.709", BT709, [63, 102, 240], [76, 85, 255]),
            ("blue of BT.709", BT709, [32, 240, 118], [29, 255, 107]),
            ("beyond the range", BT601, [255, 0, 255], [255, 0, 255]),
        ] {
            let mut canvas = Canvas::new(SIZE);
            canvas.draw(&plain(SIZE, from), matrix, (0, 0));
            let found = levels(&canvas, 31, 15);
            // The levels that go in are rounded, too.
            let is_near =
                found.iter().zip(expected).all(|(found, level)| found.abs_diff(level) <= 1);
            assert!(is_near, "{name}: {found:?}, not {expected:?}");
        }
    }

    #[test]
    fn a_picture_is_drawn_at_its_place_and_nowhere_else() {
        let mut canvas = Canvas::new(SIZE);
        let white = plain(Size { width: 6, height: 4 }, [235, 128, 128]);
        canvas.draw(&white, BT601, (8, 2));
        for y in 0..16 {
            for x in 0..32 {
                let inside = (8..14).contains(&x) && (2..6).contains(&y);
                assert_eq!(levels(&canvas, x, y)[0], if inside { 255 } else { 0 }, "{x}, {y}");
            }
        }
        // What lies beyond the edge is cut.
        canvas.draw(&white, BT601, (30, 14));
        assert_eq!(levels(&canvas, 31, 15)[0], 255);
        canvas.draw(&white, BT601, (40, 40));
    }

    #[test]
    fn the_source_says_what_its_colours_are() {
        for (width, height, space, expected) in [
            (1920, 1080, color::Space::Unspecified, BT709),
            (1080, 1920, color::Space::Unspecified, BT709),
            (854, 480, color::Space::Unspecified, BT601),
            (854, 480, color::Space::BT709, BT709),
            (1920, 1080, color::Space::SMPTE170M, BT601),
        ] {
            let mut picture = frame::Video::new(Pixel::YUV420P, width, height);
            picture.set_color_space(space);
            assert_eq!(Matrix::of(&picture), expected, "{width}x{height} {space:?}");
        }
    }

    #[test]
    fn the_same_picture_is_the_same_file() {
        let file = || {
            let mut canvas = Canvas::new(SIZE);
            canvas.draw(&plain(Size { width: 10, height: 10 }, [100, 60, 200]), BT709, (4, 4));
            canvas.encode().unwrap()
        };
        let bytes = file();
        assert!(bytes.starts_with(&[0xff, 0xd8, 0xff]) && bytes.ends_with(&[0xff, 0xd9]));
        assert_eq!(bytes, file());
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("Lavc"), "no version of a library in it");
    }
}
