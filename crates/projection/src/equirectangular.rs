//! The equirectangular projection: columns are longitudes, rows are latitudes.

use std::f64::consts::{PI, TAU};

use crate::{Direction, Uv};

impl Direction {
    /// What an uncropped equirectangular picture shows at `uv`.
    ///
    /// Longitude runs from -pi at the left edge over 0 (forward) in the middle to pi at the right
    /// edge, latitude from -pi/2 (up) at the top to pi/2 (down) at the bottom. Beyond the sides the
    /// picture goes on round the sphere; beyond the top or bottom it goes on over the pole, on the
    /// meridian half a turn away. Neither coordinate may be infinite or NaN.
    #[must_use]
    pub fn from_equirectangular(uv: Uv) -> Self {
        let (sin_longitude, cos_longitude) = ((uv.u - 0.5) * TAU).sin_cos();
        let (sin_latitude, cos_latitude) = ((uv.v - 0.5) * PI).sin_cos();
        Self::from_unit(cos_latitude * sin_longitude, sin_latitude, cos_latitude * cos_longitude)
    }

    /// Where an equirectangular picture shows this direction, both coordinates within `0..=1`.
    ///
    /// `u` of 0 and of 1 are the same meridian (the seam, straight back). At a pole every `u` is
    /// the same direction, and whichever comes out is right.
    #[must_use]
    pub fn to_equirectangular(self) -> Uv {
        let longitude = self.x().atan2(self.z());
        // Not the arc sine of y, which loses half of its digits near the poles.
        let latitude = self.y().atan2(self.x().hypot(self.z()));
        Uv { u: longitude / TAU + 0.5, v: latitude / PI + 0.5 }
    }
}
