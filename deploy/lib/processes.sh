# shellcheck shell=bash
# Processes that end with the script that started them. Each gets a process group of its own, so that its children can be
# ended with it, and the script stays free to answer signals: nothing runs in its foreground.

STARTED=()

# start_process LOG COMMAND...: runs it in the background; its id is in $STARTED_PID.
start_process() {
    local log=$1
    shift
    setsid "$@" </dev/null >>"$log" 2>&1 &
    STARTED_PID=$!
    STARTED+=("$STARTED_PID")
}

# run COMMAND...: runs it to its end with the script's own output, and returns its status.
run() {
    setsid "$@" </dev/null &
    STARTED+=("$!")
    wait "$!"
}

is_running() {
    kill -0 "$1" 2>/dev/null
}

# end_process PID [SECONDS]: asks its group to end, and after SECONDS makes it. Returns how the process ended.
end_process() {
    local pid=$1 tenths=$((${2:-5} * 10))
    kill -TERM -- "-$pid" 2>/dev/null || true
    while kill -0 -- "-$pid" 2>/dev/null && ((tenths-- > 0)); do
        sleep 0.1
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null
}

# Ends all that was started, the last first.
end_all_processes() {
    local index
    for ((index = ${#STARTED[@]} - 1; index >= 0; index--)); do
        end_process "${STARTED[index]}" || true
    done
    STARTED=()
}
