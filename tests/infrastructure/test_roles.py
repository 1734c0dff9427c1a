"""What the stack's roles may do and may not, tried call by call on an emulator that enforces it.

Not tried: cloudwatch:PutMetricData, whose condition ministack does not know, and autoscaling:SetInstanceProtection, which it does not have.
"""

import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import template
from botocore.exceptions import ClientError
from emulator import Emulator

WITHOUT_TLS = 'aws:SecureTransport: "false"'
DENIED = {"AccessDenied", "403"}
RECORDING = "live/test/1.flv"


def outcome(call: Callable[[], Any]) -> str:
    """ok, denied, or the error's code."""
    try:
        call()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return "denied" if code in DENIED else code
    return "ok"


class WithoutTls(unittest.TestCase):
    def test_nothing_is_served_not_even_to_the_owner(self) -> None:
        emulator = Emulator(enforces_rights=True)
        self.addCleanup(emulator.stop)
        outputs = emulator.outputs("vod")
        s3, sqs = (emulator.client(service, outputs["WorkerRoleArn"]) for service in ("s3", "sqs"))
        for bucket in ("IngressBucket", "EgressBucket"):
            self.assertEqual(outcome(lambda b=outputs[bucket]: s3.get_object(Bucket=b, Key=RECORDING)), "denied")
        queue = outputs["QueueUrl"]
        self.assertEqual(outcome(lambda: sqs.receive_message(QueueUrl=queue)), "denied")


class Roles(unittest.TestCase):
    emulator: Emulator
    outputs: dict[str, str]

    @classmethod
    def setUpClass(cls) -> None:
        cls.emulator = Emulator(enforces_rights=True)
        cls.addClassCleanup(cls.emulator.stop)
        # The emulator has no TLS.
        text = template.TEMPLATE.read_text()
        with tempfile.TemporaryDirectory() as directory:
            changed = Path(directory, "vod.yaml")
            changed.write_text(text.replace(WITHOUT_TLS, 'aws:SecureTransport: "true"'))
            cls.outputs = cls.emulator.outputs("vod", changed)
        owner = cls.emulator.client("s3")
        for bucket in ("IngressBucket", "EgressBucket"):
            owner.put_object(Bucket=cls.outputs[bucket], Key=RECORDING, Body=b"FLV")

    def check(self, expected: dict[str, tuple[str, Callable[[], Any]]]) -> None:
        found = {name: outcome(call) for name, (_, call) in expected.items()}
        self.assertEqual(found, {name: wanted for name, (wanted, _) in expected.items()})

    def upload_in_parts(self, s3: Any, bucket: str) -> None:
        upload = s3.create_multipart_upload(Bucket=bucket, Key="in-parts")["UploadId"]
        s3.upload_part(Bucket=bucket, Key="in-parts", UploadId=upload, PartNumber=1, Body=b"part")
        s3.abort_multipart_upload(Bucket=bucket, Key="in-parts", UploadId=upload)

    def test_a_worker_reads_recordings_and_publishes(self) -> None:
        s3 = self.emulator.client("s3", self.outputs["WorkerRoleArn"])
        ingress, egress = self.outputs["IngressBucket"], self.outputs["EgressBucket"]
        version = self.emulator.client("s3").head_object(Bucket=ingress, Key=RECORDING)["VersionId"]
        self.check(
            {
                "read a recording": ("ok", lambda: s3.get_object(Bucket=ingress, Key=RECORDING)),
                "read its version": ("ok", lambda: s3.get_object(Bucket=ingress, Key=RECORDING, VersionId=version)),
                "look for a recording": ("404", lambda: s3.head_object(Bucket=ingress, Key="missing")),
                "write a recording": ("denied", lambda: s3.put_object(Bucket=ingress, Key=RECORDING, Body=b"")),
                "delete a recording": ("denied", lambda: s3.delete_object(Bucket=ingress, Key=RECORDING)),
                "read a report": ("ok", lambda: s3.get_object(Bucket=egress, Key=RECORDING)),
                "look for a report": ("NoSuchKey", lambda: s3.get_object(Bucket=egress, Key="missing")),
                "publish": ("ok", lambda: s3.put_object(Bucket=egress, Key="a/master.m3u8", Body=b"#EXTM3U")),
                "publish in parts": ("ok", lambda: self.upload_in_parts(s3, egress)),
                "unpublish": ("denied", lambda: s3.delete_object(Bucket=egress, Key="a/master.m3u8")),
                "open a bucket": ("denied", lambda: s3.delete_bucket_policy(Bucket=egress)),
            }
        )

    def test_a_worker_takes_work_and_gives_it_up(self) -> None:
        sqs = self.emulator.client("sqs", self.outputs["WorkerRoleArn"])
        work, dead = self.outputs["QueueUrl"], self.outputs["DeadLetterQueueUrl"]
        self.emulator.client("sqs").send_message(QueueUrl=work, MessageBody="{}")
        (message,) = sqs.receive_message(QueueUrl=work)["Messages"]
        held = {"QueueUrl": work, "ReceiptHandle": message["ReceiptHandle"]}
        self.check(
            {
                "extend": ("ok", lambda: sqs.change_message_visibility(**held, VisibilityTimeout=60)),
                "give up": ("ok", lambda: sqs.send_message(QueueUrl=dead, MessageBody="{}")),
                "delete": ("ok", lambda: sqs.delete_message(**held)),
                "count": ("ok", lambda: sqs.get_queue_attributes(QueueUrl=work, AttributeNames=["All"])),
                "count dead letters": ("ok", lambda: sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["All"])),
                "find dead letters": ("ok", lambda: sqs.get_queue_url(QueueName=dead.rpartition("/")[2])),
                "make work": ("denied", lambda: sqs.send_message(QueueUrl=work, MessageBody="{}")),
                "read dead letters": ("denied", lambda: sqs.receive_message(QueueUrl=dead)),
                "purge": ("denied", lambda: sqs.purge_queue(QueueUrl=work)),
            }
        )

    def test_a_worker_speaks_for_its_own_group_only(self) -> None:
        scaling = self.emulator.client("autoscaling", self.outputs["WorkerRoleArn"])
        group = self.outputs["AutoScalingGroupName"]
        leave = {"LifecycleHookName": "drain", "LifecycleActionResult": "CONTINUE", "InstanceId": "i-1"}
        self.check(
            {
                "find its group": ("ok", scaling.describe_auto_scaling_instances),
                "find the hook": ("ok", lambda: scaling.describe_lifecycle_hooks(AutoScalingGroupName=group)),
                "leave": ("ok", lambda: scaling.complete_lifecycle_action(AutoScalingGroupName=group, **leave)),
                "leave another": (
                    "denied",
                    lambda: scaling.complete_lifecycle_action(AutoScalingGroupName="other", **leave),
                ),
                "grow": (
                    "denied",
                    lambda: scaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=9),
                ),
            }
        )

    def test_an_origin_uploads_and_announces(self) -> None:
        s3, sqs = (self.emulator.client(service, self.outputs["OriginRoleArn"]) for service in ("s3", "sqs"))
        ingress, egress = self.outputs["IngressBucket"], self.outputs["EgressBucket"]
        work = self.outputs["QueueUrl"]
        self.check(
            {
                "look whether it is there": ("404", lambda: s3.head_object(Bucket=ingress, Key="missing")),
                "upload": ("ok", lambda: s3.put_object(Bucket=ingress, Key="live/test/2.flv", Body=b"FLV")),
                "upload in parts": ("ok", lambda: self.upload_in_parts(s3, ingress)),
                "verify": ("ok", lambda: s3.head_object(Bucket=ingress, Key="live/test/2.flv")),
                "delete": ("denied", lambda: s3.delete_object(Bucket=ingress, Key="live/test/2.flv")),
                "publish": ("denied", lambda: s3.put_object(Bucket=egress, Key="x", Body=b"")),
                "announce": ("ok", lambda: sqs.send_message(QueueUrl=work, MessageBody="{}")),
                "take work": ("denied", lambda: sqs.receive_message(QueueUrl=work)),
            }
        )


if __name__ == "__main__":
    unittest.main()
