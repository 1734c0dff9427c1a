//! The architecture's rules as tests: over the dependencies of the workspace's crates, and over its sources.
//!
//! The rules are listed in README.md. Sources are looked at as text with comments and literals blanked out, which is
//! enough to catch a slip and not meant to stop whoever is out to get around it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

#[path = "invariants/scan.rs"]
mod scan;

/// Each crate of the workspace and those of its crates that it may depend on, tests included.
const FLOORS: &[(&str, &[&str])] = &[
    ("flv", &[]),
    ("job", &[]),
    ("projection", &[]),
    ("media", &["flv", "job", "projection"]),
    ("cloud", &["job"]),
    ("local", &["job"]),
    ("worker", &["job"]),
    ("record-postprocess", &["flv", "job", "cloud", "local"]),
    ("transcoder", &["flv", "job", "projection", "media", "cloud", "local", "worker"]),
];

/// Packages from outside, by the beginning of their names, and the only crate that may depend on them itself.
const DOORS: &[(&str, &str)] =
    &[("ffmpeg-", "media"), ("aws-", "cloud"), ("rusqlite", "local"), ("libsqlite3", "local")];

/// Crates and the packages, by the beginning of their names, that may not come to them by any way.
const NEVER: &[(&str, &[&str])] = &[
    ("flv", &["tokio", "aws-", "ffmpeg-", "rusqlite"]),
    ("job", &["tokio", "aws-", "ffmpeg-", "rusqlite"]),
    ("projection", &["tokio", "aws-", "ffmpeg-", "rusqlite"]),
    ("media", &["tokio", "aws-", "rusqlite"]),
    ("cloud", &["ffmpeg-", "rusqlite"]),
    ("local", &["ffmpeg-", "aws-"]),
    ("worker", &["ffmpeg-", "aws-", "rusqlite"]),
    ("record-postprocess", &["ffmpeg-"]),
];

/// A rule on what may stand where in the sources that are not tests.
struct Placement {
    rule: &'static str,
    words: &'static [&'static str],
    /// Files or folders that may hold these words. A file that no longer does has to leave the list.
    allowed: &'static [&'static str],
}

const BINARIES: &[&str] = &["crates/transcoder/", "crates/record-postprocess/"];

const PLACEMENTS: &[Placement] = &[
    Placement {
        rule: "only the binaries read the environment",
        words: &["std::env", "env::"],
        allowed: BINARIES,
    },
    Placement {
        rule: "only the binaries end the process",
        words: &["process::exit", "process::abort"],
        allowed: BINARIES,
    },
    Placement {
        rule: "only the binaries handle signals",
        words: &[
            "tokio::signal",
            "signal::unix",
            "signal::ctrl_c",
            "signal_hook",
            "sigaction",
            "ctrlc::",
        ],
        allowed: BINARIES,
    },
    Placement {
        rule: "children are started in one file, and the operator's ffmpeg, to measure with, in another",
        words: &["Command::new"],
        allowed: &["crates/worker/src/children.rs", "crates/transcoder/src/measure/vmaf.rs"],
    },
    Placement {
        rule: "the clock is read in one file, everybody else has the port `Clock`",
        words: &["SystemTime::now"],
        allowed: &["crates/local/src/clock.rs"],
    },
];

/// The only files with `unsafe`.
const UNSAFE_FILES: &[&str] = &["crates/media/src/ffi.rs"];

/// Crates that know nothing of async.
const SYNCHRONOUS: &[&str] = &["crates/flv/", "crates/media/", "crates/projection/"];

const LONGEST_FILE: usize = 500;

/// Folders on the machine of whoever wrote a line. Put together here, or this file would break its own rule.
const MACHINE_PATHS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

/// What is not kept in git.
const NOT_OURS: &[&str] = &[".git", ".setup", "__pycache__", "node_modules", "target", "vendor"];

#[test]
fn crates_depend_downwards_only() {
    let floors: BTreeMap<_, _> = FLOORS.iter().copied().collect();
    let mut broken = Vec::new();
    for (name, dependencies) in workspace_dependencies() {
        let Some(allowed) = floors.get(name.as_str()) else {
            broken.push(format!("crates/{name}: it has no place in FLOORS"));
            continue;
        };
        for dependency in dependencies {
            let forbidden = if floors.contains_key(dependency.as_str()) {
                !allowed.contains(&dependency.as_str())
            } else {
                DOORS.iter().any(|(package, door)| dependency.starts_with(package) && *door != name)
            };
            if forbidden {
                broken.push(format!("crates/{name}/Cargo.toml: must not depend on {dependency}"));
            }
        }
    }
    report(
        "crates depend downwards only, and on FFmpeg, AWS and SQLite through one crate each",
        &broken,
    );
}

#[test]
fn nothing_heavy_comes_in_by_a_side_door() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock can be read");
    let graph = scan::locked_packages(&lock);
    let mut broken = Vec::new();
    for (name, packages) in NEVER {
        for reached in scan::reachable(&graph, name) {
            if packages.iter().any(|package| reached.starts_with(package)) {
                broken.push(format!("crates/{name}/Cargo.toml: {reached} comes with it"));
            }
        }
    }
    report("some packages never reach some crates, not even through others", &broken);
}

#[test]
fn some_calls_have_their_place() {
    for Placement { rule, words, allowed } in PLACEMENTS {
        let mut broken = Vec::new();
        let mut unused: BTreeSet<_> = allowed.iter().filter(|path| is_rust(path)).collect();
        for (path, text) in sources().filter(|(path, _)| !is_test(path)) {
            let found = scan::lines_with(&scan::without_tests(&scan::code(&text)), words);
            if let Some(place) = allowed.iter().find(|place| path.starts_with(*place)) {
                if !found.is_empty() {
                    unused.remove(place);
                }
            } else {
                broken
                    .extend(found.into_iter().map(|(line, word)| format!("{path}:{line}: {word}")));
            }
        }
        broken.extend(unused.iter().map(|path| format!("{path}: has none, take it off the list")));
        report(rule, &broken);
    }
}

#[test]
fn unsafe_code_stands_in_named_files_with_its_reason() {
    let mut broken = Vec::new();
    let mut unused: BTreeSet<_> = UNSAFE_FILES.iter().copied().collect();
    for (path, text) in sources() {
        for (line, _) in scan::lines_with(&scan::code(&text), &["unsafe"]) {
            if !unused.remove(path.as_str()) && !UNSAFE_FILES.contains(&path.as_str()) {
                broken.push(format!("{path}:{line}: not one of UNSAFE_FILES"));
            } else if !scan::has_safety_comment(&text, line) {
                broken.push(format!("{path}:{line}: no `// SAFETY:` line above it"));
            }
        }
    }
    broken.extend(unused.iter().map(|path| format!("{path}: has none, take it off the list")));
    report("unsafe code stands in named files, each with its SAFETY line", &broken);
}

#[test]
fn async_stays_out_of_the_synchronous_crates() {
    let broken: Vec<_> = sources()
        .filter(|(path, _)| SYNCHRONOUS.iter().any(|folder| path.starts_with(folder)))
        .flat_map(|(path, text)| {
            let found = scan::lines_with(&scan::code(&text), &["async", ".await", "tokio"]);
            found.into_iter().map(move |(line, word)| format!("{path}:{line}: {word}"))
        })
        .collect();
    report("flv, media and projection are synchronous", &broken);
}

#[test]
fn files_stay_short() {
    let broken: Vec<_> = sources()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    report(&format!("no source file is longer than {LONGEST_FILE} lines"), &broken);
}

#[test]
fn crates_begin_by_saying_what_they_are() {
    let broken: Vec<_> = sources()
        .filter(|(path, _)| path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs"))
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| format!("{path}: no `//!` on its first line"))
        .collect();
    report("every crate's root begins with its documentation", &broken);
}

#[test]
fn no_path_of_a_developers_machine() {
    let mut broken = Vec::new();
    for (path, text) in text_files() {
        for (line, word) in scan::lines_with_path(&text, MACHINE_PATHS) {
            broken.push(format!("{path}:{line}: {word}"));
        }
    }
    report("no file names a folder of a developer's machine", &broken);
}

/// Fails with all that breaks the rule.
fn report(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "rule broken: {rule}\n  {}\n", broken.join("\n  "));
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the workspace has a folder")
}

/// The workspace's crates, each with what it names as a dependency of any kind, for any platform.
fn workspace_dependencies() -> Vec<(String, Vec<String>)> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(root())
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let name_of = |value: &Value| value["name"].as_str().expect("it has a name").to_owned();
    let packages = metadata["packages"].as_array().expect("a list of packages");
    assert!(packages.len() >= FLOORS.len(), "cargo metadata names {} crates only", packages.len());
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("a list of dependencies");
            (name_of(package), dependencies.iter().map(name_of).collect())
        })
        .collect()
}

/// All Rust sources, as path from the root and text.
fn sources() -> impl Iterator<Item = (String, String)> {
    text_files().filter(|(path, _)| is_rust(path))
}

/// All files of the project that are text.
fn text_files() -> impl Iterator<Item = (String, String)> {
    let root = root();
    let mut files = Vec::new();
    collect_files(&root, &mut files);
    assert!(
        files.len() > FLOORS.len(),
        "only {} files found below {}",
        files.len(),
        root.display()
    );
    files.into_iter().filter_map(move |file| {
        let path = file.strip_prefix(&root).expect("it lies below the root").to_str()?.to_owned();
        Some((path, String::from_utf8(fs::read(&file).ok()?).ok()?))
    })
}

fn collect_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the project's folders can be read") {
        let entry = entry.expect("the project's folders can be read");
        let kind = entry.file_type().expect("a file has a type");
        let ours = entry.file_name().to_str().is_some_and(|name| !NOT_OURS.contains(&name));
        if kind.is_dir() && ours {
            collect_files(&entry.path(), files);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

/// Files that are compiled for tests only; tests inside of other files are blanked out by [`scan::without_tests`].
fn is_test(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "benches" | "tests.rs"))
        || path.ends_with("_tests.rs")
}
