# shellcheck shell=bash
# Publishing of the demo's stream: FILE, or the seed's test source; LENGTH in seconds, if it is to end early.
# Needs processes.sh, fail and RUN.

readonly TEST_SOURCE_SECONDS=20

# codec_of KIND: name of the codec of FILE's first stream of that kind (V: video but no cover pictures; a: audio), or nothing.
codec_of() {
    ffprobe -v error -select_streams "$1:0" -show_entries stream=codec_name -of default=noprint_wrappers=1:nokey=1 "file:$FILE"
}

# Sets MEDIA_OPTIONS, which tells the player what to expect, and for a file VIDEO_CODEC and AUDIO_CODEC.
describe_media() {
    MEDIA_OPTIONS=()
    [[ -n $FILE ]] || return 0
    VIDEO_CODEC=$(codec_of V) || fail "ffprobe cannot read $FILE"
    AUDIO_CODEC=$(codec_of a)
    [[ -n $VIDEO_CODEC$AUDIO_CODEC ]] || fail "$FILE has neither video nor audio"
    [[ -n $VIDEO_CODEC ]] || MEDIA_OPTIONS+=(--audio-only)
    [[ -n $AUDIO_CODEC ]] || MEDIA_OPTIONS+=(--no-audio)
}

# start_publishing RTMP-URL: in the background; its process id is in STARTED_PID.
start_publishing() {
    local ffmpeg=(ffmpeg -nostdin -v error -re)
    if [[ -z $FILE ]]; then
        # The seed's, Lab 1.
        ffmpeg+=(-f lavfi -i 'aevalsrc=sin(400*2*PI*t)' -f lavfi -i testsrc=size=1280x720:rate=30
            -vcodec libx264 -b:v 500k -c:a aac -b:a 160k -vf format=yuv420p)
        LENGTH=${LENGTH:-$TEST_SOURCE_SECONDS}
    else
        ffmpeg+=(-i "file:$FILE" -map '0:V:0?' -map '0:a:0?')
        # Copied if it is what RTMP and live HLS can carry.
        if [[ $VIDEO_CODEC == h264 ]]; then
            ffmpeg+=(-c:v copy)
        else
            ffmpeg+=(-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 60)
        fi
        if [[ $AUDIO_CODEC == aac ]]; then ffmpeg+=(-c:a copy); else ffmpeg+=(-c:a aac); fi
    fi
    [[ -z $LENGTH ]] || ffmpeg+=(-t "$LENGTH")
    start_process "$RUN/log/ffmpeg.log" "${ffmpeg[@]}" -f flv "$1"
}
