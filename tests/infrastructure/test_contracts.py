"""What template, units and code have to agree on."""

import json
import re
import tomllib
import unittest
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import template
from template import ROOT, as_list, nodes, resources, statements

# AWS's own, which the workers do not publish.
OF_AWS = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
    ("AWS/AutoScaling", "GroupDesiredCapacity"),
    ("AWS/AutoScaling", "GroupInServiceInstances"),
}
# Rights that no call has the name of, and why they are there.
BESIDE_CALLS = {
    "s3:GetObjectVersion": "what s3:GetObject needs with a version's id, which downloads ask with",
}
# Packages of Debian 12 by the features of ffmpeg-next that link them. It always links libavutil.
LIBRARIES = {
    "codec": "libavcodec59",
    "device": "libavdevice59",
    "filter": "libavfilter8",
    "format": "libavformat59",
    "software-resampling": "libswresample4",
    "software-scaling": "libswscale6",
}
OURS = "(ours)"


def published() -> set[str]:
    """Names of the metrics that workers publish."""
    source = (ROOT / "crates/job/src/metric.rs").read_text()
    names = re.search(r"fn name\(self\).*?match self \{(.*?)\n {8}\}", source, re.DOTALL)
    if names is None:
        raise LookupError("crates/job/src/metric.rs has no names any more where they are looked for")
    return set(re.findall(r'=> "(\w+)"', names[1]))


def code(*sources: str) -> str:
    """Files and folders of the crate of all AWS, without their tests."""
    roots = [ROOT / "crates/cloud/src" / source for source in sources]
    files = [path for root in roots for path in (sorted(root.rglob("*.rs")) if root.is_dir() else [root])]
    return "\n".join(path.read_text().partition("#[cfg(test)]")[0] for path in files)


def actions(text: str) -> set[str]:
    """Actions that code names at its calls, alone or with another one."""
    return set(re.findall(r"\b(?:sqs|s3|cloudwatch|autoscaling):[A-Z][a-z]\w+", re.sub(r"//.*", "", text)))


def called() -> set[str]:
    """Actions of all calls: what a worker may do."""
    return actions(code(""))


def reached(text: str, *functions: str, leaving_out: Iterable[str] = ()) -> set[str]:
    """Actions of some functions, and of all that they call in the same text."""
    parts = re.split(r"\bfn (\w+)", text)[1:]
    bodies: dict[str, str] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        bodies[name] = bodies.get(name, "") + body
    missing = set(functions) - bodies.keys()
    if missing:
        raise LookupError(f"crates/cloud has no {missing} any more")
    found, todo = set(), set(functions)
    while todo:
        body = bodies[name := todo.pop()]
        found.add(name)
        todo |= (set(re.findall(r"\b(\w+)\(", body)) & bodies.keys()) - found - set(leaving_out)
    return actions("".join(bodies[name] for name in found))


def called_by_origins() -> set[str]:
    """Actions of what record-postprocess calls of the crate."""
    hook = "".join(path.read_text() for path in (ROOT / "crates/record-postprocess/src").rglob("*.rs"))
    of_bucket = set(re.findall(r"\bbucket\.(\w+)\(key", hook))
    of_queue = set(re.findall(r"\bqueue\.(\w+)\(body", hook))
    # Every request of the SDK ends with a send of its own.
    ends = {"send"}
    return reached(code("s3.rs", "s3/multipart.rs"), *of_bucket, leaving_out=ends) | reached(
        code("sqs.rs"), *of_queue, leaving_out=ends
    )


def dashboard(stack: dict[str, Any]) -> dict[str, Any]:
    """The dashboard's body, with a number or a name for what is not known before deployment."""
    (properties,) = resources(stack, "AWS::CloudWatch::Dashboard").values()
    body = properties["DashboardBody"]["Fn::Sub"]
    body = body.replace("${MetricNamespace}", OURS).replace("${TargetSecondsToDrain}", "300")
    return json.loads(re.sub(r"\$\{[^}]*\}", "name", body))


def shown(body: dict[str, Any]) -> set[tuple[str, str]]:
    """Namespace and name of every metric on a dashboard."""
    found = set()
    for widget in body["widgets"]:
        namespace = name = ""
        for row in widget["properties"].get("metrics", []):
            if isinstance(row[0], dict):
                searched = re.fullmatch(r"SEARCH\('\{([^,]+),.*MetricName=\"(\w+)\".*", row[0]["expression"])
                found.add(searched.groups() if searched else ("?", row[0]["expression"]))
                continue
            # A dot repeats what stands above it, three repeat all.
            if row[0] != "...":
                namespace = namespace if row[0] == "." else row[0]
                name = name if row[1] == "." else row[1]
            found.add((namespace, name))
    return found


def watched(stack: dict[str, Any]) -> set[tuple[str, str]]:
    """Namespace and name of every metric of alarms and scaling policies."""
    found = set()
    for node in nodes(stack["Resources"]):
        if "MetricName" in node and "Namespace" in node:
            ours = node["Namespace"] == {"Ref": "MetricNamespace"}
            found.add((OURS if ours else node["Namespace"], node["MetricName"]))
    return found


class Metrics(unittest.TestCase):
    def setUp(self) -> None:
        self.template = template.load()

    def test_there_are_names_to_compare(self) -> None:
        self.assertLessEqual({"SecondsToDrain", "QueueVisible", "JobsFailed"}, published())

    def test_alarms_and_scaling_follow_what_is_published(self) -> None:
        metrics = watched(self.template)
        self.assertIn((OURS, "SecondsToDrain"), metrics)
        self.assertLessEqual(metrics, OF_AWS | {(OURS, name) for name in published()})

    def test_the_dashboard_shows_all_that_is_published_and_nothing_else(self) -> None:
        metrics = shown(dashboard(self.template))
        self.assertEqual({name for namespace, name in metrics if namespace == OURS}, published())
        self.assertLessEqual({metric for metric in metrics if metric[0] != OURS}, OF_AWS)

    def test_values_are_looked_for_under_the_dimension_that_they_are_published_with(self) -> None:
        ours = [
            node
            for node in nodes(self.template["Resources"])
            if node.get("Namespace") == {"Ref": "MetricNamespace"} and "MetricName" in node
        ]
        self.assertGreaterEqual(len(ours), 2)
        for node in ours:
            dimensions = [{"Name": "Queue", "Value": {"Fn::GetAtt": ["Queue", "QueueName"]}}]
            self.assertEqual(node["Dimensions"], dimensions)


class Rights(unittest.TestCase):
    def setUp(self) -> None:
        kinds = ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy")
        stack = template.load()
        self.by_identity = {
            name: statements(properties) for kind in kinds for name, properties in resources(stack, kind).items()
        }

    def granted(self, identity: str) -> set[str]:
        found = self.by_identity[identity]
        return {action for statement in found for action in as_list(statement["Action"])} - {"sts:AssumeRole"}

    def test_there_are_calls_to_compare(self) -> None:
        self.assertLessEqual({"sqs:ReceiveMessage", "autoscaling:SetInstanceProtection"}, called())
        self.assertLessEqual({"s3:GetObject", "s3:PutObject", "sqs:SendMessage"}, called_by_origins())
        self.assertLess(called_by_origins(), called())

    def test_a_worker_may_do_what_it_calls_and_nothing_else(self) -> None:
        self.assertEqual(self.granted("WorkerRole"), called() | BESIDE_CALLS.keys())

    def test_an_origin_may_do_what_it_calls_and_nothing_else(self) -> None:
        self.assertEqual(self.granted("OriginPolicy"), called_by_origins())
        self.assertEqual(self.granted("OriginRole"), set())
        self.assertEqual(self.by_identity.keys(), {"OriginPolicy", "OriginRole", "WorkerRole"})

    def test_the_right_to_read_a_version_is_used(self) -> None:
        self.assertIn("set_version_id(", code("s3/download.rs"))

    def test_who_reads_a_bucket_is_told_what_is_missing(self) -> None:
        """S3 answers 403 for it without s3:ListBucket; emulators do not."""
        seen = 0
        for name, found in self.by_identity.items():
            for bucket in ("IngressBucket", "EgressBucket"):
                objects, itself = {"Fn::Sub": f"${{{bucket}.Arn}}/*"}, {"Fn::GetAtt": [bucket, "Arn"]}
                reads = any("s3:GetObject" in s["Action"] and s.get("Resource") == objects for s in found)
                lists = any("s3:ListBucket" in s["Action"] and itself in as_list(s.get("Resource")) for s in found)
                with self.subTest(name, bucket=bucket):
                    self.assertEqual(lists, reads)
                seen += reads
        self.assertEqual(seen, 3)


class Advice(unittest.TestCase):
    def test_alarms_name_commands_that_there_are(self) -> None:
        """An alarm once sent its reader to a command of a later release."""
        alarms = resources(template.load(), "AWS::CloudWatch::Alarm").values()
        named = [name for alarm in alarms for name in re.findall(r"transcoder (\w+)", alarm["AlarmDescription"])]
        self.assertTrue(named)
        commands = re.search(r"enum Command \{(.*?)\n\}", (ROOT / "crates/transcoder/src/args.rs").read_text(), re.DOTALL)
        known = {name.lower() for name in re.findall(r"^    (\w+)\(", commands[1], re.MULTILINE)}
        self.assertLessEqual(set(named), known)


class Draining(unittest.TestCase):
    def test_the_group_waits_for_longer_than_the_unit_needs_to_stop(self) -> None:
        unit = (ROOT / "systemd/transcoder.service").read_text()
        stop = int(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[1])
        self.assertLess(stop, 120, "a Spot interruption leaves 120 s")
        (hook,) = resources(template.load(), "AWS::AutoScaling::LifecycleHook").values()
        self.assertGreaterEqual(hook["HeartbeatTimeout"], stop + 30)
        self.assertEqual(hook["DefaultResult"], "CONTINUE")
        self.assertEqual(hook["LifecycleTransition"], "autoscaling:EC2_INSTANCE_TERMINATING")
        self.assertEqual(hook["LifecycleHookName"], template.load()["Outputs"]["LifecycleHookName"]["Value"])


class UserData(unittest.TestCase):
    def test_workers_enable_a_unit_that_is_in_the_package(self) -> None:
        (launch,) = resources(template.load(), "AWS::EC2::LaunchTemplate").values()
        script = launch["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Fn::Sub"]
        units = re.findall(r"systemctl enable (\S+)", script)
        self.assertEqual(units, ["transcoder.service"])
        self.assertTrue(Path(ROOT, "systemd", units[0]).is_file())

    def test_workers_have_every_library_that_transcoder_is_linked_against(self) -> None:
        (launch,) = resources(template.load(), "AWS::EC2::LaunchTemplate").values()
        script = launch["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Fn::Sub"]
        packages = re.search(r"^packages: \[(.*)\]$", script, re.MULTILINE)[1].split(", ")
        manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
        features = manifest["workspace"]["dependencies"]["ffmpeg-next"]["features"]
        libraries = {LIBRARIES[feature] for feature in features if feature in LIBRARIES} | {"libavutil57"}
        self.assertEqual(set(packages), libraries | {"awscli"})


if __name__ == "__main__":
    unittest.main()
