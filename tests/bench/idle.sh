#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What idle nodes send each other: real processes on a loopback of their own, all bytes of IP and TCP
# counted, acknowledgements too. Needs root (or a user namespace), curl and 15 MiB of memory for each node.
#
#   tests/bench/idle.sh [BUILD_DIR [NODES...]]      build/release 3 10 100
#
# DYNAKV_BENCH_SECONDS (60) says how long it looks, DYNAKV_BENCH_SETTLE (40) how long after the last node
# is listed it begins.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [[ ${DYNAKV_BENCH_INSIDE:-} != 1 ]]; then
    cmake --build "${1:-build/release}" -j2 --target dynakvd >/dev/null
    export DYNAKV_BENCH_INSIDE=1
    if ((EUID == 0)); then exec unshare --net "$0" "$@"; fi
    exec unshare --user --map-root-user --net "$0" "$@"
fi
ip link set lo up
dynakvd=$PWD/${1:-build/release}/daemon/dynakvd
shift $(($# > 0 ? 1 : 0))
(($# > 0)) || set -- 3 10 100
seconds=${DYNAKV_BENCH_SECONDS:-60}
memory=${TMPDIR:-/var/tmp}
[[ -d /dev/shm && -w /dev/shm ]] && memory=/dev/shm
work=$(mktemp -d "$memory/dynakv-idle.XXXXXX")
pids=()
stop_all() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    pids=()
    rm -rf "${work:?}"/*
}
trap 'stop_all; rmdir "$work"' EXIT

# Bytes and packets that the loopback has sent. The 14 bytes of each that are no IP are taken off.
sent() { awk '/lo:/ { print $10 - 14 * $11, $11 }' /proc/net/dev; }

for nodes in "$@"; do
    for ((i = 0; i < nodes; ++i)); do
        join=()
        ((i == 0)) || join=(127.0.0.1:11000)
        "$dynakvd" "127.0.0.1:$((11000 + i))" "${join[@]}" --data-dir "$work/$i" --log-level warning >>"$work/log" 2>&1 &
        pids+=($!)
    done
    alive=0
    for ((i = 0; i < 600 && alive < nodes; ++i)); do
        sleep 0.2
        alive=$(curl -s http://127.0.0.1:11000/v1/cluster | grep -o '"state":"alive"' | wc -l || true)
    done
    if ((alive < nodes)); then
        echo "$alive of $nodes nodes are alive" >&2
        tail -n 5 "$work/log" >&2
        exit 1
    fi
    sleep "${DYNAKV_BENCH_SETTLE:-40}"
    before=$(sent)
    sleep "$seconds"
    after=$(sent)
    awk -v nodes="$nodes" -v seconds="$seconds" -v before="$before" -v after="$after" 'BEGIN {
        split(before, b); split(after, a)
        printf "%d nodes: %.2f KiB/s sent by each, in %.1f packets a second\n", nodes,
            (a[1] - b[1]) / seconds / nodes / 1024, (a[2] - b[2]) / seconds / nodes }'
    stop_all
done
