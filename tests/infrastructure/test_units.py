"""The systemd units: right, closed, and at one with the package that carries them. No systemd has to run."""

import os
import platform
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

from template import ROOT

UNITS = ROOT / "systemd"
SERVICES = ("transcoder.service", "record-postprocess-sweep.service")
# systemd-analyze counts in tenths: 1.5, where 0 is closed and 10 is open.
HIGHEST_EXPOSURE = 15
PACKAGE = ROOT / "deploy/cloudformation/package"
# Of this machine, as Debian calls it.
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
OTHER_ARCHITECTURE = {"amd64": "arm64", "arm64": "amd64"}[ARCHITECTURE]


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"SYSTEMD_COLORS": "0", "SYSTEMD_EMOJI": "0", "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def settings(unit: str) -> dict[str, list[str]]:
    """What a unit sets, in order, by key."""
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^([A-Za-z0-9]+)=(.*)$", (UNITS / unit).read_text(), re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


class WithDirectory(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def binaries(self) -> Path:
        """Stand-ins for the binaries, of this machine's architecture."""
        binaries = self.directory / "binaries"
        binaries.mkdir(exist_ok=True)
        for binary in ("transcoder", "record-postprocess"):
            shutil.copy("/bin/true", binaries / binary)
        return binaries

    def package(self, name: str = "rec2vod.tar.gz") -> tuple[Path, str]:
        """The archive with stand-ins for the binaries, and the digest that was told."""
        archive = self.directory / name
        done = run(PACKAGE, "--architecture", ARCHITECTURE, self.binaries(), archive)
        self.assertEqual(done.returncode, 0, done.stderr)
        return archive, done.stdout.strip()


class Verify(WithDirectory):
    """A root directory with the units of this machine's systemd and all that the package holds."""

    def setUp(self) -> None:
        super().setUp()
        self.root = self.directory / "root"
        shutil.copytree("/usr/lib/systemd/system", self.root / "usr/lib/systemd/system", symlinks=True)
        (self.root / "lib").symlink_to("usr/lib")
        archive, _ = self.package()
        unpacked = run("tar", "-C", self.root, "-xzf", archive, "--no-same-owner")
        self.assertEqual(unpacked.returncode, 0, unpacked.stderr)
        self.names = sorted(path.name for path in UNITS.iterdir() if path.is_file())

    def verify(self) -> tuple[int, str]:
        done = run("systemd-analyze", f"--root={self.root}", "verify", *self.names)
        # A key that it does not know is but a line to it.
        return done.returncode, done.stdout + done.stderr

    def test_units_are_right(self) -> None:
        self.assertEqual(len(self.names), 4)
        self.assertEqual(self.verify(), (0, ""))

    def test_what_is_wrong_would_be_seen(self) -> None:
        unit = self.root / "usr/lib/systemd/system/transcoder.service"
        unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchDogSec="))
        self.assertIn("Unknown key 'WatchDogSec'", self.verify()[1])
        (self.root / "usr/bin/transcoder").unlink()
        status, told = self.verify()
        self.assertEqual(status, 1)
        self.assertIn("/usr/bin/transcoder is not executable", told)

    def test_users_and_directories_are_understood(self) -> None:
        (self.root / "etc").mkdir()
        (self.root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nwww-data:x:33:33::/:/bin/false\n")
        (self.root / "etc/group").write_text("root:x:0:\nwww-data:x:33:\n")
        users = run("systemd-sysusers", f"--root={self.root}", "rec2vod.conf")
        self.assertEqual(users.returncode, 0, users.stderr)
        self.assertRegex((self.root / "etc/group").read_text(), r"(?m)^rec2vod:x:\d+:www-data$")
        # Read but not carried out: giving directories away is for root.
        made = run("systemd-tmpfiles", f"--root={self.root}", "--create", "--prefix=/nowhere", "rec2vod.conf")
        self.assertEqual((made.returncode, made.stdout + made.stderr), (0, ""))


class Exposure(unittest.TestCase):
    def test_services_are_closed(self) -> None:
        for unit in SERVICES:
            with self.subTest(unit):
                done = run(
                    "systemd-analyze", "security", "--offline=true", f"--threshold={HIGHEST_EXPOSURE}", UNITS / unit
                )
                overall = done.stdout.strip().splitlines()[-1]
                print(f"\n{overall}")
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertIn(f"Overall exposure level for {unit}", overall)

    def test_an_open_service_would_be_seen(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            unit = Path(directory, "transcoder.service")
            text = (UNITS / unit.name).read_text()
            unit.write_text(text.replace("SystemCallFilter=", "#").replace("ProtectSystem=", "#"))
            command = ("systemd-analyze", "security", "--offline=true", f"--threshold={HIGHEST_EXPOSURE}", unit)
            self.assertNotEqual(run(*command).returncode, 0)


class Worker(unittest.TestCase):
    def test_it_is_watched_and_stops_within_a_spot_notice(self) -> None:
        wanted = {
            "Type": ["notify"],
            "NotifyAccess": ["main"],
            "WatchdogSec": ["60"],
            "Restart": ["on-failure"],
            "KillMode": ["mixed"],
            "TimeoutStopSec": ["110"],
            "ExecStart": ["/usr/bin/transcoder run"],
        }
        found = settings("transcoder.service")
        self.assertEqual({key: found.get(key) for key in wanted}, wanted)

    def test_it_runs_when_the_queue_or_the_right_that_it_lacked_is_there(self) -> None:
        """Not started again after some exit code, its instance would stay: protected, idle and paid for."""
        found = settings("transcoder.service")
        self.assertNotIn("RestartPreventExitStatus", found)
        self.assertEqual(found["StartLimitIntervalSec"], ["0"])

    def test_children_may_close_themselves_further(self) -> None:
        filters = " ".join(settings("transcoder.service")["SystemCallFilter"]).split()
        for call in ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp"):
            self.assertIn(call, filters)


class Sweep(unittest.TestCase):
    def setUp(self) -> None:
        self.settings = settings("record-postprocess-sweep.service")

    def test_it_can_rename_recordings_into_the_spool(self) -> None:
        """Paths that may be written to are mounts of their own, and rename(2) does not cross mounts."""
        (writable,) = self.settings["ReadWritePaths"]
        made = [line.split()[1] for line in (UNITS / "tmpfiles.d/rec2vod.conf").read_text().splitlines() if line[:1] == "d"]
        for path in ("/var/lib/rec2vod/recordings", "/var/lib/rec2vod/spool", "/var/lib/rec2vod/queue"):
            self.assertIn(path, made)
            self.assertTrue(path.startswith(f"{writable}/"))

    def test_uploads_of_many_hours_are_not_cut_off(self) -> None:
        self.assertEqual(self.settings["TimeoutStartSec"], ["infinity"])

    def test_it_starts_when_settings_change_and_not_with_every_stream(self) -> None:
        watched = settings("record-postprocess-sweep.path")["PathChanged"]
        code = (ROOT / "crates/record-postprocess/src/settings.rs").read_text()
        default = re.search(r'const DEFAULT_FILE: &str = "([^"]+)"', code)[1]
        environment = self.settings["EnvironmentFile"][0].removeprefix("-")
        self.assertEqual(watched, [default, environment])

    def test_the_directory_of_the_log_is_there_before_the_first_sweep(self) -> None:
        """LogsDirectory= makes it when the sweep starts; a hook may run before, and could not open its log."""
        lines = [line.split() for line in (UNITS / "tmpfiles.d/rec2vod.conf").read_text().splitlines()]
        (found,) = [line for line in lines if line[1:2] == ["/var/log/rec2vod"]]
        wanted = [self.settings["LogsDirectoryMode"][0], self.settings["User"][0], self.settings["Group"][0]]
        self.assertEqual(found, ["d", f"/var/log/{self.settings['LogsDirectory'][0]}", *wanted])

    def test_it_sees_what_nginx_has_open(self) -> None:
        """Only the same user, of the same user namespace, may look into /proc/PID/fd."""
        self.assertEqual(self.settings["User"], ["www-data"])
        self.assertNotIn("PrivateUsers", self.settings)
        self.assertNotIn("DynamicUser", self.settings)


class Package(WithDirectory):
    def test_the_same_files_give_the_same_bytes(self) -> None:
        first, digest = self.package("first.tar.gz")
        second, again = self.package("second.tar.gz")
        self.assertRegex(digest, "^[0-9a-f]{64}$")
        self.assertEqual((first.read_bytes(), digest), (second.read_bytes(), again))

    def test_it_holds_programs_and_units_and_touches_no_directory(self) -> None:
        archive, _ = self.package()
        with tarfile.open(archive) as packed:
            members = {member.name: member for member in packed}
        self.assertTrue(all(member.isfile() and member.uid == 0 for member in members.values()))
        for unit in UNITS.glob("*.*"):
            if unit.is_file():
                self.assertEqual(members[f"usr/lib/systemd/system/{unit.name}"].mode, 0o644)
        for unit in SERVICES:
            program = settings(unit)["ExecStart"][0].split()[0]
            self.assertEqual(members[program.lstrip("/")].mode, 0o755)
        self.assertIn("usr/lib/sysusers.d/rec2vod.conf", members)
        self.assertIn("usr/lib/tmpfiles.d/rec2vod.conf", members)

    def test_programs_of_another_architecture_are_refused(self) -> None:
        """A fleet of arm64 that is given what another machine built has no worker that starts."""
        archive, binaries = self.directory / "a.tar.gz", self.binaries()
        for program, name in ((b"#!/bin/sh\n", "no program"), (b"", "no program")):
            shutil.copy("/bin/true", binaries / "record-postprocess")
            (binaries / "record-postprocess").write_bytes(program)
            done = run(PACKAGE, f"--architecture={ARCHITECTURE}", binaries, archive)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"record-postprocess is {name} and should be {ARCHITECTURE}", done.stderr)
        # One foreign program among the two is enough.
        program = bytearray(Path("/bin/true").read_bytes())
        program[18:20] = {"arm64": 183, "amd64": 62}[OTHER_ARCHITECTURE].to_bytes(2, "little")
        (binaries / "record-postprocess").write_bytes(program)
        done = run(PACKAGE, f"--architecture={ARCHITECTURE}", binaries, archive)
        self.assertIn(f"record-postprocess is {OTHER_ARCHITECTURE} and should be {ARCHITECTURE}", done.stderr)
        self.assertFalse(archive.exists())

    def test_programs_are_those_of_the_workers_unless_it_is_told_otherwise(self) -> None:
        done = run(PACKAGE, self.binaries(), self.directory / "a.tar.gz")
        self.assertEqual(done.returncode == 0, ARCHITECTURE == "arm64", done.stderr)
        self.assertEqual(run(PACKAGE, "--architecture=mips", self.binaries(), self.directory / "a").returncode, 2)

    def test_missing_programs_are_told(self) -> None:
        done = run(PACKAGE, self.directory, self.directory / "a.tar.gz")
        self.assertEqual(done.returncode, 1)
        self.assertIn("transcoder is missing", done.stderr)
        self.assertFalse((self.directory / "a.tar.gz").exists())


if __name__ == "__main__":
    unittest.main()
