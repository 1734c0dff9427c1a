# shellcheck shell=bash
# The backend of the demo that stands for AWS: ministack, with the stack of deploy/cloudformation in it. Recordings and
# presentations are in its S3, messages in its SQS, measurements in its CloudWatch; all are gone with the demo. nginx stands for
# the CDN before the bucket, and the transcoder's process for an instance of the fleet.
# See machine.sh for the other backend; both offer the same. Needs processes.sh, origin.sh, say, fail, ROOT, DEPLOY, RUN, TRIGGER.

# What deploy/setup has to install.
readonly BACKEND_SETUP=aws

readonly PYTHON=$ROOT/.setup/aws-venv/bin/python
# The worker measures every 10 s, and what it still has when it stops.
readonly SECONDS_TO_METRICS=25

# Sets TRANSCODER_SETTINGS, where the transcoder finds its queue and its stores, and AWS's variables for all that the demo starts.
start_backend() {
    # Nothing of the caller's own account.
    unset "${!AWS_@}"
    start_emulator || fail "AWS's emulator does not start"
    export AWS_ENDPOINT_URL=http://$EMULATOR AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=test \
        AWS_SECRET_ACCESS_KEY=test AWS_EC2_METADATA_DISABLED=true
    run "$PYTHON" "$DEPLOY/cloudformation/deploy-to-emulator" "$AWS_ENDPOINT_URL" --region "$AWS_REGION" \
        --parameter Trigger="$TRIGGER" >"$RUN/stack.json" || fail "the stack cannot be deployed"
    read -r QUEUE_URL QUEUE_NAME INGRESS EGRESS NAMESPACE < <(outputs_of_stack QueueUrl QueueName IngressBucket EgressBucket MetricNamespace)
    TRANSCODER_SETTINGS=(--queue "$QUEUE_URL" --output "s3://$EGRESS" --recordings "s3://$INGRESS"
        --metrics "cloudwatch:$NAMESPACE" --metrics-resolution 10 --scratch "$RUN/state/scratch")
}

# Starts ministack and sets EMULATOR to the address it listens on.
start_emulator() {
    local attempt port
    for attempt in 1 2 3 4 5; do
        port=$(free_ports 1)
        EMULATOR=127.0.0.1:$port
        # Without a word about IOT it listens on all addresses as well.
        start_process "$RUN/log/ministack.log" env HOME="$RUN/tmp" TMPDIR="$RUN/tmp" IOT_MTLS_ENABLED=0 BIND_HOST=127.0.0.1 \
            MINISTACK_HOST=127.0.0.1 GATEWAY_PORT="$port" "$PYTHON" -m ministack
        EMULATOR_PID=$STARTED_PID
        wait_until_serving "http://$EMULATOR/_ministack/health" "$EMULATOR_PID" && return
        grep -qi 'address already in use' "$RUN/log/ministack.log" || return 1
        echo "a port was taken in between, trying another ($attempt of 5)" >&2
        end_process "$EMULATOR_PID"
    done
    return 1
}

# outputs_of_stack NAME...: prints their values on one line.
outputs_of_stack() {
    python3 - "$RUN/stack.json" "$@" <<'END'
import json, sys
outputs = json.load(open(sys.argv[1]))
print(*(outputs[name] for name in sys.argv[2:]))
