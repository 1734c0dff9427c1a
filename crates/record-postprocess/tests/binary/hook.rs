//! What the hook does with recordings that are as they should be, whatever they are called.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Origin, RECORDING, STUB, bare_command};

#[test]
fn the_line_of_the_seed_delivers() {
    let origin = Origin::new();
    let path = origin.record("cam-1795326084.flv", RECORDING);
    let mut hook = bare_command();
    // Two arguments, and nothing else but what says where the settings are: the default is in /etc.
    hook.env("RECORD_POSTPROCESS_CONFIG", origin.config()).arg(&path).arg("cam-1795326084");
    assert_eq!(hook.status().unwrap().code(), Some(0));

    let messages = origin.messages();
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    let named =
        (message.app.as_str(), message.stream.as_str(), message.session.as_str(), message.part);
    assert_eq!(named, ("live", "cam", "1795326084", 1));
    assert!(!path.exists());
    let job = Origin::job(&origin.entries("")[0]);
    assert_eq!(
        (&job["state"], &job["sha256"]),
        (&"delivered".into(), &message.sha256.clone().into())
    );
}

#[test]
fn the_safe_form_delivers_in_an_empty_environment() {
    let origin = Origin::new();
    let path = origin.record("cam.flv", RECORDING);
    assert_eq!(origin.announce(&path, "cam", "raw name"), Some(0));
    let messages = origin.messages();
    let modified =
        origin.entries("")[0].join("recording.flv").metadata().unwrap().modified().unwrap();
    let modified = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(
        (messages[0].stream.as_str(), messages[0].session.as_str()),
        ("raw name", &*modified.to_string())
    );
}

#[test]
fn hostile_names_are_only_names() {
    let longest = "x".repeat(255 - ".flv".len());
    let names = [
        "-rf",
        "--json",
        ">x",
        "2>&1",
        "a%2F..%2Fb",
        "a b",
        "\u{e4}\u{1f600}",
        "sweep",
        "status",
        "$(id)",
        "...",
        "a\nb",
        &longest,
    ];
    for (number, name) in names.iter().enumerate() {
        let origin = Origin::new();
        let path = origin.record(format!("{name}.flv"), RECORDING);
        let raw = name.replace("%2F", "/");
        // Alternate between the forms; both must get the same names.
        let code = if number % 2 == 0 {
            origin.announce(&path, name, &raw)
        } else {
            let mut hook = bare_command();
            hook.env("RECORD_POSTPROCESS_CONFIG", origin.config());
            hook.arg(&path).arg(name).status().unwrap().code()
        };
        assert_eq!(code, Some(0), "{name}");
        assert_eq!(origin.streams(), [raw], "{name}");
        assert_eq!(fs::read_dir(origin.root()).unwrap().count(), 5, "{name} made files");
    }
}

#[test]
fn hostile_names_in_the_short_form_are_only_names() {
    for name in ["-rf", "--json", "--config=x", ">x", "sweep", "help"] {
        let origin = Origin::new();
        origin.record(format!("{name}.flv"), RECORDING);
        let mut hook = bare_command();
        hook.env("RECORD_POSTPROCESS_CONFIG", origin.config()).current_dir(origin.record_path());
        let code = hook.arg(format!("./{name}.flv")).arg(name).status().unwrap().code();
        assert_eq!(code, Some(0), "{name}");
        assert_eq!(origin.streams(), [name]);
    }
    // A path that begins with a dash itself.
    let origin = Origin::new();
    origin.record("-rf.flv", RECORDING);
    let mut hook = origin.command();
    hook.current_dir(origin.record_path()).args(["--", "-rf.flv", "-rf"]);
    assert_eq!(hook.status().unwrap().code(), Some(0));
    assert_eq!(origin.streams(), ["-rf"]);
}

#[test]
fn bytes_that_are_not_text_are_delivered_too() {
    use std::os::unix::ffi::OsStrExt as _;
    let origin = Origin::new();
    let name = std::ffi::OsStr::from_bytes(b"\xff\xfe.flv");
    let path = origin.record(name, RECORDING);
    assert_eq!(origin.announce(&path, "", ""), Some(0));
    assert_eq!(origin.streams(), ["%FF%FE"]);
}

#[test]
fn empty_values_fall_back() {
    let origin = Origin::new();
    let path = origin.record("cam-1795326084.flv", RECORDING);
    assert_eq!(origin.announce(&path, "", ""), Some(0));
    assert_eq!(origin.streams(), ["cam"]);
}

#[test]
fn recordings_without_a_frame_are_put_aside() {
    for bytes in [b"", STUB] {
        let origin = Origin::new();
        let path = origin.record("cam.flv", bytes);
        assert_eq!(origin.announce(&path, "cam", "cam"), Some(0));
        assert_eq!(origin.messages(), []);
        assert!(origin.entries("").is_empty());
        let job = Origin::job(&origin.entries("rejected")[0]);
        assert_eq!(job["state"], "rejected");
        assert!(origin.has_logged(job["reason"].as_str().unwrap()));
    }
}

#[test]
fn a_recording_that_only_the_worker_can_judge_is_delivered() {
    let origin = Origin::new();
    let path = origin.record("cam.flv", b"\0\0\0\0\x05\0\0\0\0 no head, but there may be frames");
    assert_eq!(origin.announce(&path, "cam", "cam"), Some(0));
    assert_eq!(origin.streams(), ["cam"]);
}

#[test]
fn the_second_announcement_of_a_path_does_nothing() {
    let origin = Origin::new();
    let path = origin.record("cam.flv", RECORDING);
    assert_eq!(origin.announce(&path, "cam", "cam"), Some(0));
    assert_eq!(origin.announce(&path, "cam", "cam"), Some(0));
    assert_eq!(origin.streams(), ["cam"]);
    assert!(origin.has_logged("announced before"));
}

#[test]
fn two_hooks_at_once_deliver_once() {
    let origin = Origin::new();
    for round in 0..10 {
        let path = origin.record("cam.flv", &[RECORDING, &vec![7; 1 << 20]].concat());
        let path = format!("--path={}", path.display());
        let start = || origin.command().arg(&path).arg(format!("--name={round}")).spawn().unwrap();
        let both = [start(), start()].map(|mut hook| hook.wait().unwrap().code());
        assert_eq!(both, [Some(0); 2]);
        assert_eq!(origin.streams(), [round.to_string()]);
    }
}

#[test]
fn a_path_can_be_used_again() {
    let origin = Origin::new();
    for _ in 0..2 {
        let path = origin.record("cam.flv", RECORDING);
        assert_eq!(origin.announce(&path, "cam", "cam"), Some(0));
    }
    assert_eq!(origin.streams(), ["cam", "cam"]);
}

/// The directory of the log may be missing until the first sweep.
#[test]
fn a_log_that_cannot_be_opened_keeps_no_recording_out_of_the_spool() {
    let origin = Origin::new();
    let path = origin.record("cam.flv", RECORDING);
    let named = format!("--path={}", path.display());
    let output = origin.output(&["--log=/nonexistent/log", &named]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(origin.streams(), ["cam"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("log cannot be opened") && told.contains("delivered"), "{told}");
}

#[test]
fn the_log_is_not_for_everybody() {
    let origin = Origin::new();
    let path = origin.record("cam.flv", RECORDING);
    assert_eq!(origin.announce(&path, "cam", "a\n\u{1b}[31mb"), Some(0));
    let mode = fs::metadata(origin.root().join("log")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let spooled = &origin.log()[0];
    assert_eq!(
        (&spooled["message"], &spooled["stream"]),
        (&"recording spooled".into(), &"a\n\u{1b}[31mb".into())
    );
}
