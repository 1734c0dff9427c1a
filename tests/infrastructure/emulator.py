"""ministack, an emulator of AWS, as a process of the tests."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from template import ROOT, TEMPLATE

REGION = "us-east-1"
START_SECONDS = 30
_DEPLOY = ROOT / "deploy" / "cloudformation" / "deploy-to-emulator"


class Emulator:
    """A running ministack on loopback, with nothing in it."""

    def __init__(self, *, enforces_rights: bool = False) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{port}"
        environment = os.environ | {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            # It would listen on all addresses.
            "IOT_MTLS_ENABLED": "0",
            "AUTH": "true" if enforces_rights else "false",
        }
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [os.path.join(os.path.dirname(sys.executable), "ministack")],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        self._log.seek(0)
        raise RuntimeError(f"ministack does not start:\n{self._log.read().decode(errors='replace')[-2000:]}")

    def stop(self) -> None:
        """Ends it with all that it has started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()

    def client(self, service: str, role: str | None = None) -> Any:
        """A client of the account's owner, or of a role."""
        credentials = {"AccessKeyId": "test", "SecretAccessKey": "test", "SessionToken": None}
        if role is not None:
            assumed = self.client("sts").assume_role(RoleArn=role, RoleSessionName="tests")
            credentials = assumed["Credentials"]
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            config=Config(connect_timeout=5, read_timeout=30, retries={"max_attempts": 1}),
        )

    def deploy(
        self, stack: str, template: Path = TEMPLATE, **parameters: str
    ) -> subprocess.CompletedProcess[str]:
        """Deploys the template as the demo does; outputs are on standard output."""
        command = [sys.executable, str(_DEPLOY), self.endpoint, "--stack", stack, "--region", REGION]
        command += ["--template", str(template)]
        for key, value in parameters.items():
            command += ["--parameter", f"{key}={value}"]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    def outputs(self, stack: str, template: Path = TEMPLATE, **parameters: str) -> dict[str, str]:
        """The same where it has to work."""
        done = self.deploy(stack, template, **parameters)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return json.loads(done.stdout)
