//! High dynamic range and the wide colours of BT.2020 as BT.709 of standard dynamic range.
//!
//! Light is brought to nits, its colours to BT.709's, its range to that of a display. The white of graphics, 203 cd/m2 (ITU-R BT.2408), is one;
//! what is darker than 0.3 of it stays as it is, and what is brighter is bent so that 1000 cd/m2 are white. The curve is the `mobius` of
//! FFmpeg's `tonemap`; the brightest of red, green and blue decides for all three, so that no colour changes.

use ffmpeg_next::format::Pixel;
use ffmpeg_next::{color, frame};
use job::colour::{Colour, Light};

use crate::MediaError;
use crate::scale::{Scaler, is_rgb};

/// Samples of the tables.
const STEPS: usize = 4096;
const LAST_STEP: f32 = 4095.0;
/// White of graphics, in cd/m2.
const WHITE: f64 = 203.0;
/// What becomes white, in cd/m2: the range of hybrid log-gamma, and what most high dynamic range is graded for.
const PEAK: f64 = 1000.0;
/// Above this part of white the curve bends.
const KNEE: f32 = 0.3;
/// Red and blue in luma (ITU-R BT.709).
const BT709: (f32, f32) = (0.2126, 0.0722);
/// From BT.2020's primaries to BT.709's (ITU-R BT.2087 with rounded numbers).
const TO_BT709: [[f32; 3]; 3] = [
    [1.660_491, -0.587_641, -0.072_850],
    [-0.124_550, 1.132_9, -0.008_349],
    [-0.018_151, -0.100_579, 1.118_73],
];

/// Converts pictures to 8-bit 4:2:0 of BT.709.
pub(super) struct ToneMap {
    scaler: Scaler,
    curves: Curves,
    output: frame::Video,
}

impl ToneMap {
    pub(super) fn new(source: Colour, width: u32, height: u32) -> Self {
        Self {
            scaler: Scaler::ten_bit(width, height),
            curves: Curves::new(source),
            output: frame::Video::new(Pixel::YUV420P, width, height),
        }
    }

    pub(super) fn run(
        &mut self,
        picture: &mut frame::Video,
    ) -> Result<&mut frame::Video, MediaError> {
        // Of these libswscale makes limited range.
        let is_converted = is_rgb(picture.format())
            || matches!(picture.format(), Pixel::YUVJ420P | Pixel::YUVJ422P | Pixel::YUVJ444P);
        let is_full = picture.color_range() == color::Range::JPEG && !is_converted;
        let picture = self.scaler.scale(picture)?;
        let range = if is_full { Range::FULL } else { Range::LIMITED };
        let mut rows = Rows::default();
        for y in 0..length(picture.plane_height(1)) {
            rows.convert(&self.curves, range, picture, y);
            for (plane, first, rows) in
                [(0, 2 * y, &rows.luma[..]), (1, y, &rows.chroma[..1]), (2, y, &rows.chroma[1..])]
            {
                let stride = self.output.stride(plane);
                let targets = self.output.data_mut(plane).chunks_mut(stride.max(1)).skip(first);
                for (row, target) in rows.iter().zip(targets) {
                    let count = row.len().min(target.len());
                    target[..count].copy_from_slice(&row[..count]);
                }
            }
        }
        self.output.set_color_range(color::Range::MPEG);
        Ok(&mut self.output)
    }
}

fn length(samples: u32) -> usize {
    usize::try_from(samples).unwrap_or(0)
}

/// A sample of 10 bits; 0 outside of the picture.
fn sample(picture: &frame::Video, plane: usize, x: usize, y: usize) -> u16 {
    let at = y * picture.stride(plane) + 2 * x;
    picture.data(plane).get(at..at + 2).map_or(0, |pair| u16::from_le_bytes([pair[0], pair[1]]))
}

/// Two rows of luma and one of each chroma.
#[derive(Default)]
struct Rows {
    luma: [Vec<u8>; 2],
    chroma: [Vec<u8>; 2],
}

impl Rows {
    fn convert(&mut self, curves: &Curves, range: Range, picture: &frame::Video, y: usize) {
        for row in self.luma.iter_mut().chain(&mut self.chroma) {
            row.clear();
        }
        for x in 0..length(picture.plane_width(1)) {
            let chroma = [1, 2].map(|plane| range.chroma(f32::from(sample(picture, plane, x, y))));
            let mut sums = [0.0; 2];
            for (row, luma) in self.luma.iter_mut().enumerate() {
                for column in 0..2 {
                    let level = sample(picture, 0, 2 * x + column, 2 * y + row);
                    let [level, cb, cr] = curves.convert(range.luma(f32::from(level)), chroma);
                    luma.push(byte(16.0 + 219.0 * level));
                    sums[0] += cb;
                    sums[1] += cr;
                }
            }
            for (sum, chroma) in sums.into_iter().zip(&mut self.chroma) {
                chroma.push(byte(128.0 + 224.0 * sum / 4.0));
            }
        }
    }
}

/// Which levels of 10 bits are black and white.
#[derive(Clone, Copy)]
struct Range {
    black: f32,
    luma: f32,
    chroma: f32,
}

impl Range {
    const LIMITED: Self = Self { black: 64.0, luma: 876.0, chroma: 896.0 };
    const FULL: Self = Self { black: 0.0, luma: 1023.0, chroma: 1023.0 };

    fn luma(self, level: f32) -> f32 {
        (level - self.black) / self.luma
    }

    fn chroma(self, level: f32) -> f32 {
        (level - 512.0) / self.chroma
    }
}

/// What is computed once for all pictures.
struct Curves {
    /// Red and blue in the source's luma.
    weights: (f32, f32),
    /// From a coded level to light, one being white.
    light: Vec<f32>,
    /// Of hybrid log-gamma: from the root of luminance to what a display multiplies light with.
    system: Option<Vec<f32>>,
    /// True for the primaries of BT.2020.
    is_wide: bool,
    /// The brightest light, one being white; none for standard dynamic range.
    peak: Option<f32>,
    /// From the root of light to a coded level.
    gamma: Vec<f32>,
}

impl Curves {
    fn new(source: Colour) -> Self {
        let light = source.light();
        let hlg =
            (light == Light::Hlg).then(|| table(|root| PEAK / WHITE * root.powi(2).powf(0.2)));
        let is_high = light != Light::Standard;
        Self {
            weights: match source.matrix {
                1 => BT709,
                5 | 6 => (0.299, 0.114),
                _ => (0.2627, 0.0593),
            },
            light: table(match light {
                Light::Standard => |level: f64| level.powf(2.4),
                Light::Pq => pq,
                Light::Hlg => hybrid_log_gamma,
            }),
            system: hlg,
            is_wide: source.primaries == 9,
            peak: is_high.then_some(narrow(PEAK / WHITE)),
            // As a display of standard range has it (ITU-R BT.1886).
            gamma: table(|root| root.powi(2).powf(1.0 / 2.4)),
        }
    }

    /// From luma and chroma, 0 to 1 and -0.5 to 0.5, to such of BT.709.
    fn convert(&self, luma: f32, [cb, cr]: [f32; 2]) -> [f32; 3] {
        let (red, blue) = self.weights;
        let green = 1.0 - red - blue;
        let r = luma + 2.0 * (1.0 - red) * cr;
        let b = luma + 2.0 * (1.0 - blue) * cb;
        let g = (luma - red * r - blue * b) / green;
        let mut light = [r, g, b].map(|level| look_up(&self.light, level));
        if let Some(system) = &self.system {
            let [r, g, b] = light;
            let factor = look_up(system, (red * r + green * g + blue * b).sqrt());
            light = light.map(|light| light * factor);
        }
        if self.is_wide {
            let [r, g, b] = light;
            light = TO_BT709.map(|row| row[0] * r + row[1] * g + row[2] * b);
        }
        if let Some(peak) = self.peak {
            let brightest = light.into_iter().fold(0.0, f32::max);
            let factor = if brightest > KNEE { bent(brightest, peak) / brightest } else { 1.0 };
            light = light.map(|light| light * factor);
        }
        let [r, g, b] = light.map(|light| look_up(&self.gamma, light.max(0.0).sqrt()));
        let (red, blue) = BT709;
        let luma = red * r + (1.0 - red - blue) * g + blue * b;
        [luma, (b - luma) / (2.0 * (1.0 - blue)), (r - luma) / (2.0 * (1.0 - red))]
    }
}

/// The curve above the knee: `peak` becomes 1.
fn bent(light: f32, peak: f32) -> f32 {
    let a = -KNEE * KNEE * (peak - 1.0) / (KNEE * KNEE - 2.0 * KNEE + peak);
    let b = (KNEE * KNEE - 2.0 * KNEE * peak + peak) / (peak - 1.0);
    (b * b + 2.0 * b * KNEE + KNEE * KNEE) / (b - a) * (light + a) / (light + b)
}

/// SMPTE ST 2084, equation 4.1.
fn pq(level: f64) -> f64 {
    let root = level.powf(4096.0 / (2523.0 * 128.0));
    let (c1, c2, c3) = (3424.0 / 4096.0, 2413.0 / 128.0, 2392.0 / 128.0);
    10_000.0 / WHITE * ((root - c1).max(0.0) / (c2 - c3 * root)).powf(16_384.0 / 2610.0)
}

/// The light of the scene (ITU-R BT.2100, table 5).
fn hybrid_log_gamma(level: f64) -> f64 {
    if level <= 0.5 {
        return level * level / 3.0;
    }
    (((level - 0.559_910_73) / 0.178_832_77).exp() + 0.284_668_92) / 12.0
}

/// A function of 0 to 1.
fn table(function: impl Fn(f64) -> f64) -> Vec<f32> {
    let steps = u16::try_from(STEPS).unwrap_or(u16::MAX);
    (0..steps).map(|step| narrow(function(f64::from(step) / f64::from(LAST_STEP)))).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "six digits are more than a picture has")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is from 0 to the table's length, and what is no number becomes 0"
)]
fn look_up(table: &[f32], at: f32) -> f32 {
    let step = (at.clamp(0.0, 1.0) * LAST_STEP + 0.5) as usize;
    table.get(step).copied().unwrap_or(0.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is from 0 to 255, and what is no number becomes 0"
)]
fn byte(level: f32) -> u8 {
    (level.clamp(0.0, 255.0) + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const HDR10: Colour = Colour { primaries: 9, transfer: 16, matrix: 9 };
    const HLG: Colour = Colour { primaries: 9, transfer: 18, matrix: 9 };
    const WIDE: Colour = Colour { primaries: 9, transfer: 14, matrix: 9 };

    #[track_caller]
    fn is_near(found: f32, expected: f32) {
        assert!((found - expected).abs() < 0.01, "{found}, not {expected}");
    }

    #[test]
    fn black_white_and_the_white_of_graphics_are_where_they_belong() {
        // The levels at which ITU-R BT.2408 has 203 cd/m2, and where each has 1000.
        for (source, graphics, peak) in [(HDR10, 0.58, 0.752), (HLG, 0.75, 1.0)] {
            let curves = Curves::new(source);
            let grey = |level: f32| curves.convert(level, [0.0, 0.0]);
            is_near(grey(0.0)[0], 0.0);
            is_near(grey(peak)[0], 1.0);
            // 0.68 of white's light, by the curve.
            is_near(grey(graphics)[0], 0.85);
            for level in [0.1, 0.3, 0.5, 0.7] {
                let [_, cb, cr] = grey(level);
                is_near(cb, 0.0);
                is_near(cr, 0.0);
            }
        }
        is_near(Curves::new(WIDE).convert(0.5, [0.0, 0.0])[0], 0.5);
    }

    #[test]
    fn brighter_light_is_never_darker() {
        for source in [HDR10, HLG, WIDE] {
            let curves = Curves::new(source);
            let levels: Vec<f32> =
                (0_u8..=100).map(|n| curves.convert(f32::from(n) / 100.0, [0.0; 2])[0]).collect();
            assert!(levels.is_sorted(), "{source:?}: {levels:?}");
        }
    }
}
