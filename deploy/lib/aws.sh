# shellcheck shell=bash
# The backend of the demo that stands for AWS: ministack, with the stack of deploy/cloudformation in it. Recordings and
# presentations are in its S3, messages in its SQS, measurements in its CloudWatch; all are gone with the demo. nginx stands for
# the CDN before the bucket, and the transcoder's process for an instance of the fleet.
# See machine.sh for the other backend; both offer the same. Needs processes.sh, origin.sh, say, fail, ROOT, DEPLOY, RUN, TRIGGER.

readonly PYTHON=$ROOT/.setup/aws-venv/bin/python
# The worker measures every 10 s, and what it still has when it stops.
readonly SECONDS_TO_METRICS=25

# What deploy/setup has to install for it.
backend_setup() {
    echo aws
}

# Starts the emulator, makes the stack in it, and sets AWS's variables for all that the demo starts.
start_backend() {
    # Nothing of the caller's own account.
    unset "${!AWS_@}"
    start_emulator || fail "AWS's emulator does not start"
    export AWS_ENDPOINT_URL=http://$EMULATOR AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=test \
        AWS_SECRET_ACCESS_KEY=test AWS_EC2_METADATA_DISABLED=true
    run "$PYTHON" "$DEPLOY/cloudformation/deploy-to-emulator" "$AWS_ENDPOINT_URL" --region "$AWS_REGION" \
        --parameter Trigger="$TRIGGER" >"$RUN/stack.json" || fail "the stack cannot be deployed"
    read -r QUEUE_URL QUEUE_NAME INGRESS EGRESS NAMESPACE < <(
        outputs_of_stack QueueUrl QueueName IngressBucket EgressBucket MetricNamespace
    ) || fail "the stack lacks an output"
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
        end_process "$EMULATOR_PID" || true
    done
    return 1
}

# outputs_of_stack NAME...: prints their values on one line.
outputs_of_stack() {
    python3 - "$RUN/stack.json" "$@" <<'END'
import json, sys
outputs = json.load(open(sys.argv[1]))
print(*(outputs[name] for name in sys.argv[2:]))
END
}

# Where the transcoder finds its queue and its stores: its flags, a line each.
transcoder_settings() {
    printf '%s\n' --queue "$QUEUE_URL" --output "s3://$EGRESS" --recordings "s3://$INGRESS" \
        --metrics "cloudwatch:$NAMESPACE" --metrics-resolution 10 --scratch "$RUN/state/scratch"
}

# Where the hook delivers to: the end of its settings.
hook_destination() {
    # With the other trigger S3 itself sends the message.
    [[ $TRIGGER != hook ]] || echo "queue = \"$QUEUE_URL\""
    cat <<END
output = "s3://$INGRESS"
[aws]
region = "$AWS_REGION"
endpoint_url = "$AWS_ENDPOINT_URL"
access_key_id = "$AWS_ACCESS_KEY_ID"
secret_access_key = "$AWS_SECRET_ACCESS_KEY"
END
}

# nginx's location of the finished presentations.
vod_location() {
    fill_in "$DEPLOY/nginx/vod-bucket.conf" S3="$EMULATOR" BUCKET="$EGRESS"
}

# Prints the names of all objects of the stream, sorted.
vod_objects() {
    local page after=
    while page=$(curl --silent --fail --get --data list-type=2 --data prefix=live/test/ --data-urlencode start-after="$after" \
        "$AWS_ENDPOINT_URL/$EGRESS" | grep -oP '<Key>\K[^<]+'); do
        echo "$page"
        after=${page##*$'\n'}
    done
}

# Fails unless the recording is where it has to be after its delivery: in S3, and of it the spool keeps the small job file only.
check_delivery() {
    [[ -z $(find "$RUN"/state/{recordings,spool} -name '*.flv' -print -quit) ]] || fail "the recording is still on this machine"
    [[ -n $(find "$RUN/state/spool" -name job.json -print -quit) ]] || fail "the spool does not know of the recording any more"
}

# Prints what CloudWatch has, or fails if something is missing after a stream.
show_metrics() {
    say "what CloudWatch has of $NAMESPACE, Queue=$QUEUE_NAME:"
    run "$PYTHON" "$DEPLOY/lib/show-metrics" "$NAMESPACE" "$QUEUE_NAME" --within "$SECONDS_TO_METRICS" --expect JobsDone=1 \
        --expect QueueVisible --expect SecondsToDrain --expect JobProgress --expect RealtimeFactor
}

# What the demo says of the backend while it serves.
describe_backend() {
    say "AWS:       AWS_ENDPOINT_URL=$AWS_ENDPOINT_URL with any credentials"
    say "           s3://$INGRESS, s3://$EGRESS, $QUEUE_URL"
}
