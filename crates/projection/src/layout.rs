//! The sheet: a picture with the six faces of a cube in three columns and two rows.

use thiserror::Error;

use crate::{Face, FaceOrder, PixelPosition, PixelRect, Uv};

/// Sizes of faces are multiples of this many pixels, so that no macroblock (16x16 in H.264) holds
/// parts of two faces.
pub const FACE_SIZE_STEP: u32 = 16;

/// Padding on each side of a face, in pixels, where nothing else is asked for: more than bilinear
/// sampling of 4:2:0 chroma (2 luma pixels) and H.264's deblocking (3) reach over an edge.
pub const DEFAULT_PADDING: u32 = 8;

const COLUMNS: u32 = 3;
const ROWS: u32 = 2;

/// Where the faces stand on a sheet and which position of the sheet shows which part of which face.
///
/// All faces are squares of one size. The padding is part of a face's square, on each of its four
/// sides, and shows what lies beyond the face's edge. A sheet is what one eye sees: a stereo
/// picture is two sheets, see [`StereoMode`](crate::StereoMode).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CubeLayout {
    order: FaceOrder,
    face_size: u32,
    padding: u32,
}

/// Why there is no such sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LayoutError {
    /// Faces must be a positive multiple of [`FACE_SIZE_STEP`].
    #[error("a face of {face_size} pixels is not a positive multiple of {FACE_SIZE_STEP}")]
    FaceSize {
        /// Edge of a face with its padding, in pixels.
        face_size: u32,
    },
    /// The width of the sheet cannot be counted in 32 bits.
    #[error("three faces of {face_size} pixels side by side are too wide for a picture")]
    TooLarge {
        /// Edge of a face with its padding, in pixels.
        face_size: u32,
    },
    /// With odd padding the edge of a face would lie within a pixel of 4:2:0 chroma.
    #[error("a padding of {padding} pixels is odd, it must be even")]
    OddPadding {
        /// Padding on each side of a face, in pixels.
        padding: u32,
    },
    /// The padding takes half of the face or more, in width: the equi-angular cubemap would reach
    /// the plane through the viewer, where its projection ends.
    #[error(
        "a padding of {padding} pixels on each side takes half of a face of {face_size} pixels, it \
         must be less than a quarter of the face"
    )]
    PaddingTooLarge {
        /// Padding on each side of a face, in pixels.
        padding: u32,
        /// Edge of a face with its padding, in pixels.
        face_size: u32,
    },
}

impl CubeLayout {
    /// A sheet of faces `face_size` pixels wide and high, of which `padding` pixels on each side
    /// are padding (0 is allowed; see [`DEFAULT_PADDING`]).
    ///
    /// # Errors
    ///
    /// [`LayoutError`] where such a sheet cannot be or cannot be coded well in 4:2:0.
    pub fn new(order: FaceOrder, face_size: u32, padding: u32) -> Result<Self, LayoutError> {
        if face_size == 0 || !face_size.is_multiple_of(FACE_SIZE_STEP) {
            return Err(LayoutError::FaceSize { face_size });
        }
        if face_size.checked_mul(COLUMNS).is_none() {
            return Err(LayoutError::TooLarge { face_size });
        }
        if !padding.is_multiple_of(2) {
            return Err(LayoutError::OddPadding { padding });
        }
        if padding >= face_size / 4 {
            return Err(LayoutError::PaddingTooLarge { padding, face_size });
        }
        Ok(Self { order, face_size, padding })
    }

    /// Width of the sheet in pixels.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.face_size * COLUMNS
    }

    /// Height of the sheet in pixels.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.face_size * ROWS
    }

    /// Padding on each side of each face, in pixels.
    #[must_use]
    pub const fn padding(&self) -> u32 {
        self.padding
    }

    /// The square in which a face stands, padding included.
    #[must_use]
    pub const fn padded_rect(&self, face: Face) -> PixelRect {
        let place = self.order.place(face);
        let (left, top) = (place.column * self.face_size, place.row * self.face_size);
        PixelRect::new(left, top, self.face_size, self.face_size)
    }

    /// The square that shows the face itself, without its padding.
    #[must_use]
    pub const fn face_rect(&self, face: Face) -> PixelRect {
        let padded = self.padded_rect(face);
        let size = self.face_size - 2 * self.padding;
        PixelRect::new(padded.left() + self.padding, padded.top() + self.padding, size, size)
    }

    /// What a position of the sheet shows: the face and where on it, upright. In the padding the
    /// face is the one that the padding belongs to, and a coordinate lies outside `0..=1`. `None`
    /// outside the sheet.
    #[must_use]
    pub fn locate(&self, position: PixelPosition) -> Option<(Face, Uv)> {
        let holds_position = |face: &Face| self.padded_rect(*face).contains(position);
        let face = Face::ALL.into_iter().find(holds_position)?;
        let drawn = self.face_rect(face).uv_at(position);
        Some((face, self.order.place(face).turn.turn_back(drawn)))
    }

    /// Where the sheet shows a place of a face; what [`locate`](Self::locate) does, undone.
    #[must_use]
    pub fn position_of(&self, face: Face, upright: Uv) -> PixelPosition {
        let drawn = self.order.place(face).turn.turn(upright);
        self.face_rect(face).position_of(drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_stand_in_their_places() {
        let layout = CubeLayout::new(FaceOrder::RLUDFB, 960, DEFAULT_PADDING).unwrap();
        assert_eq!((layout.width(), layout.height()), (2880, 1920));
        let cases = [
            (Face::Right, 0, 0),
            (Face::Left, 960, 0),
            (Face::Up, 1920, 0),
            (Face::Down, 0, 960),
            (Face::Front, 960, 960),
            (Face::Back, 1920, 960),
        ];
        for (face, left, top) in cases {
            assert_eq!(layout.padded_rect(face), PixelRect::new(left, top, 960, 960), "{face:?}");
            let inner = PixelRect::new(left + 8, top + 8, 944, 944);
            assert_eq!(layout.face_rect(face), inner, "{face:?}");
        }
    }

    #[test]
    fn padding_lies_outside_the_unit_square_of_its_face() {
        let layout = CubeLayout::new(FaceOrder::RLUDFB, 64, 8).unwrap();
        // The faces are 48 pixels wide, so a padding pixel is a 48th.
        let cases = [
            ((8, 8), Face::Right, (0.5, 0.5)),
            ((0, 8), Face::Right, (-7.5, 0.5)),
            ((63, 63), Face::Right, (55.5, 55.5)),
            ((64, 63), Face::Left, (-7.5, 55.5)),
            ((127, 64), Face::Front, (55.5, -7.5)),
        ];
        for ((column, row), face, (across, down)) in cases {
            let (found, uv) = layout.locate(PixelPosition::centre_of(column, row)).unwrap();
            assert_eq!(found, face, "({column}, {row})");
            assert!((uv.u * 48.0 - across).abs() < 1e-12, "({column}, {row}): {uv:?}");
            assert!((uv.v * 48.0 - down).abs() < 1e-12, "({column}, {row}): {uv:?}");
        }
    }

    #[test]
    fn beyond_the_sheet_there_is_no_face() {
        let layout = CubeLayout::new(FaceOrder::RLUDFB, 16, 0).unwrap();
        for (x, y) in [(-0.001, 5.0), (48.0, 5.0), (5.0, 32.0), (5.0, -0.001), (f64::NAN, 5.0)] {
            assert_eq!(layout.locate(PixelPosition { x, y }), None, "({x}, {y})");
        }
    }

    #[test]
    fn impossible_sheets_are_refused() {
        let cases = [
            (0, 0, LayoutError::FaceSize { face_size: 0 }),
            (100, 0, LayoutError::FaceSize { face_size: 100 }),
            (u32::MAX, 0, LayoutError::FaceSize { face_size: u32::MAX }),
            (1_431_655_776, 8, LayoutError::TooLarge { face_size: 1_431_655_776 }),
            (96, 7, LayoutError::OddPadding { padding: 7 }),
            (96, 24, LayoutError::PaddingTooLarge { padding: 24, face_size: 96 }),
            (
                96,
                u32::MAX - 1,
                LayoutError::PaddingTooLarge { padding: u32::MAX - 1, face_size: 96 },
            ),
        ];
        for (face_size, padding, error) in cases {
            assert_eq!(CubeLayout::new(FaceOrder::RLUDFB, face_size, padding), Err(error));
        }
    }

    #[test]
    fn sheets_at_the_bounds_are_made() {
        for (face_size, padding) in [(16, 0), (16, 2), (96, 22), (1_431_655_760, 8)] {
            let made = CubeLayout::new(FaceOrder::RLUDFB, face_size, padding);
            assert!(made.is_ok(), "{face_size}, {padding}: {made:?}");
        }
    }
}
