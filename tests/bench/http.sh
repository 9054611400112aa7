#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The REST API next to its peers, in one run on one machine: ratios of interleaved runs, their median
# and spread. Needs two cores and redis-server, webdis, etcd (etcd-server), nginx (nginx-light), wrk
# and curl. Every server has one HTTP thread and shares one core, wrk has another one, except for
# the batches, where nobody is pinned. All of it takes about five minutes.
#
#   tests/bench/http.sh [PAIRS [BUILD_DIR [PART...]]]      7 build/release get put sync batch crowd flood
#
# DYNAKV_BENCH_PORT (17600) is the first of ten ports, DYNAKV_BENCH_SECONDS (2) the length of a run.
set -euo pipefail

cd "$(dirname "$0")/../.."
pairs=${1:-7}
build=${2:-build/release}
shift $(($# < 2 ? $# : 2))
parts=("${@:-get}")
(($# > 0)) || parts=(get put sync batch crowd flood)
export PATH=$PATH:/usr/sbin
for tool in redis-server redis-cli webdis etcd nginx wrk curl taskset; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed" >&2; exit 1; }
done
cmake --build "$build" -j2 --target dynakvd bench_answer bench_crowd >/dev/null
bench=$PWD/$build/tests/bench
dynakvd=$PWD/$build/daemon/dynakvd
lua=$PWD/tests/bench/http.lua
base=${DYNAKV_BENCH_PORT:-17600}
seconds=${DYNAKV_BENCH_SECONDS:-2}
value=$(printf 'v%.0s' $(seq 100))
work=$(mktemp -d "${TMPDIR:-/var/tmp}/dynakv-bench.XXXXXX")
pids=()
stop_all() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    pids=()
}
trap 'stop_all; rm -rf "$work"' EXIT
cd "$work"
mkdir results
ulimit -n "$(ulimit -Hn)"

# CORES COMMAND...: in the background, ended by its own id.
start() {
    local cores=$1
    shift
    taskset -c "$cores" "$@" >>"$work/servers.log" 2>&1 &
    pids+=($!)
}
# Until the answer to URL is there.
answers() {
    for _ in $(seq 100); do
        if curl -sf -o /dev/null "$@"; then return; fi
        sleep 0.1
    done
    echo "no answer: $*" >&2
    tail -5 "$work/servers.log" >&2
    exit 1
}
# CORES PORT OPTION...
start_dynakv() {
    local cores=$1 port=$2
    shift 2
    start "$cores" "$dynakvd" "127.0.0.1:$port" --data-dir "$work/data-$port" --log-level warning "$@"
    answers "http://127.0.0.1:$port/readyz"
    answers -X PUT -d "{\"value\":\"$value\"}" "http://127.0.0.1:$port/key/bench"
}
# PORT REDIS_OPTION...
start_webdis() {
    local port=$1
    shift
    start 0 redis-server --port 0 --unixsocket "$work/redis.sock" --dir "$work" --save '' "$@"
    for _ in $(seq 100); do
        if redis-cli -s "$work/redis.sock" ping 2>/dev/null | grep -q PONG; then break; fi
        sleep 0.1
    done
    cat >webdis.json <<JSON
{"redis_host": "$work/redis.sock", "redis_port": 0, "http_host": "127.0.0.1", "http_port": $port,
 "threads": 1, "daemonize": false, "verbosity": 0, "logfile": "/dev/null"}
JSON
    start 0 webdis webdis.json
    answers -X PUT -d "$value" "http://127.0.0.1:$port/SET/bench"
}
start_nginx() {
    mkdir -p www/key nginx
    printf '{"value":"%s"}' "$value" >www/key/bench
    cat >nginx.conf <<CONF
daemon off; worker_processes 1; user $(id -un) $(id -gn); pid $work/nginx/pid; error_log /dev/null;
events { worker_connections 1024; }
http {
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
    client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d;
    scgi_temp_path e; default_type application/json;
    server { listen 127.0.0.1:$1; root $work/www; }
}
CONF
    start 0 nginx -p "$work/nginx/" -c "$work/nginx.conf"
    answers "http://127.0.0.1:$1/key/bench"
}
start_answer() {
    start 0 "$bench/bench_answer" "$1" "$2" "{\"value\":\"$value\"}"
    answers "http://127.0.0.1:$2/key/bench"
}

# NAME CONNECTIONS URL SCRIPT_ARGUMENT...: one run, one line in results/NAME.
run() {
    local name=$1 connections=$2 url=$3 line
    shift 3
    line=$(taskset -c "$client_cores" wrk -t1 -c"$connections" -d"${seconds}s" -s "$lua" "$url" -- "$@" |
        sed -n 's/^#//p')
    case $line in
    *' 0') echo "$line" >>"results/$name" ;;
    *) echo "$name: requests failed: $line" >&2; exit 1 ;;
    esac
}
# FORMAT: median and spread of the numbers that come in, one a line.
spread() {
    sort -g | awk -v format="$1" '{ all[NR] = $1 } END {
        printf format " (" format " to " format ")", all[int((NR + 1) / 2)], all[1], all[NR] }'
}
# NAME...: what each of them did.
tell() {
    local name
    for name; do
        awk '{ print $1 }' "results/$name" | spread '%.0f' | sed "s|^|  $name: |; s|\$| requests/s|"
        for column in 2:p50 3:p99 4:p99.9; do
            awk -v c="${column%:*}" '{ print $c }' "results/$name" | spread '%.2f' |
                sed "s|^|, ${column#*:} |; s|\$| ms|"
        done
        echo
    done
}
# COLUMN OURS PEER
ratio() {
    printf '  %s to %s: ' "$2" "$3"
    paste "results/$2" "results/$3" | awk -v c="$1" '{ print $c / $(c + 5) }' | spread '%.2f'
    echo
}

get() {
    echo "== GET, 32 connections, a value of 100 bytes"
    start_dynakv 0 "$base" --http-threads 1
    start_answer plain $((base + 1))
    start_answer epoll $((base + 2))
    start_nginx $((base + 3))
    start_webdis $((base + 4))
    for _ in $(seq "$pairs"); do
        run get-dynakv 32 "http://127.0.0.1:$base/key/bench" get
        run get-plain 32 "http://127.0.0.1:$((base + 1))/key/bench" get
        run get-webdis 32 "http://127.0.0.1:$((base + 4))/GET/bench" get
        run get-nginx 32 "http://127.0.0.1:$((base + 3))/key/bench" get
        run get-epoll 32 "http://127.0.0.1:$((base + 2))/key/bench" get
    done
    stop_all
    tell get-dynakv get-plain get-webdis get-nginx get-epoll
    for peer in plain webdis nginx epoll; do ratio 1 get-dynakv "get-$peer"; done
}
put() {
    echo "== PUT, 32 connections, 10000 keys, values of 100 bytes, on disk within a second"
    start_dynakv 0 "$base" --http-threads 1 --durability interval
    start_webdis $((base + 4)) --appendonly yes --appendfsync everysec
    for _ in $(seq "$pairs"); do
        run put-dynakv 32 "http://127.0.0.1:$base" put
        run put-webdis 32 "http://127.0.0.1:$((base + 4))" webdis
    done
    stop_all
    tell put-dynakv put-webdis
    ratio 1 put-dynakv put-webdis
}
sync_put() {
    echo "== PUT, 32 connections, 10000 keys, values of 100 bytes, on disk before the answer"
    start_dynakv 0 "$base" --http-threads 1 --durability sync
    start 0 etcd --name bench --data-dir "$work/etcd" --logger zap --log-level error \
        --listen-client-urls "http://127.0.0.1:$((base + 5))" \
        --advertise-client-urls "http://127.0.0.1:$((base + 5))" \
        --listen-peer-urls "http://127.0.0.1:$((base + 6))" \
        --initial-advertise-peer-urls "http://127.0.0.1:$((base + 6))" \
        --initial-cluster "bench=http://127.0.0.1:$((base + 6))"
    answers "http://127.0.0.1:$((base + 5))/health"
    for _ in $(seq "$pairs"); do
        run sync-dynakv 32 "http://127.0.0.1:$base" put
        run sync-etcd 32 "http://127.0.0.1:$((base + 5))" etcd
    done
    stop_all
    tell sync-dynakv sync-etcd
    ratio 1 sync-dynakv sync-etcd
}
batch() {
    echo "== POST /v1/batch, 4 connections, 1000 puts of 100 bytes, on disk before the answer"
    start_dynakv "$all_cores" "$base" --http-threads 1 --durability sync
    client_cores=$all_cores
    for _ in $(seq "$pairs"); do run batch-dynakv 4 "http://127.0.0.1:$base" batch 1000; done
    client_cores=1
    stop_all
    tell batch-dynakv
    awk '{ print $1 * 1000 }' results/batch-dynakv | spread '%.0f' | sed 's|^|  |; s|$| keys/s\n|'
}
crowd() {
    local crowd
    echo "== GET at about a third of the peak, beside 300 half-open and 1000 idle clients"
    start_dynakv 0 "$base" --http-threads 1 --max-connections 4096
    start_answer epoll $((base + 2))
    for _ in $(seq "$pairs"); do
        run crowd-none 32 "http://127.0.0.1:$base/key/bench" paced 3
        mkfifo said
        taskset -c 1 "$bench/bench_crowd" quiet "$base" $((seconds + 5)) 300 1000 >said &
        crowd=$!
        pids+=("$crowd")
        read -r _ <said
        rm said
        run crowd-there 32 "http://127.0.0.1:$base/key/bench" paced 3
        kill "$crowd"
        wait "$crowd" || true
        sleep 0.3
        run crowd-epoll 32 "http://127.0.0.1:$((base + 2))/key/bench" paced 3
    done
    stop_all
    tell crowd-none crowd-there crowd-epoll
    echo "  p99:"
    ratio 3 crowd-there crowd-none
    ratio 3 crowd-none crowd-epoll
}
flood() {
    local kind length pid
    echo "== memory while 50 clients send what never ends"
    for kind in heads bodies; do
        for length in 3 12; do
            start_dynakv 0 "$base" --http-threads 1
            pid=${pids[0]}
            "$bench/bench_crowd" "$kind" "$base" 1 50
            memory "  $kind, after a second" "$pid"
            "$bench/bench_crowd" "$kind" "$base" "$length" 50
            memory "  $kind, after $length seconds more" "$pid"
            stop_all
        done
    done
}
memory() {
    awk -v what="$1" '/^VmHWM/ { printf "%s: at most %.1f MiB\n", what, $2 / 1024 }' "/proc/$2/status"
}

client_cores=1
all_cores=0-$(($(nproc) - 1))
echo "== $(nproc) cores, $pairs pairs of $seconds s, redis $(redis-server --version | sed 's|.* v=||; s| .*||'), $(etcd --version | sed -n 's|.*Version: |etcd |p' | head -1)," \
    "nginx $(nginx -v 2>&1 | cut -d/ -f2)"
for part in "${parts[@]}"; do
    case $part in
    get | put | batch | crowd | flood) "$part" ;;
    sync) sync_put ;;
    *) echo "unknown part: $part" >&2; exit 2 ;;
    esac
done
