//! Where in a picture each eye finds its half.

use thiserror::Error;

use crate::PixelRect;

/// How the views of two eyes are packed into one picture: the modes 0 to 2 of the `st3d` box
/// (Spherical Video V2 RFC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StereoMode {
    /// One view for both eyes.
    Mono,
    /// The left eye's view in the upper half, the right eye's in the lower.
    TopBottom,
    /// The left eye's view in the left half, the right eye's in the right.
    SideBySide,
}

/// The part of a picture that each eye sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eyes {
    /// Both eyes see all of it.
    Mono(PixelRect),
    /// Each eye sees its own half; both are of one size.
    Stereo {
        /// The left eye's half.
        left: PixelRect,
        /// The right eye's half.
        right: PixelRect,
    },
}

/// Why a picture cannot be split into eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StereoError {
    /// The picture has no pixels.
    #[error("a picture of {width}x{height} is empty")]
    Empty {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// Half of the height is no whole number of 4:2:0 chroma rows.
    #[error("a top-bottom picture of {height} rows cannot be halved, they must be a multiple of 4")]
    Height {
        /// In pixels.
        height: u32,
    },
    /// Half of the width is no whole number of 4:2:0 chroma columns.
    #[error(
        "a side-by-side picture of {width} columns cannot be halved, they must be a multiple of 4"
    )]
    Width {
        /// In pixels.
        width: u32,
    },
}

impl StereoMode {
    /// Splits a picture, whose sizes are in luma pixels, so that the eyes share no pixel, of 4:2:0
    /// chroma neither.
    ///
    /// # Errors
    ///
    /// [`StereoError`] where that cannot be.
    pub fn eyes(self, width: u32, height: u32) -> Result<Eyes, StereoError> {
        if width == 0 || height == 0 {
            return Err(StereoError::Empty { width, height });
        }
        match self {
            Self::Mono => Ok(Eyes::Mono(PixelRect::new(0, 0, width, height))),
            Self::TopBottom if !height.is_multiple_of(4) => Err(StereoError::Height { height }),
            Self::TopBottom => Ok(Eyes::Stereo {
                left: PixelRect::new(0, 0, width, height / 2),
                right: PixelRect::new(0, height / 2, width, height / 2),
            }),
            Self::SideBySide if !width.is_multiple_of(4) => Err(StereoError::Width { width }),
            Self::SideBySide => Ok(Eyes::Stereo {
                left: PixelRect::new(0, 0, width / 2, height),
                right: PixelRect::new(width / 2, 0, width / 2, height),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_left_eye_is_above_or_on_the_left() {
        let cases = [
            (StereoMode::Mono, Eyes::Mono(PixelRect::new(0, 0, 3840, 1920))),
            (
                StereoMode::TopBottom,
                Eyes::Stereo {
                    left: PixelRect::new(0, 0, 3840, 960),
                    right: PixelRect::new(0, 960, 3840, 960),
                },
            ),
            (
                StereoMode::SideBySide,
                Eyes::Stereo {
                    left: PixelRect::new(0, 0, 1920, 1920),
                    right: PixelRect::new(1920, 0, 1920, 1920),
                },
            ),
        ];
        for (mode, eyes) in cases {
            assert_eq!(mode.eyes(3840, 1920), Ok(eyes), "{mode:?}");
        }
    }

    #[test]
    fn pictures_that_cannot_be_halved_are_refused() {
        let cases = [
            (StereoMode::Mono, 0, 4, StereoError::Empty { width: 0, height: 4 }),
            (StereoMode::TopBottom, 4, 0, StereoError::Empty { width: 4, height: 0 }),
            (StereoMode::TopBottom, 640, 322, StereoError::Height { height: 322 }),
            (StereoMode::SideBySide, 642, 320, StereoError::Width { width: 642 }),
        ];
        for (mode, width, height, error) in cases {
            assert_eq!(mode.eyes(width, height), Err(error), "{mode:?} {width}x{height}");
        }
    }

    #[test]
    fn only_the_side_that_is_halved_must_be_a_multiple_of_four() {
        let fine = [
            (StereoMode::Mono, 641, 321),
            (StereoMode::TopBottom, 642, 320),
            (StereoMode::SideBySide, 640, 322),
        ];
        for (mode, width, height) in fine {
            assert!(mode.eyes(width, height).is_ok(), "{mode:?} {width}x{height}");
        }
    }
}
