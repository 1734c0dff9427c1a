//! The sphere: which direction a pixel of a 360 degree picture shows, and where a direction lies.
//!
//! Three projections are known: equirectangular, cubemap and equi-angular cubemap (EAC). A remap
//! from one picture to another is, for each pixel of the new one, this chain, and each arrow is one
//! call here:
//!
//! ```text
//! PixelPosition -> (Face, Uv) -> Direction -> rotated Direction -> Uv -> PixelPosition
//!    new sheet     CubeLayout   CubeProjection    Rotation    equirectangular   source, PixelRect
//! ```
//!
//! # Coordinates
//!
//! - **Pixels.** Pixel `k` of a row covers the interval `[k, k + 1)`, so its centre stands at
//!   `k + 0.5` and a picture `W` wide reaches from 0 to `W`. A [`PixelPosition`] is such a
//!   continuous position; a kernel that numbers samples by integers wants it less one half. Getting
//!   this half pixel wrong on one side only shifts or stretches the picture, as FFmpeg's v360 does
//!   with its equirectangular input (up to half a pixel).
//! - **Unit square.** [`Uv`] is a position within a picture or face, divided by its size: 0 is the
//!   left or top edge (not the centre of the first pixel), 1 the right or bottom edge. It does not
//!   depend on resolution, so it is the same for luma and for centre-sited chroma.
//! - **Space.** x points right, y down, z forward, as seen by a viewer in the centre of the sphere.
//!
//! The crate knows geometry and `std`, nothing else. It must never know about files, containers,
//! codec libraries, jobs or plans. Floating point is right here (these are angles), and never for
//! time.
//!
//! Sources: the formulas follow from the definitions of the projections. Orientation of the faces:
//! FFmpeg's v360 filter (documentation of `out_forder` and `out_frot`), Google's Spherical Video V2
//! RFC (`cbmp`, `st3d`), Photo Sphere Viewer's cubemap video adapter.

mod direction;
mod equirectangular;
mod face;
mod layout;
mod order;
mod picture;
mod rotation;
mod stereo;

pub use direction::Direction;
pub use face::{CubeProjection, Face};
pub use layout::{CubeLayout, DEFAULT_PADDING, FACE_SIZE_STEP, LayoutError};
pub use order::{FaceOrder, FaceOrderError, FaceTurn, PlacedFace};
pub use picture::{PixelPosition, PixelRect, Uv};
pub use rotation::{Rotation, RotationError};
pub use stereo::{Eyes, StereoError, StereoMode};
