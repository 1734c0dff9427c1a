//! Positions in pictures: in pixels, and in the unit square.

/// A continuous position in pixels from the left and top edge of a picture: pixel `k` covers
/// `[k, k + 1)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PixelPosition {
    /// From the left edge, rightwards.
    pub x: f64,
    /// From the top edge, downwards.
    pub y: f64,
}

impl PixelPosition {
    /// Where the pixel in this column and row is sampled: at its centre, `+ 0.5` each way.
    #[must_use]
    pub fn centre_of(column: u32, row: u32) -> Self {
        Self { x: f64::from(column) + 0.5, y: f64::from(row) + 0.5 }
    }
}

/// A position within a picture or a cube's face, as fractions of its width and height.
///
/// `(0, 0)` is the outer corner at the top left, `(1, 1)` the one at the bottom right. Values
/// outside `0..=1` continue what the projection does: round the sphere and over the poles in an
/// equirectangular picture, on in the face's plane in a cubemap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uv {
    /// Rightwards.
    pub u: f64,
    /// Downwards.
    pub v: f64,
}

/// Whole pixels of a picture, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelRect {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
}

impl PixelRect {
    /// The caller sees to it that neither size is 0 and that the far edges are within `u32`.
    pub(crate) const fn new(left: u32, top: u32, width: u32, height: u32) -> Self {
        Self { left, top, width, height }
    }

    /// The first column.
    #[must_use]
    pub const fn left(self) -> u32 {
        self.left
    }

    /// The first row.
    #[must_use]
    pub const fn top(self) -> u32 {
        self.top
    }

    /// The number of columns, at least 1.
    #[must_use]
    pub const fn width(self) -> u32 {
        self.width
    }

    /// The number of rows, at least 1.
    #[must_use]
    pub const fn height(self) -> u32 {
        self.height
    }

    /// Whether a position lies within: the left and top edges belong to it, the right and bottom
    /// ones do not.
    #[must_use]
    pub fn contains(self, position: PixelPosition) -> bool {
        let Uv { u, v } = self.uv_at(position);
        (0.0..1.0).contains(&u) && (0.0..1.0).contains(&v)
    }

    /// A position of the picture as fractions of this rectangle; outside `0..=1` beyond its edges.
    #[must_use]
    pub fn uv_at(self, position: PixelPosition) -> Uv {
        Uv {
            u: (position.x - f64::from(self.left)) / f64::from(self.width),
            v: (position.y - f64::from(self.top)) / f64::from(self.height),
        }
    }

    /// The position in the picture; what [`uv_at`](Self::uv_at) does, undone.
    #[must_use]
    pub fn position_of(self, uv: Uv) -> PixelPosition {
        PixelPosition {
            x: f64::from(self.left) + uv.u * f64::from(self.width),
            y: f64::from(self.top) + uv.v * f64::from(self.height),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_last_pixel_stand_half_a_pixel_inside_the_edges() {
        let rect = PixelRect::new(8, 16, 4, 2);
        assert_eq!(rect.uv_at(PixelPosition::centre_of(8, 16)), Uv { u: 0.125, v: 0.25 });
        assert_eq!(rect.uv_at(PixelPosition::centre_of(11, 17)), Uv { u: 0.875, v: 0.75 });
        assert_eq!(rect.position_of(Uv { u: 0.0, v: 0.0 }), PixelPosition { x: 8.0, y: 16.0 });
        assert_eq!(rect.position_of(Uv { u: 1.0, v: 1.0 }), PixelPosition { x: 12.0, y: 18.0 });
    }

    #[test]
    fn a_rectangle_holds_its_left_and_top_edge_only() {
        let rect = PixelRect::new(8, 16, 4, 2);
        let cases = [
            (8.0, 16.0, true),
            (11.999, 17.999, true),
            (7.999, 17.0, false),
            (12.0, 17.0, false),
            (9.0, 15.999, false),
            (9.0, 18.0, false),
            (f64::NAN, 17.0, false),
        ];
        for (x, y, inside) in cases {
            assert_eq!(rect.contains(PixelPosition { x, y }), inside, "({x}, {y})");
        }
    }
}
