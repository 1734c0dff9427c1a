//! Which face stands where on a 3x2 sheet, and which way round.

use thiserror::Error;

use crate::{Face, Uv};

/// By how much an upright face is turned where it stands on the sheet, clockwise as one looks at
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaceTurn {
    /// Not at all; v360's `frot` digit 0.
    Upright,
    /// A quarter turn clockwise; v360's digit 1.
    Clockwise,
    /// Half a turn; v360's digit 2.
    UpsideDown,
    /// A quarter turn counter-clockwise; v360's digit 3.
    CounterClockwise,
}

impl FaceTurn {
    /// From a position on the upright face to that on the face as it is drawn.
    #[must_use]
    pub fn turn(self, upright: Uv) -> Uv {
        let Uv { u, v } = upright;
        match self {
            Self::Upright => Uv { u, v },
            Self::Clockwise => Uv { u: 1.0 - v, v: u },
            Self::UpsideDown => Uv { u: 1.0 - u, v: 1.0 - v },
            Self::CounterClockwise => Uv { u: v, v: 1.0 - u },
        }
    }

    /// From a position on the face as it is drawn to that on the upright face.
    #[must_use]
    pub fn turn_back(self, drawn: Uv) -> Uv {
        let back = match self {
            Self::Upright => Self::Upright,
            Self::Clockwise => Self::CounterClockwise,
            Self::UpsideDown => Self::UpsideDown,
            Self::CounterClockwise => Self::Clockwise,
        };
        back.turn(drawn)
    }
}

/// A face and the way it is turned on the sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PlacedFace {
    /// Which face.
    pub face: Face,
    /// How it is drawn.
    pub turn: FaceTurn,
}

/// Which face stands in which of the six places of a sheet with three columns and two rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FaceOrder {
    /// Where each face stands, in the order of [`Face::ALL`].
    places: [Place; 6],
}

/// Where a face stands on the sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// From the left, 0 to 2.
    pub(crate) column: u32,
    /// From the top, 0 or 1.
    pub(crate) row: u32,
    pub(crate) turn: FaceTurn,
}

/// Why faces make no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FaceOrderError {
    /// A face stands in two places, so another is missing.
    #[error("the {face:?} face is placed more than once, each face must be placed once")]
    Repeated {
        /// The face.
        face: Face,
    },
}

impl FaceOrder {
    /// Right, left, up / down, front, back, all upright: v360's default (`rludfb`) and
    /// transform360's layout.
    pub const RLUDFB: Self = Self::from_rows([
        [
            placed(Face::Right, FaceTurn::Upright),
            placed(Face::Left, FaceTurn::Upright),
            placed(Face::Up, FaceTurn::Upright),
        ],
        [
            placed(Face::Down, FaceTurn::Upright),
            placed(Face::Front, FaceTurn::Upright),
            placed(Face::Back, FaceTurn::Upright),
        ],
    ]);

    /// Left, front, right / down, back, up, where each row is one strip without a break: what Photo
    /// Sphere Viewer's cubemap video adapter shows; v360's `out_forder=lfrdbu:out_frot=000313`.
    /// That viewer knows no padding.
    pub const PHOTO_SPHERE_VIEWER: Self = Self::from_rows([
        [
            placed(Face::Left, FaceTurn::Upright),
            placed(Face::Front, FaceTurn::Upright),
            placed(Face::Right, FaceTurn::Upright),
        ],
        [
            placed(Face::Down, FaceTurn::CounterClockwise),
            placed(Face::Back, FaceTurn::Clockwise),
            placed(Face::Up, FaceTurn::CounterClockwise),
        ],
    ]);

    /// The order of [`RLUDFB`](Self::RLUDFB) with up and down turned by half: layout 0 of the
    /// `cbmp` box by the text of the Spherical Video V2 RFC, where the top of the up face is
    /// forwards and the top of the down face is to the back.
    pub const SPHERICAL_VIDEO_V2: Self = Self::from_rows([
        [
            placed(Face::Right, FaceTurn::Upright),
            placed(Face::Left, FaceTurn::Upright),
            placed(Face::Up, FaceTurn::UpsideDown),
        ],
        [
            placed(Face::Down, FaceTurn::UpsideDown),
            placed(Face::Front, FaceTurn::Upright),
            placed(Face::Back, FaceTurn::Upright),
        ],
    ]);

    /// An order of one's own: the upper row, then the lower row, each from left to right.
    ///
    /// # Errors
    ///
    /// [`FaceOrderError::Repeated`] if a face is placed more than once.
    pub fn new(rows: [[PlacedFace; 3]; 2]) -> Result<Self, FaceOrderError> {
        for face in Face::ALL {
            if rows.as_flattened().iter().filter(|placed| placed.face == face).count() > 1 {
                return Err(FaceOrderError::Repeated { face });
            }
        }
        Ok(Self::from_rows(rows))
    }

    /// For rows that hold each face once.
    const fn from_rows([upper, lower]: [[PlacedFace; 3]; 2]) -> Self {
        let nowhere = Place { column: 0, row: 0, turn: FaceTurn::Upright };
        let mut places = [nowhere; 6];
        let columns = [(0, upper[0], lower[0]), (1, upper[1], lower[1]), (2, upper[2], lower[2])];
        let mut index = 0;
        while index < columns.len() {
            let (column, above, below) = columns[index];
            places[above.face.index()] = Place { column, row: 0, turn: above.turn };
            places[below.face.index()] = Place { column, row: 1, turn: below.turn };
            index += 1;
        }
        Self { places }
    }

    pub(crate) const fn place(&self, face: Face) -> Place {
        self.places[face.index()]
    }
}

const fn placed(face: Face, turn: FaceTurn) -> PlacedFace {
    PlacedFace { face, turn }
}

impl Default for FaceOrder {
    /// [`FaceOrder::RLUDFB`].
    fn default() -> Self {
        Self::RLUDFB
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clockwise_turn_takes_the_top_edge_to_the_right() {
        let middle_of_top = Uv { u: 0.5, v: 0.0 };
        let cases = [
            (FaceTurn::Upright, (0.5, 0.0)),
            (FaceTurn::Clockwise, (1.0, 0.5)),
            (FaceTurn::UpsideDown, (0.5, 1.0)),
            (FaceTurn::CounterClockwise, (0.0, 0.5)),
        ];
        for (turn, (u, v)) in cases {
            assert_eq!(turn.turn(middle_of_top), Uv { u, v }, "{turn:?}");
            let off_centre = Uv { u: 0.125, v: 0.75 };
            assert_eq!(turn.turn_back(turn.turn(off_centre)), off_centre, "{turn:?}");
        }
    }

    #[test]
    fn an_order_with_a_face_twice_is_refused() {
        let row = |faces: [Face; 3]| faces.map(|face| placed(face, FaceTurn::Upright));
        let rows =
            [row([Face::Right, Face::Left, Face::Up]), row([Face::Front, Face::Left, Face::Back])];
        let refused = FaceOrder::new(rows).unwrap_err();
        assert_eq!(refused, FaceOrderError::Repeated { face: Face::Left });
        assert_eq!(
            refused.to_string(),
            "the Left face is placed more than once, each face must be placed once"
        );
    }

    #[test]
    fn an_order_of_ones_own_places_what_it_is_told() {
        let row = |faces: [Face; 3]| faces.map(|face| placed(face, FaceTurn::Upright));
        let rows =
            [row([Face::Right, Face::Left, Face::Up]), row([Face::Down, Face::Front, Face::Back])];
        assert_eq!(FaceOrder::new(rows), Ok(FaceOrder::default()));
    }
}
