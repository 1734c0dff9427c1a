# shellcheck shell=bash
# The origin of the demo: nginx with the rtmp module on loopback, all of its files in one run directory.
# Needs processes.sh, and DEPLOY, the folder that this lies in.

# free_ports N: prints N TCP ports that nothing listens on.
free_ports() {
    python3 - "$1" <<'END'
import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in sockets))
END
}

# fill_in TEMPLATE NAME=VALUE...: prints the template with each @NAME@ replaced.
fill_in() {
    local text pair
    text=$(<"$1")
    shift
    for pair in "$@"; do
        # Quoted, or bash puts the match where the value has an ampersand.
        text=${text//"@${pair%%=*}@"/"${pair#*=}"}
    done
    printf '%s\n' "$text"
}

# The user of nginx's workers, of the hook and of the transcoder.
origin_user() {
    if ((EUID == 0)); then echo www-data; else id -un; fi
}

# as_origin_user COMMAND... in the form that start_process takes: prints the words to put before it.
as_origin_user() {
    ((EUID == 0)) || return 0
    echo setpriv --reuid=www-data --regid=www-data --init-groups --
}

# make_run_directory DIR: what nginx, the hook and the transcoder write into, and copies of what www-data must be able to
# read or run: the checkout may lie in a home directory that is closed to it.
make_run_directory() {
    local run=$1 user
    user=$(origin_user)
    chmod 755 "$run"
    mkdir "$run"/{bin,log,tmp,www,state,state/{hls,recordings,tmp,spool,queue,vod,scratch}}
    cp -r "$DEPLOY"/client/{index.html,icon.svg,style.css,streams.json,vendor} "$DEPLOY"/client/*.js "$run/www/"
    chmod -R a+rX "$run/www"
    ((EUID != 0)) || chown -R "$user:" "$run"/{log,tmp,state}
}

# start_origin DIR: starts nginx and sets HTTP and RTMP to the addresses it listens on. The backend's vod_location says where
# the finished presentations are.
start_origin() {
    local run=$1 attempt ports
    vod_location >"$run/nginx-vod.conf"
    for attempt in 1 2 3 4 5; do
        read -ra ports < <(free_ports 2)
        HTTP=127.0.0.1:${ports[0]}
        RTMP=127.0.0.1:${ports[1]}
        fill_in "$DEPLOY/nginx/origin.conf" USER="$(origin_user)" HTTP="$HTTP" RTMP="$RTMP" STATE="$run/state" \
            LOG="$run/log" CLIENT="$run/www" VOD="$run/nginx-vod.conf" HOOK="$run/bin/record-postprocess" \
            HOOK_CONFIG="$run/record-postprocess.toml" >"$run/nginx.conf"
        start_process "$run/log/nginx-error.log" \
            nginx -e "$run/log/nginx-error.log" -p "$run" -c "$run/nginx.conf" -g 'daemon off;'
        NGINX_PID=$STARTED_PID
        wait_until_serving "http://$HTTP/" "$NGINX_PID" && return
        # Somebody may have taken a port between our look and nginx's.
        grep -q 'Address already in use' "$run/log/nginx-error.log" || return 1
        echo "a port was taken in between, trying others ($attempt of 5)" >&2
        end_process "$NGINX_PID" || true
    done
    return 1
}

# wait_until_serving URL PID: true once the URL answers; false if the process ends or 10 s pass.
wait_until_serving() {
    local deadline=$((SECONDS + 10))
    while ((SECONDS < deadline)) && is_running "$2"; do
        curl --silent --fail --output /dev/null --max-time 2 "$1" && return
        sleep 0.1
    done
    return 1
}
