//! Turning pictures upright that a camera recorded lying on its side, by whole quarter turns.

use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;

use crate::MediaError;
use crate::scale::Scaler;

/// Makes upright pictures, 8-bit 4:2:0 with square pixels.
pub struct Upright {
    /// Clockwise, in degrees.
    rotation: u16,
    scaler: Scaler,
    output: frame::Video,
}

impl Upright {
    /// For pictures that are `width` x `height` after being turned clockwise by `rotation` degrees: 90, 180 or 270.
    #[must_use]
    pub fn new(width: u32, height: u32, rotation: u16) -> Self {
        let lying = if rotation == 180 { (width, height) } else { (height, width) };
        let output = frame::Video::new(Pixel::YUV420P, width, height);
        Self { rotation, scaler: Scaler::new(lying.0, lying.1), output }
    }

    /// The picture, upright.
    ///
    /// # Errors
    /// If libswscale cannot convert such a picture.
    pub fn turn(&mut self, picture: &mut frame::Video) -> Result<&mut frame::Video, MediaError> {
        let lying = self.scaler.scale(picture)?;
        for plane in 0..3 {
            let from = Plane {
                samples: lying.data(plane),
                stride: lying.stride(plane),
                width: length(lying.plane_width(plane)),
                height: length(lying.plane_height(plane)),
            };
            let stride = self.output.stride(plane);
            from.turn(self.rotation, self.output.data_mut(plane), stride);
        }
        self.output.set_color_space(lying.color_space());
        self.output.set_color_primaries(lying.color_primaries());
        self.output.set_color_transfer_characteristic(lying.color_transfer_characteristic());
        Ok(&mut self.output)
    }
}

fn length(samples: u32) -> usize {
    usize::try_from(samples).unwrap_or(0)
}

/// One plane of a picture.
struct Plane<'a> {
    samples: &'a [u8],
    /// Bytes from one row to the next.
    stride: usize,
    width: usize,
    height: usize,
}

impl Plane<'_> {
    /// Writes the plane, turned clockwise, into rows that are `stride` bytes apart.
    fn turn(&self, rotation: u16, target: &mut [u8], stride: usize) {
        let columns = if rotation == 180 { self.width } else { self.height };
        for (y, row) in target.chunks_mut(stride).enumerate() {
            for (x, sample) in row.iter_mut().take(columns).enumerate() {
                let (from_x, from_y) = match rotation {
                    90 => (y, self.height.wrapping_sub(1 + x)),
                    180 => (self.width.wrapping_sub(1 + x), self.height.wrapping_sub(1 + y)),
                    _ => (self.width.wrapping_sub(1 + y), x),
                };
                if from_x < self.width && from_y < self.height {
                    *sample = self.samples[from_y * self.stride + from_x];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_turn_clockwise() {
        // Three columns, two rows, one byte of padding in each row.
        let plane = Plane { samples: &[1, 2, 3, 0, 4, 5, 6, 0], stride: 4, width: 3, height: 2 };
        for (rotation, stride, expected) in [
            (90, 2, vec![4, 1, 5, 2, 6, 3]),
            (180, 3, vec![6, 5, 4, 3, 2, 1]),
            (270, 2, vec![3, 6, 2, 5, 1, 4]),
        ] {
            let mut target = vec![0; 6];
            plane.turn(rotation, &mut target, stride);
            assert_eq!(target, expected, "{rotation} degrees");
        }
    }
}
