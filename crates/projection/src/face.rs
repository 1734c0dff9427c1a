//! The six faces of the cube, and the two ways to draw the sphere on them.

use std::f64::consts::FRAC_PI_4;

use crate::{Direction, Uv};

/// A face of the cube around the viewer, named by where its centre lies.
///
/// Upright means: right, left, front and back have their top edge towards up; the bottom edge of
/// the up face and the top edge of the down face meet the front face. Seen from inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Face {
    /// Centred on [`Direction::RIGHT`].
    Right,
    /// Centred on [`Direction::LEFT`].
    Left,
    /// Centred on [`Direction::UP`].
    Up,
    /// Centred on [`Direction::DOWN`].
    Down,
    /// Centred on [`Direction::FORWARD`].
    Front,
    /// Centred on [`Direction::BACK`].
    Back,
}

/// The directions in which an upright face extends: a frame of three axes.
struct Axes {
    outward: Direction,
    right: Direction,
    down: Direction,
}

impl Face {
    /// Every face once.
    pub const ALL: [Self; 6] =
        [Self::Right, Self::Left, Self::Up, Self::Down, Self::Front, Self::Back];

    /// The place in [`Face::ALL`].
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Right => 0,
            Self::Left => 1,
            Self::Up => 2,
            Self::Down => 3,
            Self::Front => 4,
            Self::Back => 5,
        }
    }

    const fn axes(self) -> Axes {
        let (outward, right, down) = match self {
            Self::Right => (Direction::RIGHT, Direction::BACK, Direction::DOWN),
            Self::Left => (Direction::LEFT, Direction::FORWARD, Direction::DOWN),
            Self::Up => (Direction::UP, Direction::RIGHT, Direction::FORWARD),
            Self::Down => (Direction::DOWN, Direction::RIGHT, Direction::BACK),
            Self::Front => (Direction::FORWARD, Direction::RIGHT, Direction::DOWN),
            Self::Back => (Direction::BACK, Direction::LEFT, Direction::DOWN),
        };
        Axes { outward, right, down }
    }

    /// The face that a direction passes through. On an edge or corner, where several meet, it is
    /// the one that comes first in [`Face::ALL`].
    #[must_use]
    pub fn facing(direction: Direction) -> Self {
        let mut facing = Self::Right;
        for face in Self::ALL {
            if direction.dot(face.axes().outward) > direction.dot(facing.axes().outward) {
                facing = face;
            }
        }
        facing
    }
}

/// How the sphere is drawn on the faces of a cube.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CubeProjection {
    /// The plain cubemap: each face is a flat photograph with 90 degrees of view, so pixels at its
    /// corners cover a fifth of the solid angle of those in its middle.
    Cubemap,
    /// The equi-angular cubemap (EAC): equal steps on a face are equal angles along its two middle
    /// lines, which evens out the density of pixels.
    EquiAngular,
}

impl CubeProjection {
    /// What an upright face shows at `uv`.
    ///
    /// Outside `0..=1` the face goes on beyond its edges, which is what its padding shows. That
    /// means something only within half a turn: for the equi-angular cubemap up to half a face
    /// beyond the edge. Neither coordinate may be infinite or NaN.
    #[must_use]
    pub fn direction(self, face: Face, uv: Uv) -> Direction {
        let Axes { outward, right, down } = face.axes();
        let a = self.picture_to_cube(2.0 * uv.u - 1.0);
        let b = self.picture_to_cube(2.0 * uv.v - 1.0);
        Direction::normalised(
            outward.x() + a * right.x() + b * down.x(),
            outward.y() + a * right.y() + b * down.y(),
            outward.z() + a * right.z() + b * down.z(),
        )
    }

    /// The face that shows a direction and where on it, upright; both coordinates within `0..=1`
    /// (but for rounding).
    #[must_use]
    pub fn project(self, direction: Direction) -> (Face, Uv) {
        let face = Face::facing(direction);
        let Axes { outward, right, down } = face.axes();
        let depth = direction.dot(outward);
        let a = self.cube_to_picture(direction.dot(right) / depth);
        let b = self.cube_to_picture(direction.dot(down) / depth);
        (face, Uv { u: f64::midpoint(a, 1.0), v: f64::midpoint(b, 1.0) })
    }

    /// From the picture's coordinate, -1 to 1 across the face, to that on the cube of half edge 1.
    fn picture_to_cube(self, coordinate: f64) -> f64 {
        match self {
            Self::Cubemap => coordinate,
            Self::EquiAngular => (coordinate * FRAC_PI_4).tan(),
        }
    }

    /// What [`picture_to_cube`](Self::picture_to_cube) does, undone.
    fn cube_to_picture(self, coordinate: f64) -> f64 {
        match self {
            Self::Cubemap => coordinate,
            Self::EquiAngular => coordinate.atan() / FRAC_PI_4,
        }
    }
}
