#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What a cluster of three does on one machine, nobody pinned: how long until a write is visible on all
# nodes, alone and beside 10,000 writes a second, and how long a new node takes for a million values
# while the others serve. Needs curl and wrk; takes about two minutes.
#
#   tests/bench/cluster.sh [BUILD_DIR [PART...]]      build/release visible join
#
# DYNAKV_BENCH_PORT (17700) is the first of the ports; DYNAKV_BENCH_KEYS (1000000) how many values;
# DYNAKV_BENCH_SECRET=1 seals the links.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
shift $(($# > 0 ? 1 : 0))
parts=("${@:-visible}")
(($# > 0)) || parts=(visible join)
cmake --build "$build" -j2 --target dynakvd bench_replication >/dev/null
bench=$PWD/$build/tests/bench/bench_replication
dynakvd=$PWD/$build/daemon/dynakvd
lua=$PWD/tests/bench/http.lua
base=${DYNAKV_BENCH_PORT:-17700}
keys=${DYNAKV_BENCH_KEYS:-1000000}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/dynakv-bench.XXXXXX")
pids=()
stop_all() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    pids=()
}
trap 'stop_all; rm -rf "$work"' EXIT
secret=()
if [[ "${DYNAKV_BENCH_SECRET:-0}" == 1 ]]; then
    echo "the secret of this benchmark" >"$work/secret"
    secret=(--cluster-secret-file "$work/secret")
fi

# NUMBER JOIN...: node number NUMBER, in the background.
launch() {
    local port=$((base + $1))
    shift
    "$dynakvd" "127.0.0.1:$port" "$@" --data-dir "$work/data-$port" --cluster-port "$((port + 100))" \
        --log-level warning "${secret[@]}" >>"$work/log" 2>&1 &
    pids+=($!)
}
# NUMBER SECONDS
ready() {
    local i
    for ((i = 0; i < $2 * 20; ++i)); do
        if curl -sf -o /dev/null "http://127.0.0.1:$((base + $1))/readyz"; then return; fi
        sleep 0.05
    done
    echo "node $1 is not ready" >&2
    tail -5 "$work/log" >&2
    exit 1
}
now() { date +%s.%N; }

visible() {
    echo "== a write becomes visible on all of three nodes, from its sending on"
    launch 0
    ready 0 10
    launch 1 "127.0.0.1:$base/$((base + 100))"
    launch 2 "127.0.0.1:$base/$((base + 100))"
    ready 1 20
    ready 2 20
    echo "  alone: $("$bench" visible 1000 "$base" $((base + 1)) $((base + 2)))"
    # 32 connections that pause for 3 ms after each answer.
    wrk -t1 -c32 -d12s -s "$lua" "http://127.0.0.1:$base" -- paced-put 3 >"$work/wrk" &
    local load=$!
    pids+=("$load")
    sleep 1
    echo "  beside writes to the same node: $("$bench" visible 1000 "$base" $((base + 1)) $((base + 2)))"
    wait "$load"
    sed -n 's/^#\([0-9.]*\) .*/  those: \1 writes a second/p' "$work/wrk"
    stop_all
}
join() {
    echo "== a new node takes $keys values of 100 bytes over while the others serve"
    launch 3
    ready 3 10
    "$bench" fill $((base + 3)) "$keys"
    wrk -t1 -c8 -d120s -s "$lua" "http://127.0.0.1:$((base + 3))/key/fill-000000000001" -- paced 3 \
        >"$work/wrk" &
    local load=$! start
    pids+=("$load")
    sleep 1
    start=$(now)
    launch 4 "127.0.0.1:$((base + 3))/$((base + 103))"
    ready 4 110
    awk -v start="$start" -v end="$(now)" 'BEGIN { printf "  ready after %.1f s\n", end - start }'
    kill "$load" 2>/dev/null || true
    curl -sf "http://127.0.0.1:$((base + 4))/v1/cluster" |
        grep -o '"keys":[0-9]*' | sort -u | sed 's/^/  /'
    stop_all
}

for part in "${parts[@]}"; do
    case $part in
    visible | join) "$part" ;;
    *) echo "unknown part: $part" >&2; exit 2 ;;
    esac
done
