"""What template, units and code have to agree on."""

import json
import re
import unittest
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
    "s3:ListBucket": "what is missing is 404 and not 403",
    "s3:GetObjectVersion": "GetObject of the version that an S3 event names",
}
OURS = "(ours)"


def published() -> set[str]:
    """Names of the metrics that workers publish."""
    source = (ROOT / "crates/job/src/metric.rs").read_text()
    names = re.search(r"fn name\(self\).*?match self \{(.*?)\n {8}\}", source, re.DOTALL)
    if names is None:
        raise LookupError("crates/job/src/metric.rs has no names any more where they are looked for")
    return set(re.findall(r'=> "(\w+)"', names[1]))


def called() -> set[str]:
    """Actions that the crate of all AWS names at its calls."""
    sources = (ROOT / "crates/cloud/src").rglob("*.rs")
    code = "\n".join(path.read_text().partition("#[cfg(test)]")[0] for path in sources)
    return set(re.findall(r'"((?:sqs|s3|cloudwatch|autoscaling):[A-Z][a-z]\w+)"', code))


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
        found = (statement for identity in self.by_identity.values() for statement in identity)
        actions = {action for statement in found for action in as_list(statement["Action"])}
        self.granted = actions - {"sts:AssumeRole"}

    def test_every_call_is_allowed(self) -> None:
        self.assertIn("sqs:ReceiveMessage", called())
        self.assertLessEqual(called(), self.granted)

    def test_nothing_is_allowed_that_is_not_called(self) -> None:
        self.assertEqual(self.granted - called() - BESIDE_CALLS.keys(), set())


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
        units = re.findall(r"systemctl enable --now (\S+)", script)
        self.assertEqual(units, ["transcoder.service"])
        self.assertTrue(Path(ROOT, "systemd", units[0]).is_file())


if __name__ == "__main__":
    unittest.main()
