# shellcheck shell=bash
# From the end of a stream to its VOD, seen through the files in the run directory.
# Needs processes.sh, say, fail, RUN and TRANSCODER_PID.

readonly SECONDS_WITHOUT_PROGRESS=300

# Prints the first path that the pattern matched, if any.
first() {
    [[ ! -e $1 ]] || echo "$1"
}

vod_progress() {
    local vod=$RUN/state/vod/live/test plan reports chunks
    plan=$(first "$vod"/*/*/*/plan.json)
    if [[ -z $plan ]]; then
        [[ -z $(find "$RUN"/state/{recordings,spool} -type f -print -quit) ]] || { echo "the recording is with the hook" && return; }
        echo "the transcoder looks at the recording"
        return
    fi
    reports=$(find "${plan%/*}" -path '*/chunks/*.json' | wc -l)
    chunks=$(python3 -c 'import json, sys; print(len((json.load(open(sys.argv[1]))["video"] or {}).get("chunks", [])))' "$plan")
    echo "encoded $reports of $chunks chunks"
}

# Waits until the VOD of the stream is done, telling how far it is. Sets MASTER, its path below /vod on the origin.
wait_for_vod() {
    local progress last='' deadline=$((SECONDS + SECONDS_WITHOUT_PROGRESS)) start=$SECONDS found
    until found=$(first "$RUN"/state/vod/live/test/*/*/*/done.json) && [[ -n $found ]]; do
        is_running "$TRANSCODER_PID" || fail "the transcoder has ended"
        progress=$(vod_progress)
        if [[ $progress != "$last" ]]; then
            say "$progress"
            last=$progress
            deadline=$((SECONDS + SECONDS_WITHOUT_PROGRESS))
        fi
        ((SECONDS < deadline)) || fail "no progress for $SECONDS_WITHOUT_PROGRESS s: $last"
        sleep 0.2
    done
    MASTER=${found%/*/*/done.json}/master.m3u8
    [[ -s $MASTER ]] || fail "the presentation is done but has no master.m3u8"
    MASTER=${MASTER#"$RUN/state"}
    say "the VOD was ready $((SECONDS - start)) s after the end of the stream"
}

# count_levels MASTER: levels that a player offers: variants with video, or all where there is no video.
count_levels() {
    local variants
    variants=$(grep '^#EXT-X-STREAM-INF' "$1") || fail "the master names no variant"
    if [[ $variants == *RESOLUTION=* ]]; then
        variants=$(grep 'RESOLUTION=' <<<"$variants")
    fi
    wc -l <<<"$variants"
}
