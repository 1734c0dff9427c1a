# shellcheck shell=bash
# The backend of the demo that needs nothing but this machine: the queue is a database of SQLite, and the store a directory that
# nginx serves. See aws.sh for the other one; both offer the same. Needs origin.sh, fail, DEPLOY and RUN.

# What deploy/setup has to install for it.
backend_setup() {
    echo python
}

# Nothing of it runs.
start_backend() {
    :
}

# Where the transcoder finds its queue and its store: its flags, a line each.
transcoder_settings() {
    printf '%s\n' --queue "sqlite:$RUN/state/queue/queue.sqlite" --output "$RUN/state/vod"
}

# Where the hook delivers to: the end of its settings.
hook_destination() {
    echo "queue = \"sqlite:$RUN/state/queue/queue.sqlite\""
}

# nginx's location of the finished presentations.
vod_location() {
    fill_in "$DEPLOY/nginx/vod-directory.conf" DIRECTORY="$RUN/state/vod"
}

# Prints the names of all objects of the stream, sorted.
vod_objects() {
    [[ ! -d $RUN/state/vod/live/test ]] || (cd "$RUN/state/vod" && find live/test -type f | sort)
}

# Fails unless the recording is where it has to be after its delivery: in the spool, for the transcoder reads it there.
check_delivery() {
    [[ -n $(find "$RUN/state/spool" -name '*.flv' -print -quit) ]] || fail "the recording is gone from the spool"
}

# Measurements are in the transcoder's log.
show_metrics() {
    :
}

# What the demo says of the backend while it serves.
describe_backend() {
    :
}
