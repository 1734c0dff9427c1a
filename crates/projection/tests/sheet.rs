//! Whole sheets: every preset covers the sphere exactly once, and lies as its readers expect.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::f64::consts::PI;

use projection::{CubeLayout, CubeProjection, Direction, Face, FaceOrder, PixelPosition};
use proptest::prelude::*;

const CUBES: [CubeProjection; 2] = [CubeProjection::Cubemap, CubeProjection::EquiAngular];

const PRESETS: [(&str, FaceOrder); 3] = [
    ("rludfb", FaceOrder::RLUDFB),
    ("Photo Sphere Viewer", FaceOrder::PHOTO_SPHERE_VIEWER),
    ("Spherical Video V2", FaceOrder::SPHERICAL_VIDEO_V2),
];

/// What the sheet shows there.
fn seen_at(layout: &CubeLayout, cube: CubeProjection, position: PixelPosition) -> Direction {
    let (face, uv) = layout.locate(position).unwrap();
    cube.direction(face, uv)
}

/// The signed solid angle of a triangle on the unit sphere, positive where its corners run
/// clockwise as seen from inside (Van Oosterom and Strackee, 1983).
fn solid_angle(a: Direction, b: Direction, c: Direction) -> f64 {
    let triple = a.x() * (b.y() * c.z() - b.z() * c.y())
        + a.y() * (b.z() * c.x() - b.x() * c.z())
        + a.z() * (b.x() * c.y() - b.y() * c.x());
    2.0 * triple.atan2(1.0 + a.dot(b) + b.dot(c) + c.dot(a))
}

/// The solid angle that a pixel of a face shows. Its edges are straight on the face's plane, so
/// they are great circles and the sum over a face is exact.
fn solid_angle_of_pixel(
    layout: &CubeLayout,
    cube: CubeProjection,
    face: Face,
    column: u32,
    row: u32,
) -> f64 {
    let corner = |right: u32, down: u32| {
        // From the middle of the pixel, which is surely on this face, to the corner.
        let (x, y) = (f64::from(column + right), f64::from(row + down));
        let inset = 1e-9;
        let (x, y) =
            (x + inset * (0.5 - f64::from(right)) * 2.0, y + inset * (0.5 - f64::from(down)) * 2.0);
        let (found, uv) = layout.locate(PixelPosition { x, y }).unwrap();
        assert_eq!(found, face);
        cube.direction(face, uv)
    };
    let [top_left, top_right, bottom_right, bottom_left] =
        [corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)];
    solid_angle(top_left, top_right, bottom_right)
        + solid_angle(top_left, bottom_right, bottom_left)
}

#[test]
fn the_faces_of_every_preset_add_up_to_one_sphere_and_none_is_mirrored() {
    for (name, order) in PRESETS {
        let layout = CubeLayout::new(order, 32, 6).unwrap();
        for cube in CUBES {
            for face in Face::ALL {
                let rect = layout.face_rect(face);
                let mut total = 0.0;
                for row in rect.top()..rect.top() + rect.height() {
                    for column in rect.left()..rect.left() + rect.width() {
                        let angle = solid_angle_of_pixel(&layout, cube, face, column, row);
                        assert!(angle > 0.0, "{name} {cube:?} {face:?} ({column}, {row}): {angle}");
                        total += angle;
                    }
                }
                // A sixth of 4 pi each, less the insets.
                let sixth = 4.0 * PI / 6.0;
                assert!((total - sixth).abs() < 1e-6, "{name} {cube:?} {face:?}: {total}");
            }
        }
    }
}

#[test]
fn no_two_pixels_of_a_preset_without_padding_show_the_same() {
    for (name, order) in PRESETS {
        let layout = CubeLayout::new(order, 48, 0).unwrap();
        for cube in CUBES {
            for row in 0..layout.height() {
                for column in 0..layout.width() {
                    let pixel = PixelPosition::centre_of(column, row);
                    let (face, uv) = cube.project(seen_at(&layout, cube, pixel));
                    let found = layout.position_of(face, uv);
                    let error = (found.x - pixel.x).hypot(found.y - pixel.y);
                    assert!(error < 1e-9, "{name} {cube:?} {pixel:?}: {found:?}");
                }
            }
        }
    }
}

/// A place of a sheet in units of faces, and the direction near it.
type Landmark = ((f64, f64), Direction);

/// The middle of a face's upper, right, lower and left edge.
fn edges_of(column: f64, row: f64, beyond: [Direction; 4]) -> [Landmark; 4] {
    let [top, right, bottom, left] = beyond;
    [
        ((column + 0.5, row + 0.01), top),
        ((column + 0.99, row + 0.5), right),
        ((column + 0.5, row + 0.99), bottom),
        ((column + 0.01, row + 0.5), left),
    ]
}

fn assert_landmarks(name: &str, order: FaceOrder, centre: Direction, edges: [Landmark; 4]) {
    let layout = CubeLayout::new(order, 96, 0).unwrap();
    for ((column, row), beyond) in edges {
        let position = PixelPosition { x: column * 96.0, y: row * 96.0 };
        let seen = seen_at(&layout, CubeProjection::EquiAngular, position);
        let halfway = Direction::new(
            centre.x() + beyond.x(),
            centre.y() + beyond.y(),
            centre.z() + beyond.z(),
        );
        let off = seen.angle_to(halfway.unwrap());
        // A hundredth of a face is 0.016 radians.
        assert!(off < 0.02, "{name} at ({column}, {row}): {seen:?}, {off} off");
    }
}

/// Up and down are where the presets differ; the other faces are upright but for one.
#[test]
fn each_preset_turns_up_and_down_as_its_source_says() {
    let (up, down) = (Direction::UP, Direction::DOWN);
    let (left, right) = (Direction::LEFT, Direction::RIGHT);
    let (front, back) = (Direction::FORWARD, Direction::BACK);

    // v360: the bottom edge of up and the top edge of down meet the front.
    let order = FaceOrder::RLUDFB;
    assert_landmarks("rludfb", order, up, edges_of(2.0, 0.0, [back, right, front, left]));
    assert_landmarks("rludfb", order, down, edges_of(0.0, 1.0, [front, right, back, left]));

    // The RFC: the top of up is forwards, the top of down is to the back.
    let order = FaceOrder::SPHERICAL_VIDEO_V2;
    assert_landmarks("cbmp", order, up, edges_of(2.0, 0.0, [front, left, back, right]));
    assert_landmarks("cbmp", order, down, edges_of(0.0, 1.0, [back, left, front, right]));

    // Read off FFmpeg 5.1's v360=e:c3x2:out_forder=lfrdbu:out_frot=000313, over a picture whose
    // colours tell longitude and latitude.
    let order = FaceOrder::PHOTO_SPHERE_VIEWER;
    assert_landmarks("viewer", order, down, edges_of(0.0, 1.0, [right, back, left, front]));
    assert_landmarks("viewer", order, back, edges_of(1.0, 1.0, [right, up, left, down]));
    assert_landmarks("viewer", order, up, edges_of(2.0, 1.0, [right, front, left, back]));
}

#[test]
fn the_rows_of_the_photo_sphere_viewer_preset_are_strips_without_a_break() {
    let layout = CubeLayout::new(FaceOrder::PHOTO_SPHERE_VIEWER, 96, 0).unwrap();
    for cube in CUBES {
        for border in [96.0, 192.0] {
            for row in 0..layout.height() {
                let y = f64::from(row) + 0.5;
                let before = seen_at(&layout, cube, PixelPosition { x: border - 1e-9, y });
                let after = seen_at(&layout, cube, PixelPosition { x: border, y });
                assert!(before.angle_to(after) < 1e-9, "{cube:?} column {border}, row {row}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    /// Also in the padding, where the face goes on beyond its edge.
    #[test]
    fn positions_survive_the_face(
        (_, order) in prop::sample::select(PRESETS.to_vec()),
        faces in 1..100_u32, quarter_of_padding in 0.0..1.0, across in 0.0..1.0, down in 0.0..1.0,
    ) {
        let face_size = faces * 16;
        let padding_steps = (0..face_size / 4).step_by(2).collect::<Vec<_>>();
        let padding = *padding_steps
            .iter()
            .rfind(|steps| f64::from(**steps) <= quarter_of_padding * f64::from(face_size) / 4.0)
            .unwrap();
        let layout = CubeLayout::new(order, face_size, padding).unwrap();
        let position = PixelPosition {
            x: across * f64::from(layout.width()),
            y: down * f64::from(layout.height()),
        };
        let (face, uv) = layout.locate(position).unwrap();
        prop_assert!(layout.padded_rect(face).contains(position));
        let found = layout.position_of(face, uv);
        prop_assert!((found.x - position.x).abs() < 1e-9, "{found:?}, not {position:?}");
        prop_assert!((found.y - position.y).abs() < 1e-9, "{found:?}, not {position:?}");
    }

    /// Padding shows what lies there on the sphere: what its neighbour shows, for the same rays.
    #[test]
    fn padding_shows_what_a_neighbour_shows(
        beside in 0.0..8.0, along in 8.0..88.0,
        (_, order) in prop::sample::select(PRESETS.to_vec()),
        cube in prop::sample::select(CUBES.to_vec()),
        face in prop::sample::select(Face::ALL.to_vec()),
    ) {
        let layout = CubeLayout::new(order, 96, 8).unwrap();
        let square = layout.padded_rect(face);
        let position = PixelPosition {
            x: f64::from(square.left()) + beside,
            y: f64::from(square.top()) + along,
        };
        let direction = seen_at(&layout, cube, position);
        let (neighbour, uv) = cube.project(direction);
        prop_assert_ne!(neighbour, face);
        let there = layout.position_of(neighbour, uv);
        prop_assert!(seen_at(&layout, cube, there).angle_to(direction) < 1e-9);
    }
}
