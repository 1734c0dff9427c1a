"""What cfn-lint says of the template, and the rules of this house."""

import subprocess
import sys
import unittest
from pathlib import Path

import template
from template import as_list, resources, statements, text

# Actions that may be allowed on every resource, and why.
ON_EVERYTHING = {
    "cloudwatch:PutMetricData": "knows no resources; bound to our namespace by a condition",
    "autoscaling:DescribeAutoScalingInstances": "knows no resources",
    "autoscaling:DescribeLifecycleHooks": "knows no resources",
}
# What a template may have that is not first put into a bucket.
LONGEST_BODY = 51_200
OUTPUTS = {
    "Trigger",
    "QueueUrl",
    "QueueName",
    "DeadLetterQueueUrl",
    "IngressBucket",
    "EgressBucket",
    "WorkerRoleArn",
    "WorkerInstanceProfileArn",
    "OriginRoleArn",
    "OriginInstanceProfileArn",
    "OriginPolicyArn",
    "AutoScalingGroupName",
    "LifecycleHookName",
    "MetricNamespace",
    "DashboardName",
}


class Lint(unittest.TestCase):
    def test_cfn_lint_finds_nothing_not_even_to_inform(self) -> None:
        command = [Path(sys.executable).with_name("cfn-lint"), "--include-checks", "I", "--", str(template.TEMPLATE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stdout + done.stderr)

    def test_it_can_be_deployed_without_a_bucket_for_templates(self) -> None:
        self.assertLess(template.TEMPLATE.stat().st_size, LONGEST_BODY)


class HouseRules(unittest.TestCase):
    def setUp(self) -> None:
        self.template = template.load()

    def of(self, kind: str) -> dict:
        return resources(self.template, kind)

    def test_metadata_is_version_2_and_one_hop_away(self) -> None:
        for name, properties in self.of("AWS::EC2::LaunchTemplate").items():
            with self.subTest(name):
                options = properties["LaunchTemplateData"]["MetadataOptions"]
                self.assertEqual((options["HttpTokens"], options["HttpPutResponseHopLimit"]), ("required", 1))

    def test_a_worker_that_powers_itself_off_is_gone(self) -> None:
        for name, properties in self.of("AWS::EC2::LaunchTemplate").items():
            with self.subTest(name):
                data = properties["LaunchTemplateData"]
                self.assertIn("poweroff", text(data["UserData"]))
                self.assertEqual(data["InstanceInitiatedShutdownBehavior"], "terminate")

    def test_nobody_connects_to_a_worker(self) -> None:
        for name, properties in self.of("AWS::EC2::SecurityGroup").items():
            with self.subTest(name):
                self.assertNotIn("SecurityGroupIngress", properties)
                ports = {(rule["FromPort"], rule["ToPort"]) for rule in properties["SecurityGroupEgress"]}
                self.assertEqual(ports, {(80, 80), (443, 443)})
        kinds = {resource["Type"] for resource in self.template["Resources"].values()}
        self.assertNotIn("AWS::EC2::SecurityGroupIngress", kinds)
        self.assertNotIn("KeyName", text(self.template))

    def test_disks_are_encrypted(self) -> None:
        for name, properties in self.of("AWS::EC2::LaunchTemplate").items():
            for device in properties["LaunchTemplateData"]["BlockDeviceMappings"]:
                with self.subTest(name, device=device["DeviceName"]):
                    self.assertEqual((device["Ebs"]["Encrypted"], device["Ebs"]["VolumeType"]), (True, "gp3"))

    def test_no_right_is_wider_than_it_must_be(self) -> None:
        allowed = [s for s in statements(self.template["Resources"]) if s["Effect"] == "Allow"]
        self.assertGreater(len(allowed), 10)
        for statement in allowed:
            actions = as_list(statement["Action"])
            with self.subTest(actions):
                self.assertFalse([action for action in actions if "*" in action])
                self.assertNotEqual(statement.get("Principal"), "*")
                if "Resource" in statement and "*" in as_list(statement["Resource"]):
                    self.assertLessEqual(set(actions), ON_EVERYTHING.keys())
                if "cloudwatch:PutMetricData" in actions:
                    condition = {"StringEquals": {"cloudwatch:namespace": {"Ref": "MetricNamespace"}}}
                    self.assertEqual(statement["Condition"], condition)

    def test_everything_is_refused_without_tls(self) -> None:
        for kind, policy_kind, of in (
            ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "Bucket"),
            ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues"),
        ):
            policies = {
                as_list(properties[of])[0]["Ref"]: statements(properties) for properties in self.of(policy_kind).values()
            }
            self.assertEqual(policies.keys(), self.of(kind).keys())
            for name, found in policies.items():
                with self.subTest(name):
                    condition = {"Bool": {"aws:SecureTransport": "false"}}
                    denied = [s for s in found if s["Effect"] == "Deny" and s["Condition"] == condition]
                    self.assertEqual([(s["Principal"], s["Action"].split(":")[1]) for s in denied], [("*", "*")])
                    self.assertIn(name, text(denied[0]["Resource"]))

    def test_buckets_are_private_encrypted_and_clean_up(self) -> None:
        for name, properties in self.of("AWS::S3::Bucket").items():
            with self.subTest(name):
                self.assertEqual(len(properties["PublicAccessBlockConfiguration"]), 4)
                self.assertTrue(all(properties["PublicAccessBlockConfiguration"].values()))
                owner = properties["OwnershipControls"]["Rules"][0]["ObjectOwnership"]
                self.assertEqual(owner, "BucketOwnerEnforced")
                self.assertIn("AES256", text(properties["BucketEncryption"]))
                self.assertEqual(properties["VersioningConfiguration"]["Status"], "Enabled")
                rules = {rule["Id"]: rule for rule in properties["LifecycleConfiguration"]["Rules"]}
                old = rules["old-versions"]
                self.assertEqual(old["NoncurrentVersionExpiration"]["NoncurrentDays"], 7)
                self.assertEqual(old["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"], 1)
                self.assertEqual(self.template["Resources"][name]["DeletionPolicy"], "Retain")

    def test_presentations_can_be_read_by_pages_of_any_host(self) -> None:
        (rule,) = self.of("AWS::S3::Bucket")["EgressBucket"]["CorsConfiguration"]["CorsRules"]
        self.assertEqual((rule["AllowedMethods"], rule["AllowedHeaders"]), (["GET", "HEAD"], ["Range"]))

    def test_dead_letters_outlive_the_queue_and_receives_are_no_failures(self) -> None:
        queues = self.of("AWS::SQS::Queue")
        work, dead = queues["Queue"], queues["DeadLetterQueue"]
        self.assertTrue(work["SqsManagedSseEnabled"] and dead["SqsManagedSseEnabled"])
        self.assertEqual(work["VisibilityTimeout"], 120)
        self.assertEqual(work["RedrivePolicy"]["maxReceiveCount"], 50)
        self.assertEqual(dead["MessageRetentionPeriod"], 14 * 86_400)
        self.assertLessEqual(work["MessageRetentionPeriod"], dead["MessageRetentionPeriod"] - 4 * 86_400)

    def test_recordings_outlive_the_dead_letters_that_name_them(self) -> None:
        dead = self.of("AWS::SQS::Queue")["DeadLetterQueue"]["MessageRetentionPeriod"]
        days = self.template["Parameters"]["IngressExpirationDays"]
        self.assertGreater(days["MinValue"] * 86_400, dead)
        self.assertGreaterEqual(days["Default"], days["MinValue"])

    def test_s3_may_send_for_our_bucket_and_account_only(self) -> None:
        (events,) = [s for s in statements(self.of("AWS::SQS::QueuePolicy")) if s["Effect"] == "Allow"]
        self.assertEqual((events["Principal"], events["Action"]), ({"Service": "s3.amazonaws.com"}, "sqs:SendMessage"))
        self.assertEqual(events["Condition"]["StringEquals"], {"aws:SourceAccount": {"Ref": "AWS::AccountId"}})
        # A bucket takes no capitals and 63 characters, a stack's name has both: only its id is in the bucket's.
        arn, names = events["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Sub"]
        bucket, bucket_names = self.of("AWS::S3::Bucket")["IngressBucket"]["BucketName"]["Fn::Sub"]
        self.assertEqual((arn, names), (f"arn:${{AWS::Partition}}:s3:::{bucket}", bucket_names))
        self.assertNotIn("StackName", text([bucket, bucket_names]))

    def test_the_fleet_is_spot_of_many_kinds_and_busy_workers_are_protected(self) -> None:
        (group,) = self.of("AWS::AutoScaling::AutoScalingGroup").values()
        self.assertEqual(group["MinSize"], "0")
        self.assertTrue(group["NewInstancesProtectedFromScaleIn"] and group["CapacityRebalance"])
        self.assertEqual(group["MetricsCollection"][0]["Granularity"], "1Minute")
        mixed = group["MixedInstancesPolicy"]
        self.assertEqual(mixed["InstancesDistribution"]["SpotAllocationStrategy"], "price-capacity-optimized")
        self.assertEqual(mixed["InstancesDistribution"]["OnDemandPercentageAboveBaseCapacity"], 0)
        self.assertGreaterEqual(len({kind["InstanceType"] for kind in mixed["LaunchTemplate"]["Overrides"]}), 5)

    def test_the_group_has_the_name_that_the_role_may_act_on(self) -> None:
        (group,) = self.of("AWS::AutoScaling::AutoScalingGroup").values()
        name = group["AutoScalingGroupName"]["Fn::Sub"]
        arns = [
            statement["Resource"]["Fn::Sub"]
            for statement in statements(self.of("AWS::IAM::Role"))
            if "autoscaling:SetInstanceProtection" in as_list(statement["Action"])
        ]
        self.assertEqual([arn.rpartition("/")[2] for arn in arns], [name])

    def test_the_first_worker_starts_by_an_alarm_that_looks_at_the_fleet_as_well(self) -> None:
        (policy, alarm) = (self.template["Resources"][name] for name in ("FromZeroPolicy", "FromZeroAlarmOnMath"))
        self.assertEqual((policy["Condition"], alarm["Condition"]), ("HasFromZeroAlarm", "HasFromZeroAlarm"))
        self.assertEqual(self.template["Parameters"]["FromZeroAlarm"]["Default"], "on")
        (math,) = [query for query in alarm["Properties"]["Metrics"] if query["ReturnData"]]
        named = {query["Id"] for query in alarm["Properties"]["Metrics"]} - {math["Id"]}
        self.assertEqual(named, {"visible", "desired"})
        self.assertEqual(alarm["Properties"]["AlarmActions"], [{"Ref": "FromZeroPolicy"}])
        # A step that sets the size would take workers away when the alarm comes late.
        self.assertEqual(policy["Properties"]["AdjustmentType"], "ChangeInCapacity")
        steps = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]
        self.assertEqual(policy["Properties"]["StepAdjustments"], steps)

    def test_a_metric_of_the_group_that_is_late_starts_no_worker(self) -> None:
        """Filled in with 0, it looked like a fleet of none, and one at work got another worker every time."""
        alarm = self.of("AWS::CloudWatch::Alarm")["FromZeroAlarmOnMath"]
        (math,) = [query for query in alarm["Metrics"] if query["ReturnData"]]
        self.assertEqual(math["Expression"], "IF(FILL(visible, 0) > 0 AND desired < 1, 1, 0)")
        # Whatever the expression says nothing of is no reason.
        self.assertEqual(alarm["TreatMissingData"], "notBreaching")

    def test_alarms_fire_at_what_they_say_and_tell_somebody(self) -> None:
        oldest = {"Ref": "OldestAgeAlarmSeconds"}
        wanted = {
            "FromZeroAlarmOnMath": (0, 1, 1),
            "WorkersMissingAlarm": (0, 10, 30),
            "DeadLettersAlarm": (0, 1, 1),
            "WaitingTooLongAlarm": (oldest, 3, 3),
            "WorkingTooLongAlarm": (oldest, 3, 3),
        }
        alarms = self.of("AWS::CloudWatch::Alarm")
        found = {}
        for name, alarm in alarms.items():
            periods = alarm["EvaluationPeriods"]
            found[name] = (alarm["Threshold"], alarm.get("DatapointsToAlarm", periods), periods)
            with self.subTest(name):
                self.assertEqual(alarm["ComparisonOperator"], "GreaterThanThreshold")
                self.assertEqual(alarm["TreatMissingData"], "notBreaching")
                if name != "FromZeroAlarmOnMath":
                    told = ["HasAlarmEmail", [{"Ref": "AlarmTopic"}], {"Ref": "AWS::NoValue"}]
                    self.assertEqual(alarm["AlarmActions"], {"Fn::If": told})
        self.assertEqual(found, wanted)

    def test_workers_that_do_not_come_are_told_of(self) -> None:
        alarm = self.of("AWS::CloudWatch::Alarm")["WorkersMissingAlarm"]
        (math,) = [query for query in alarm["Metrics"] if query["ReturnData"]]
        self.assertEqual(math["Expression"], "desired - inService")
        metrics = {
            query["Id"]: (query["MetricStat"]["Metric"]["MetricName"], query["MetricStat"]["Period"])
            for query in alarm["Metrics"]
            if query is not math
        }
        self.assertEqual(
            metrics, {"desired": ("GroupDesiredCapacity", 60), "inService": ("GroupInServiceInstances", 60)}
        )

    def test_outputs_are_the_ones_that_scripts_read(self) -> None:
        self.assertEqual(set(self.template["Outputs"]), OUTPUTS)


if __name__ == "__main__":
    unittest.main()
