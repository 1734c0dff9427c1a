# shellcheck shell=bash
# From the end of a stream to its VOD, seen through the names of its objects and what the origin serves of them.
# Needs processes.sh, the backend's vod_objects, say, fail, RUN, HTTP and TRANSCODER_PID.

readonly SECONDS_WITHOUT_PROGRESS=300

# vod_progress OBJECTS
vod_progress() {
    local plan reports chunks
    if ! plan=$(grep -m 1 '/plan\.json$' <<<"$1"); then
        grep -qs '"recording delivered"' "$RUN/log/record-postprocess.log" || { echo "the recording is with the hook" && return; }
        echo "the transcoder looks at the recording"
        return
    fi
    reports=$(grep -c "^${plan%/*}/chunks/[0-9]*\.json$" <<<"$1") || true
    chunks=$(curl --silent --fail "http://$HTTP/vod/$plan" |
        python3 -c 'import json, sys; print(len((json.load(sys.stdin)["video"] or {}).get("chunks", [])))')
    echo "encoded $reports of $chunks chunks"
}

# Waits until the VOD of the stream is done, telling how far it is. Sets MASTER, its path on the origin.
wait_for_vod() {
    local objects progress last='' deadline=$((SECONDS + SECONDS_WITHOUT_PROGRESS)) start=$SECONDS found
    until objects=$(vod_objects) && found=$(grep -m 1 '/done\.json$' <<<"$objects"); do
        is_running "$TRANSCODER_PID" || fail "the transcoder has ended"
        progress=$(vod_progress "$objects") || fail "the plan cannot be read"
        if [[ $progress != "$last" ]]; then
            say "$progress"
            last=$progress
            deadline=$((SECONDS + SECONDS_WITHOUT_PROGRESS))
        fi
        ((SECONDS < deadline)) || fail "no progress for $SECONDS_WITHOUT_PROGRESS s: $last"
        sleep 0.3
    done
    MASTER=/vod/${found%/*/*/done.json}/master.m3u8
    curl --silent --fail --output /dev/null "http://$HTTP$MASTER" || fail "the presentation is done but has no master.m3u8"
    say "the VOD was ready $((SECONDS - start)) s after the end of the stream"
}

# count_levels MASTER: levels that a player offers: variants with video, or all where there is no video.
count_levels() {
    local variants
    variants=$(curl --silent --fail "http://$HTTP$1" | grep '^#EXT-X-STREAM-INF') || fail "the master names no variant"
    if [[ $variants == *RESOLUTION=* ]]; then
        variants=$(grep 'RESOLUTION=' <<<"$variants")
    fi
    wc -l <<<"$variants"
}
