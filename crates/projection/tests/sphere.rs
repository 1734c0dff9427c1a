//! The projections as the outside sees them: golden directions, round trips, edges, poles, seam.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::f64::consts::PI;

use projection::{CubeProjection, Direction, Face, PixelPosition, Rotation, StereoMode, Uv};
use proptest::prelude::*;

/// Radians, and pixels: the bar for tables is 1/64 pixel, the geometry must not use any of it up.
const TOLERANCE: f64 = 1e-9;

const CUBES: [CubeProjection; 2] = [CubeProjection::Cubemap, CubeProjection::EquiAngular];

fn uv(u: f64, v: f64) -> Uv {
    Uv { u, v }
}

fn towards(x: f64, y: f64, z: f64) -> Direction {
    Direction::new(x, y, z).unwrap()
}

fn assert_same(found: Direction, expected: Direction, what: &str) {
    assert!(found.angle_to(expected) < TOLERANCE, "{what}: {found:?}, not {expected:?}");
}

fn any_direction() -> impl Strategy<Value = Direction> {
    // Equal steps along an axis are equal areas on the sphere (Archimedes).
    (-1.0..=1.0, -PI..=PI).prop_map(|(y, longitude): (f64, f64)| {
        let ring = (1.0 - y * y).sqrt();
        towards(ring * longitude.sin(), y, ring * longitude.cos())
    })
}

fn any_face() -> impl Strategy<Value = Face> {
    prop::sample::select(Face::ALL.to_vec())
}

fn any_cube() -> impl Strategy<Value = CubeProjection> {
    prop::sample::select(CUBES.to_vec())
}

#[test]
fn an_equirectangular_picture_shows_the_six_axes_where_it_should() {
    let cases = [
        ("centre", uv(0.5, 0.5), Direction::FORWARD),
        ("three quarters", uv(0.75, 0.5), Direction::RIGHT),
        ("one quarter", uv(0.25, 0.5), Direction::LEFT),
        ("left edge", uv(0.0, 0.5), Direction::BACK),
        ("right edge", uv(1.0, 0.5), Direction::BACK),
        ("top", uv(0.5, 0.0), Direction::UP),
        ("bottom", uv(0.5, 1.0), Direction::DOWN),
        ("oblique", uv(0.625, 0.25), towards(1.0, -2.0_f64.sqrt(), 1.0)),
    ];
    for (what, at, direction) in cases {
        assert_same(Direction::from_equirectangular(at), direction, what);
        let there_again = Direction::from_equirectangular(direction.to_equirectangular());
        assert_same(there_again, direction, what);
    }
}

#[test]
fn every_column_meets_at_the_poles() {
    for eighth in 0..=8 {
        let u = f64::from(eighth) / 8.0;
        assert_same(Direction::from_equirectangular(uv(u, 0.0)), Direction::UP, "top edge");
        assert_same(Direction::from_equirectangular(uv(u, 1.0)), Direction::DOWN, "bottom edge");
    }
    assert!(Direction::UP.to_equirectangular().v.abs() < TOLERANCE);
    assert!((Direction::DOWN.to_equirectangular().v - 1.0).abs() < TOLERANCE);
}

#[test]
fn latitude_keeps_its_digits_close_to_a_pole() {
    let off_the_pole = 1e-9;
    let at = towards(off_the_pole, -1.0, 0.0).to_equirectangular();
    assert!((at.v - off_the_pole / PI).abs() < 1e-15, "{at:?}");
}

#[test]
fn the_seam_is_straight_back_and_closes() {
    for (x, u) in [(1e-6, 1.0), (-1e-6, 0.0)] {
        let beside_the_seam = towards(x, 0.3, -1.0).to_equirectangular();
        assert!((beside_the_seam.u - u).abs() < 1e-6, "x {x}: {beside_the_seam:?}");
        assert!((0.0..=1.0).contains(&beside_the_seam.u), "x {x}: {beside_the_seam:?}");
    }
}

#[test]
fn faces_show_their_axis_in_the_middle_and_lie_the_right_way_round() {
    let (up, down) = (Direction::UP, Direction::DOWN);
    let (left, right) = (Direction::LEFT, Direction::RIGHT);
    let (front, back) = (Direction::FORWARD, Direction::BACK);
    // Face, its middle, and towards what its left, right, top and bottom edge lie.
    let cases = [
        (Face::Right, right, [front, back, up, down]),
        (Face::Left, left, [back, front, up, down]),
        (Face::Up, up, [left, right, back, front]),
        (Face::Down, down, [left, right, front, back]),
        (Face::Front, front, [left, right, up, down]),
        (Face::Back, back, [right, left, up, down]),
    ];
    let edges = [uv(0.0, 0.5), uv(1.0, 0.5), uv(0.5, 0.0), uv(0.5, 1.0)];
    for cube in CUBES {
        for (face, middle, beyond) in cases {
            let what = format!("{cube:?} {face:?}");
            assert_same(cube.direction(face, uv(0.5, 0.5)), middle, &what);
            for (edge, towards_edge) in edges.into_iter().zip(beyond) {
                let halfway = towards(
                    middle.x() + towards_edge.x(),
                    middle.y() + towards_edge.y(),
                    middle.z() + towards_edge.z(),
                );
                assert_same(cube.direction(face, edge), halfway, &what);
            }
        }
    }
}

#[test]
fn the_cubemap_is_flat_and_the_equi_angular_one_has_equal_angles() {
    // A quarter of the face right of the middle: half of tan 45, and half of 45 degrees.
    let flat = CubeProjection::Cubemap.direction(Face::Front, uv(0.75, 0.5));
    assert_same(flat, towards(0.5, 0.0, 1.0), "cubemap");
    let equal = CubeProjection::EquiAngular.direction(Face::Front, uv(0.75, 0.5));
    assert!((equal.angle_to(Direction::FORWARD) - PI / 8.0).abs() < TOLERANCE);
    for cube in CUBES {
        let corner = cube.direction(Face::Front, uv(1.0, 0.0));
        assert_same(corner, towards(1.0, -1.0, 1.0), "corner");
    }
}

/// The face beyond an edge must show the same direction on one of its own edges, as far from the
/// corners: then pixels along the edge face one another.
///
/// `beyond` is next to `on_edge`, just outside of the face; `along` says how far down the edge.
fn assert_continuous(cube: CubeProjection, face: Face, on_edge: Uv, beyond: Uv, along: f64) {
    let what = format!("{cube:?} {face:?} {on_edge:?}");
    let (neighbour, near) = cube.project(cube.direction(face, beyond));
    assert_ne!(neighbour, face, "{what}");

    let places = [0.0, 1.0, along, 1.0 - along];
    let exactly = |coordinate: f64| {
        let place = places.into_iter().find(|place| (place - coordinate).abs() < 1e-6);
        place.unwrap_or_else(|| panic!("{what}: {neighbour:?} has it at {near:?}"))
    };
    let there = uv(exactly(near.u), exactly(near.v));
    assert_same(cube.direction(neighbour, there), cube.direction(face, on_edge), &what);
}

#[test]
fn neighbouring_faces_agree_along_all_their_edges() {
    // Far enough to be on the neighbour, so near that the coordinate along the edge stays.
    let step = 1e-8;
    for cube in CUBES {
        for face in Face::ALL {
            for sixteenth in 1..16 {
                let t = f64::from(sixteenth) / 16.0;
                assert_continuous(cube, face, uv(0.0, t), uv(-step, t), t);
                assert_continuous(cube, face, uv(1.0, t), uv(1.0 + step, t), t);
                assert_continuous(cube, face, uv(t, 0.0), uv(t, -step), t);
                assert_continuous(cube, face, uv(t, 1.0), uv(t, 1.0 + step), t);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn a_direction_survives_the_equirectangular_picture(direction in any_direction()) {
        let at = direction.to_equirectangular();
        prop_assert!((0.0..=1.0).contains(&at.u) && (0.0..=1.0).contains(&at.v), "{at:?}");
        prop_assert!(Direction::from_equirectangular(at).angle_to(direction) < TOLERANCE);
    }

    #[test]
    fn a_direction_survives_the_cube(cube in any_cube(), direction in any_direction()) {
        let (face, at) = cube.project(direction);
        let unit = -TOLERANCE..=1.0 + TOLERANCE;
        prop_assert!(unit.contains(&at.u) && unit.contains(&at.v), "{face:?} {at:?}");
        prop_assert!(cube.direction(face, at).angle_to(direction) < TOLERANCE);
    }

    #[test]
    fn a_place_within_a_face_is_found_on_that_face_only(
        cube in any_cube(), face in any_face(), u in 1e-6..1.0 - 1e-6, v in 1e-6..1.0 - 1e-6,
    ) {
        let (found, at) = cube.project(cube.direction(face, uv(u, v)));
        prop_assert_eq!(found, face);
        prop_assert!((at.u - u).abs() < TOLERANCE && (at.v - v).abs() < TOLERANCE, "{:?}", at);
    }

    /// All pixels, the first and last row above all, where a meridian is less than a pixel wide.
    #[test]
    fn equirectangular_pixels_survive_the_sphere(
        column in 0..3840_u32, row in prop_oneof![0..1920_u32, Just(0), Just(1919)],
        mode in prop::sample::select(vec![StereoMode::Mono, StereoMode::TopBottom]),
    ) {
        let (projection::Eyes::Mono(eye) | projection::Eyes::Stereo { right: eye, .. }) =
            mode.eyes(3840, 1920).unwrap();
        let pixel = PixelPosition::centre_of(column, row);
        prop_assume!(eye.contains(pixel));
        let direction = Direction::from_equirectangular(eye.uv_at(pixel));
        let found = eye.position_of(direction.to_equirectangular());
        prop_assert!((found.x - pixel.x).abs() < TOLERANCE, "{found:?}, not {pixel:?}");
        prop_assert!((found.y - pixel.y).abs() < TOLERANCE, "{found:?}, not {pixel:?}");
    }

    #[test]
    fn beyond_its_edges_an_equirectangular_picture_goes_on_round_the_sphere(
        u in 0.0..1.0, v in 0.0..1.0, turns in -2..=2_i32,
    ) {
        let inside = Direction::from_equirectangular(uv(u, v));
        let round = Direction::from_equirectangular(uv(u + f64::from(turns), v));
        prop_assert!(round.angle_to(inside) < TOLERANCE);
        let over_the_top = Direction::from_equirectangular(uv(u + 0.5, -v));
        prop_assert!(over_the_top.angle_to(inside) < TOLERANCE);
        let over_the_bottom = Direction::from_equirectangular(uv(u + 0.5, 2.0 - v));
        prop_assert!(over_the_bottom.angle_to(inside) < TOLERANCE);
    }

    #[test]
    fn a_rotation_keeps_angles_and_can_be_undone(
        yaw in -720.0..720.0, pitch in -720.0..720.0, roll in -720.0..720.0,
        one in any_direction(), other in any_direction(),
    ) {
        let rotation = Rotation::from_degrees(yaw, pitch, roll).unwrap();
        let turned = rotation.apply(one);
        let length = turned.dot(turned).sqrt();
        prop_assert!((length - 1.0).abs() < TOLERANCE);
        let angle = turned.angle_to(rotation.apply(other));
        prop_assert!((angle - one.angle_to(other)).abs() < TOLERANCE);
        prop_assert!(rotation.inverse().apply(turned).angle_to(one) < TOLERANCE);
    }

    /// No input makes the geometry panic, sensible or not.
    #[test]
    fn nothing_panics(
        cube in any_cube(), face in any_face(), u in prop::num::f64::ANY, v in prop::num::f64::ANY,
        yaw in prop::num::f64::ANY,
    ) {
        let _ = Direction::from_equirectangular(uv(u, v)).to_equirectangular();
        let _ = cube.project(cube.direction(face, uv(u, v)));
        let _ = Direction::new(u, v, yaw).map(|direction| cube.project(direction));
        let _ = Rotation::from_degrees(yaw, u, v);
    }
}
