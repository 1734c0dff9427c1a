//! Turning the viewer.

use std::array;

use thiserror::Error;

use crate::Direction;

/// A rotation of the viewer: it takes a direction as the turned viewer sees it to that direction in
/// the picture which is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rotation {
    /// Row by row; orthonormal.
    matrix: [[f64; 3]; 3],
}

/// Why angles make no rotation.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum RotationError {
    /// An angle is infinite or not a number.
    #[error(
        "yaw {yaw}, pitch {pitch}, roll {roll}: every angle must be a finite number of degrees"
    )]
    NotFinite {
        /// Degrees.
        yaw: f64,
        /// Degrees.
        pitch: f64,
        /// Degrees.
        roll: f64,
    },
}

impl Rotation {
    /// No turn at all.
    pub const NONE: Self = Self { matrix: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] };

    /// A viewer who turns by `yaw` to the right, then looks up by `pitch`, then tilts the head by
    /// `roll` to the right; degrees, each about the viewer's own axes as turned so far. These are
    /// the signs and the order of the options of FFmpeg's v360 (`rorder=ypr`).
    ///
    /// # Errors
    ///
    /// [`RotationError::NotFinite`] if an angle is infinite or NaN.
    pub fn from_degrees(yaw: f64, pitch: f64, roll: f64) -> Result<Self, RotationError> {
        if !(yaw.is_finite() && pitch.is_finite() && roll.is_finite()) {
            return Err(RotationError::NotFinite { yaw, pitch, roll });
        }
        let (sin_yaw, cos_yaw) = yaw.to_radians().sin_cos();
        let (sin_pitch, cos_pitch) = pitch.to_radians().sin_cos();
        let (sin_roll, cos_roll) = roll.to_radians().sin_cos();
        // Forward goes right; forward goes up, which is -y; right goes down.
        let by_yaw = [[cos_yaw, 0.0, sin_yaw], [0.0, 1.0, 0.0], [-sin_yaw, 0.0, cos_yaw]];
        let by_pitch = [[1.0, 0.0, 0.0], [0.0, cos_pitch, -sin_pitch], [0.0, sin_pitch, cos_pitch]];
        let by_roll = [[cos_roll, -sin_roll, 0.0], [sin_roll, cos_roll, 0.0], [0.0, 0.0, 1.0]];
        // About the viewer's own axes, so the last turn stands nearest to the direction.
        Ok(Self { matrix: product(by_yaw, product(by_pitch, by_roll)) })
    }

    /// The rotation that undoes this one.
    #[must_use]
    pub fn inverse(self) -> Self {
        // The matrix is orthonormal, so its transpose is its inverse.
        let [first, second, third] = self.matrix;
        Self { matrix: array::from_fn(|column| [first[column], second[column], third[column]]) }
    }

    /// The direction, turned.
    #[must_use]
    pub fn apply(self, direction: Direction) -> Direction {
        let [x, y, z] =
            self.matrix.map(|[x, y, z]| x * direction.x() + y * direction.y() + z * direction.z());
        Direction::from_unit(x, y, z)
    }
}

fn product(left: [[f64; 3]; 3], right: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let [first, second, third] = right;
    left.map(|[a, b, c]| {
        [
            a * first[0] + b * second[0] + c * third[0],
            a * first[1] + b * second[1] + c * third[1],
            a * first[2] + b * second[2] + c * third[2],
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_angle_turns_the_viewer_the_way_it_says() {
        let cases = [
            ("yaw: forward is right", (90.0, 0.0, 0.0), Direction::FORWARD, Direction::RIGHT),
            ("yaw: right is back", (90.0, 0.0, 0.0), Direction::RIGHT, Direction::BACK),
            ("pitch: forward is up", (0.0, 90.0, 0.0), Direction::FORWARD, Direction::UP),
            ("pitch: up is back", (0.0, 90.0, 0.0), Direction::UP, Direction::BACK),
            ("roll: up is right", (0.0, 0.0, 90.0), Direction::UP, Direction::RIGHT),
            ("roll: forward stays", (0.0, 0.0, 90.0), Direction::FORWARD, Direction::FORWARD),
            ("yaw before pitch", (90.0, 90.0, 0.0), Direction::UP, Direction::LEFT),
            ("pitch before roll", (0.0, 90.0, 90.0), Direction::UP, Direction::RIGHT),
            ("yaw before roll", (90.0, 0.0, 90.0), Direction::RIGHT, Direction::DOWN),
        ];
        for (what, (yaw, pitch, roll), seen, looked_at) in cases {
            let turned = Rotation::from_degrees(yaw, pitch, roll).unwrap().apply(seen);
            assert!(turned.angle_to(looked_at) < 1e-15, "{what}: {turned:?}");
        }
    }

    /// Read off FFmpeg 5.1's `v360=e:e:yaw=..:pitch=..:roll=..` over a picture whose colours tell
    /// longitude and latitude; it gave whole degrees.
    #[test]
    fn signs_and_order_are_those_of_v360() {
        // Yaw, pitch and roll; the direction seen; longitude and latitude (down) looked at.
        let cases: [([f64; 3], Direction, [f64; 2]); 5] = [
            ([40.0, 0.0, 0.0], Direction::FORWARD, [40.0, 0.0]),
            ([40.0, 30.0, 0.0], Direction::FORWARD, [40.0, -30.0]),
            ([40.0, 30.0, 0.0], Direction::RIGHT, [130.0, 0.0]),
            ([0.0, 0.0, 30.0], Direction::RIGHT, [91.0, 30.0]),
            ([40.0, 30.0, 20.0], Direction::RIGHT, [120.0, 18.0]),
        ];
        for (angles, seen, [longitude, latitude]) in cases {
            let [yaw, pitch, roll] = angles;
            let rotation = Rotation::from_degrees(yaw, pitch, roll).unwrap();
            let uv = rotation.apply(seen).to_equirectangular();
            let found = [(uv.u - 0.5) * 360.0, (uv.v - 0.5) * 180.0];
            assert!((found[0] - longitude).abs() < 1.5, "{angles:?} {seen:?}: {found:?}");
            assert!((found[1] - latitude).abs() < 1.5, "{angles:?} {seen:?}: {found:?}");
        }
    }

    #[test]
    fn angles_of_zero_change_no_bit() {
        let none = Rotation::from_degrees(0.0, 0.0, 0.0).unwrap();
        assert_eq!(none, Rotation::NONE);
        let direction = Direction::new(0.3, -0.5, 0.7).unwrap();
        assert_eq!(none.apply(direction), direction);
    }

    #[test]
    fn angles_that_are_no_numbers_are_refused() {
        for (yaw, pitch, roll) in
            [(f64::NAN, 0.0, 0.0), (0.0, f64::INFINITY, 0.0), (0.0, 0.0, f64::NEG_INFINITY)]
        {
            let refused = Rotation::from_degrees(yaw, pitch, roll);
            assert!(matches!(refused, Err(RotationError::NotFinite { .. })), "{refused:?}");
        }
    }
}
