"""The installation of a worker, as cloud-init would run it: with the real package in a root of its own, and stand-ins for what it calls."""

import hashlib
import os
import subprocess
import unittest
from pathlib import Path

import template
import yaml
from template import resources
from test_units import WithDirectory

URL = "s3://packages/rec2vod.tar.gz"
# Each writes its name and arguments down; aws brings the package, if there is one.
STANDS_IN = """#!/bin/sh
echo "${0##*/} $*" >>"$CALLS"
[ "${0##*/}" != aws ] || cp "$PACKAGE" "$5"
"""
STARTED = [
    "systemd-sysusers",
    "systemd-tmpfiles --create rec2vod.conf",
    "transcoder --version",
    "systemctl daemon-reload",
    "systemctl enable transcoder.service",
    "systemctl start --no-block transcoder.service",
]


class Install(WithDirectory):
    def setUp(self) -> None:
        super().setUp()
        self.root = self.directory / "root"
        (self.root / "root").mkdir(parents=True)
        self.calls = self.directory / "calls"
        self.commands = self.directory / "commands"
        self.commands.mkdir()
        for name in ("aws", "systemctl", "systemd-sysusers", "systemd-tmpfiles", "transcoder", "poweroff"):
            self.stand_in(name, STANDS_IN)
        self.archive, _ = self.package()

    def stand_in(self, name: str, script: str) -> None:
        command = self.commands / name
        command.write_text(script)
        command.chmod(0o755)

    def run_commands(self, digest: str) -> list[str]:
        """What is called after the download when an instance starts for the first time."""
        (launch,) = resources(template.load(), "AWS::EC2::LaunchTemplate").values()
        data = launch["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Fn::Sub"]
        data = data.replace("${PackageUrl}", URL).replace("${PackageSha256}", digest)
        config = yaml.safe_load(data)
        (script,) = [file for file in config["write_files"] if file["path"] == "/root/install"]
        install = self.root / "root/install"
        install.write_text(self.below_root(script["content"]))
        install.chmod(int(script["permissions"], 8))
        environment = os.environ | {
            "PATH": f"{self.commands}:{os.environ['PATH']}",
            "CALLS": str(self.calls),
            "PACKAGE": str(self.archive),
        }
        for command in config["runcmd"]:
            subprocess.run(["sh", "-c", self.below_root(command)], env=environment, capture_output=True, check=False)
        download, *calls = [call.rstrip() for call in self.calls.read_text().splitlines()]
        self.assertEqual(download, f"aws s3 cp --only-show-errors {URL} {self.root}/root/rec2vod.tar.gz")
        return calls

    def below_root(self, text: str) -> str:
        """The same in our root instead of in this machine's."""
        for path, other in (("/root/", f"{self.root}/root/"), ("tar -C / ", f"tar -C {self.root} ")):
            text = text.replace(path, other)
        return text

    def digest(self) -> str:
        return hashlib.sha256(self.archive.read_bytes()).hexdigest()

    def test_a_worker_is_installed_and_started_and_not_waited_for(self) -> None:
        self.assertEqual(self.run_commands(self.digest()), STARTED)
        self.assertTrue((self.root / "usr/bin/transcoder").is_file())
        self.assertTrue((self.root / "usr/lib/systemd/system/transcoder.service").is_file())

    def test_another_package_is_not_unpacked_and_ends_the_instance(self) -> None:
        self.assertEqual(self.run_commands("0" * 64), ["poweroff"])
        self.assertFalse((self.root / "usr").exists())

    def test_a_package_that_is_not_there_ends_the_instance(self) -> None:
        digest = self.digest()
        self.archive.unlink()
        self.assertEqual(self.run_commands(digest), ["poweroff"])

    def test_a_program_that_cannot_run_ends_the_instance(self) -> None:
        self.stand_in("transcoder", STANDS_IN + "exit 127\n")
        self.assertEqual(self.run_commands(self.digest()), [*STARTED[:3], "poweroff"])


if __name__ == "__main__":
    unittest.main()
