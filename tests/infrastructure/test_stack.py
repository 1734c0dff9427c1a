"""The template, deployed on an emulator with both triggers."""

import base64
import json
import tomllib
import unittest

import yaml
from emulator import Emulator
from test_template import OUTPUTS

# Long enough for a notification that should not come, which otherwise comes within milliseconds.
SECONDS_OF_SILENCE = 2
SECONDS_OF_PATIENCE = 10


class Deployed(unittest.TestCase):
    emulator: Emulator
    stacks: dict[str, dict[str, str]]

    @classmethod
    def setUpClass(cls) -> None:
        cls.emulator = Emulator()
        cls.addClassCleanup(cls.emulator.stop)
        cls.stacks = {
            trigger: cls.emulator.outputs(f"vod-{trigger}", Trigger=trigger) for trigger in ("hook", "s3-event")
        }

    def attributes(self, queue: str) -> dict[str, str]:
        sqs = self.emulator.client("sqs")
        return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]

    def keys_announced(self, queue: str, seconds: int) -> list[str]:
        """Keys of all events in a queue, which are taken out of it."""
        sqs, keys = self.emulator.client("sqs"), []
        while True:
            answer = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=seconds, MaxNumberOfMessages=10)
            if not answer.get("Messages"):
                return keys
            for message in answer["Messages"]:
                records = json.loads(message["Body"]).get("Records", [])
                keys += [record["s3"]["object"]["key"] for record in records]
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            seconds = SECONDS_OF_SILENCE

    def put(self, bucket: str, key: str) -> None:
        self.emulator.client("s3").put_object(Bucket=bucket, Key=key, Body=b"FLV")

    def test_outputs_are_there(self) -> None:
        for trigger, outputs in self.stacks.items():
            with self.subTest(trigger):
                self.assertEqual(outputs.keys(), OUTPUTS)
                self.assertFalse([name for name, value in outputs.items() if not value])
                self.assertEqual(outputs["Trigger"], trigger)

    def test_stacks_are_complete(self) -> None:
        formation = self.emulator.client("cloudformation")
        for trigger in self.stacks:
            (stack,) = formation.describe_stacks(StackName=f"vod-{trigger}")["Stacks"]
            self.assertEqual(stack["StackStatus"], "CREATE_COMPLETE")

    def test_an_uploaded_recording_is_announced_by_s3_event(self) -> None:
        outputs = self.stacks["s3-event"]
        for key in ("live/te st/1795326084.flv", "live/test/1795326084.txt"):
            self.put(outputs["IngressBucket"], key)
        self.assertEqual(
            self.keys_announced(outputs["QueueUrl"], SECONDS_OF_PATIENCE), ["live/te+st/1795326084.flv"]
        )

    def test_an_uploaded_recording_is_left_to_the_hook_to_announce(self) -> None:
        outputs = self.stacks["hook"]
        self.put(outputs["IngressBucket"], "live/test/1795326084.flv")
        self.assertEqual(self.keys_announced(outputs["QueueUrl"], SECONDS_OF_SILENCE), [])

    def test_what_is_published_starts_no_work(self) -> None:
        outputs = self.stacks["s3-event"]
        self.put(outputs["EgressBucket"], "live/test/1795326084/copy.flv")
        self.assertEqual(self.keys_announced(outputs["QueueUrl"], SECONDS_OF_SILENCE), [])

    def test_the_queue_gives_up_late_and_to_the_dead_letters(self) -> None:
        for trigger, outputs in self.stacks.items():
            with self.subTest(trigger):
                work = self.attributes(outputs["QueueUrl"])
                dead = self.attributes(outputs["DeadLetterQueueUrl"])
                policy = json.loads(work["RedrivePolicy"])
                self.assertEqual((policy["deadLetterTargetArn"], int(policy["maxReceiveCount"])), (dead["QueueArn"], 50))
                self.assertEqual(work["VisibilityTimeout"], "120")
                self.assertEqual((work["SqsManagedSseEnabled"], dead["SqsManagedSseEnabled"]), ("true", "true"))
                self.assertEqual(work["QueueArn"].rpartition(":")[2], outputs["QueueName"])

    def test_only_the_trigger_that_was_asked_for_may_send(self) -> None:
        for trigger, outputs in self.stacks.items():
            with self.subTest(trigger):
                statements = json.loads(self.attributes(outputs["QueueUrl"])["Policy"])["Statement"]
                bucket = f"arn:aws:s3:::{outputs['IngressBucket']}"
                senders = [s["Condition"]["ArnEquals"]["aws:SourceArn"] for s in statements if s["Effect"] == "Allow"]
                self.assertEqual(senders, [bucket] if trigger == "s3-event" else [])
                iam = self.emulator.client("iam")
                version = iam.get_policy(PolicyArn=outputs["OriginPolicyArn"])["Policy"]["DefaultVersionId"]
                origin = iam.get_policy_version(PolicyArn=outputs["OriginPolicyArn"], VersionId=version)["PolicyVersion"]
                self.assertEqual("sqs:SendMessage" in json.dumps(origin["Document"]), trigger == "hook")

    def test_pages_of_any_host_may_read_ranges_of_presentations(self) -> None:
        for trigger, outputs in self.stacks.items():
            with self.subTest(trigger):
                (rule,) = self.emulator.client("s3").get_bucket_cors(Bucket=outputs["EgressBucket"])["CORSRules"]
                self.assertEqual((rule["AllowedMethods"], rule["AllowedHeaders"]), (["GET", "HEAD"], ["Range"]))

    def test_workers_are_told_where_the_work_is(self) -> None:
        for trigger, outputs in self.stacks.items():
            with self.subTest(trigger):
                data = self.user_data(outputs["WorkerInstanceProfileArn"])
                self.assertTrue(data.startswith("#cloud-config\n"))
                files = {file["path"]: file["content"] for file in yaml.safe_load(data)["write_files"]}
                owner = outputs["WorkerRoleArn"].split(":")[4]
                settings = {
                    "queue": outputs["QueueUrl"],
                    "output": f"s3://{outputs['EgressBucket']}",
                    "recordings": [f"s3://{outputs['IngressBucket']}"],
                    "expected_owner": owner,
                    "metrics": f"cloudwatch:{outputs['MetricNamespace']}",
                    "fleet": "ec2",
                }
                self.assertEqual(tomllib.loads(files["/etc/rec2vod/transcoder.toml"]), settings)
                self.assertEqual(files["/etc/rec2vod/transcoder.env"], "AWS_REGION=us-east-1\n")
                self.assertNotIn("${", data)

    def user_data(self, profile: str) -> str:
        ec2 = self.emulator.client("ec2")
        for template in ec2.describe_launch_templates()["LaunchTemplates"]:
            versions = ec2.describe_launch_template_versions(LaunchTemplateId=template["LaunchTemplateId"])
            data = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]
            if data["IamInstanceProfile"]["Arn"] == profile:
                return base64.b64decode(data["UserData"]).decode()
        self.fail(f"no launch template has {profile}")

    def test_the_fleet_follows_the_time_to_drain(self) -> None:
        scaling = self.emulator.client("autoscaling")
        for trigger, outputs in self.stacks.items():
            with self.subTest(trigger):
                group = outputs["AutoScalingGroupName"]
                (policy,) = scaling.describe_policies(AutoScalingGroupName=group)["ScalingPolicies"]
                tracking = policy["TargetTrackingConfiguration"]
                metric = tracking["CustomizedMetricSpecification"]
                self.assertEqual((metric["Namespace"], metric["MetricName"]), ("rec2vod", "SecondsToDrain"))
                self.assertEqual(metric["Statistic"], "Maximum")
                self.assertEqual(metric["Dimensions"], [{"Name": "Queue", "Value": outputs["QueueName"]}])
                self.assertEqual(float(tracking["TargetValue"]), 300)

    def test_workers_have_time_to_drain(self) -> None:
        scaling = self.emulator.client("autoscaling")
        for trigger, outputs in self.stacks.items():
            with self.subTest(trigger):
                hooks = scaling.describe_lifecycle_hooks(AutoScalingGroupName=outputs["AutoScalingGroupName"])
                (hook,) = hooks["LifecycleHooks"]
                self.assertEqual((hook["LifecycleHookName"], hook["HeartbeatTimeout"]), (outputs["LifecycleHookName"], 180))

    def test_the_dashboard_is_about_this_stack(self) -> None:
        watch = self.emulator.client("cloudwatch")
        for trigger, outputs in self.stacks.items():
            with self.subTest(trigger):
                body = watch.get_dashboard(DashboardName=outputs["DashboardName"])["DashboardBody"]
                self.assertEqual(len(json.loads(body)["widgets"]), 8)
                self.assertIn(outputs["QueueName"], body)
                self.assertIn(outputs["AutoScalingGroupName"], body)
                self.assertNotIn("${", body)

    def test_alarms_tell_somebody_if_there_is_somebody(self) -> None:
        self.emulator.outputs("vod-told", AlarmEmail="operator@example.org")
        alarms = self.emulator.client("cloudwatch").describe_alarms()["MetricAlarms"]
        told = {alarm["AlarmName"]: alarm["AlarmActions"] for alarm in alarms}
        ours = {name: actions for name, actions in told.items() if name.startswith("vod-told-")}
        self.assertEqual(len(ours), 3)
        self.assertEqual({len(actions) for actions in ours.values()}, {1})
        self.assertEqual({len(told[name]) for name in told.keys() - ours.keys() if name.startswith("vod-")}, {0})

    def test_a_stack_of_any_name_has_buckets_of_valid_names(self) -> None:
        """It was the stack's name and -ingress-, with the capitals that a stack may have and a bucket may not."""
        names = ("Recordings-Of-2026", "a-name-" + "x" * 100)
        for outputs in [*self.stacks.values(), *(self.emulator.outputs(name) for name in names)]:
            with self.subTest(outputs["IngressBucket"]):
                self.assertRegex(outputs["IngressBucket"], "^rec2vod-ingress-[0-9a-f-]{36}$")
                self.assertLessEqual(len(outputs["IngressBucket"]), 63)

    def test_a_stack_that_cannot_be_made_is_told_with_its_reason(self) -> None:
        done = self.emulator.deploy("vod-wrong", PackageSha256="short")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("PackageSha256", done.stderr)


if __name__ == "__main__":
    unittest.main()
