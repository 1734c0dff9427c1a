//! Where a viewer in the centre of the sphere looks.

/// A unit vector: x right, y down, z forward.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Direction {
    x: f64,
    y: f64,
    z: f64,
}

impl Direction {
    /// The centre of an equirectangular picture and of the front face.
    pub const FORWARD: Self = Self { x: 0.0, y: 0.0, z: 1.0 };
    /// The seam of an equirectangular picture, half way down.
    pub const BACK: Self = Self { x: 0.0, y: 0.0, z: -1.0 };
    /// A quarter of the way round, clockwise as seen from above.
    pub const RIGHT: Self = Self { x: 1.0, y: 0.0, z: 0.0 };
    /// A quarter of the way round, counter-clockwise as seen from above.
    pub const LEFT: Self = Self { x: -1.0, y: 0.0, z: 0.0 };
    /// The pole at the top edge of an equirectangular picture.
    pub const UP: Self = Self { x: 0.0, y: -1.0, z: 0.0 };
    /// The pole at the bottom edge of an equirectangular picture.
    pub const DOWN: Self = Self { x: 0.0, y: 1.0, z: 0.0 };

    /// The direction of a vector of any length, `None` where it has none: the zero vector, and
    /// components that are infinite or not numbers.
    #[must_use]
    pub fn new(x: f64, y: f64, z: f64) -> Option<Self> {
        let largest = x.abs().max(y.abs()).max(z.abs());
        let has_direction = x.is_finite() && y.is_finite() && z.is_finite() && largest > 0.0;
        // Scaled first, so that neither huge nor tiny vectors lose their length to the square.
        has_direction.then(|| Self::normalised(x / largest, y / largest, z / largest))
    }

    /// For vectors known to have a length well within the range of `f64`.
    pub(crate) fn normalised(x: f64, y: f64, z: f64) -> Self {
        let length = x.hypot(y).hypot(z);
        Self { x: x / length, y: y / length, z: z / length }
    }

    /// For components known to be those of a unit vector.
    pub(crate) const fn from_unit(x: f64, y: f64, z: f64) -> Self {
        Self { x, y, z }
    }

    /// How far right, -1 to 1.
    #[must_use]
    pub const fn x(self) -> f64 {
        self.x
    }

    /// How far down, -1 to 1.
    #[must_use]
    pub const fn y(self) -> f64 {
        self.y
    }

    /// How far forward, -1 to 1.
    #[must_use]
    pub const fn z(self) -> f64 {
        self.z
    }

    /// The cosine of the angle between two directions.
    #[must_use]
    pub fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    /// The angle between two directions in radians, 0 to pi; accurate for tiny angles too, where
    /// the arc cosine of [`dot`](Self::dot) is not.
    #[must_use]
    pub fn angle_to(self, other: Self) -> f64 {
        let cross_x = self.y * other.z - self.z * other.y;
        let cross_y = self.z * other.x - self.x * other.z;
        let cross_z = self.x * other.y - self.y * other.x;
        cross_x.hypot(cross_y).hypot(cross_z).atan2(self.dot(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_without_a_direction_is_refused() {
        let without = [
            (0.0, 0.0, 0.0),
            (-0.0, 0.0, -0.0),
            (f64::NAN, 1.0, 0.0),
            (1.0, f64::INFINITY, 0.0),
            (1.0, 0.0, f64::NEG_INFINITY),
        ];
        for (x, y, z) in without {
            assert_eq!(Direction::new(x, y, z), None, "({x}, {y}, {z})");
        }
    }

    #[test]
    fn length_does_not_matter() {
        let one = Direction::new(2.0, -3.0, 6.0).unwrap();
        assert!((one.x() - 2.0 / 7.0).abs() < 1e-15);
        assert!((one.y() + 3.0 / 7.0).abs() < 1e-15);
        assert!((one.z() - 6.0 / 7.0).abs() < 1e-15);
        for scale in [1e-305, 1.0, 1e307] {
            let scaled = Direction::new(2.0 * scale, -3.0 * scale, 6.0 * scale).unwrap();
            assert!(one.angle_to(scaled) < 1e-15, "scaled by {scale}");
        }
        // Here the length itself is beyond the range of f64.
        let longest = Direction::new(f64::MAX, -f64::MAX, f64::MAX).unwrap();
        assert!((longest.dot(longest) - 1.0).abs() < 1e-15, "{longest:?}");
    }

    #[test]
    fn angles_are_exact_where_the_arc_cosine_is_not() {
        let nearly_forward = Direction::new(1e-10, 0.0, 1.0).unwrap();
        assert!((Direction::FORWARD.angle_to(nearly_forward) - 1e-10).abs() < 1e-20);
        let quarter = Direction::FORWARD.angle_to(Direction::RIGHT);
        assert!((quarter - std::f64::consts::FRAC_PI_2).abs() < 1e-15);
        let half = Direction::UP.angle_to(Direction::DOWN);
        assert!((half - std::f64::consts::PI).abs() < 1e-15);
    }
}
