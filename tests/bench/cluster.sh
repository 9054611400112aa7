#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What a cluster of three does on one machine: how long until a write is visible on all nodes, alone and
# beside 10,000 writes a second, how long a new node takes for a million values while the others serve,
# and what clients of a member feel of a member that returns or joins. One member has a processor and a
# disk for itself and its clients, the others share a second processor and keep their files in memory.
# Needs curl and wrk; takes about seven minutes. TMPDIR says where the disk is.
#
#   tests/bench/cluster.sh [BUILD_DIR [PART...]]      build/release visible join repair handover
#
# DYNAKV_BENCH_PORT (17700) is the first of the ports; DYNAKV_BENCH_KEYS (1000000) how many values;
# DYNAKV_BENCH_ROUNDS (7) how often repair and handover are measured; DYNAKV_BENCH_SECRET=1 seals the
# links; DYNAKV_BENCH_ALL_ON_DISK=1 puts the files of the other members on the disk, too.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release}
shift $(($# > 0 ? 1 : 0))
parts=("${@:-visible}")
(($# > 0)) || parts=(visible join repair handover)
for program in curl wrk taskset; do
    command -v "$program" >/dev/null || { echo "cluster.sh: $program is not installed" >&2 && exit 1; }
done
cmake --build "$build" -j2 --target dynakvd bench_replication >/dev/null
bench=$PWD/$build/tests/bench/bench_replication
dynakvd=$PWD/$build/daemon/dynakvd
lua=$PWD/tests/bench/http.lua
base=${DYNAKV_BENCH_PORT:-17700}
keys=${DYNAKV_BENCH_KEYS:-1000000}
rounds=${DYNAKV_BENCH_ROUNDS:-7}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/dynakv-bench.XXXXXX")
memory=$work
[[ "${DYNAKV_BENCH_ALL_ON_DISK:-0}" != 1 && -d /dev/shm && -w /dev/shm ]] && memory=$(mktemp -d /dev/shm/dynakv-bench.XXXXXX)
pids=()
declare -A node_pids
stop_all() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    pids=()
    rm -rf "$work"/data-* "$memory"/data-*
}
trap 'stop_all; rm -rf "$work" "$memory"' EXIT
secret=()
if [[ "${DYNAKV_BENCH_SECRET:-0}" == 1 ]]; then
    echo "the secret of this benchmark" >"$work/secret"
    secret=(--cluster-secret-file "$work/secret")
fi

# A node that returns or joins would be on a machine of its own: what is measured beside it, the member
# that is asked and its clients, has one processor for itself, the other nodes and this script share another one.
first=()
others=()
if (($(nproc) >= 2)); then
    read -r processor another _ <<<"$(taskset -pc $$ | sed 's/.*: //' | tr , '\n' | awk -F- '{ for (i = $1; i <= ($2 == "" ? $1 : $2); ++i) printf "%d ", i }')"
    first=(taskset -c "$processor")
    others=(taskset -c "$another")
    taskset -pc "$another" $$ >/dev/null
fi

# NUMBER: where it keeps its data. The others have no disk in common with the first one.
directory() {
    if (($1 == 0)); then echo "$work/data-0"; else echo "$memory/data-$1"; fi
}

# NUMBER JOIN...: node number NUMBER, in the background.
launch() {
    local number=$1 port=$((base + $1)) processor=("${others[@]}")
    ((number > 0)) || processor=("${first[@]}")
    shift
    "${processor[@]}" "$dynakvd" "127.0.0.1:$port" "$@" --data-dir "$(directory "$number")" --cluster-port "$((port + 100))" \
        --log-level warning "${secret[@]}" >>"$work/log" 2>&1 &
    pids+=($!)
    node_pids[$number]=$!
}
# NUMBER: until it has loaded its file, which is no work for the others.
answers() {
    local i
    for ((i = 0; i < 600; ++i)); do
        [[ $(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$((base + $1))/readyz") == 000 ]] || return 0
        sleep 0.02
    done
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
    # 64 connections that pause for 3 ms after each answer.
    "${first[@]}" wrk -t1 -c64 -d12s -s "$lua" "http://127.0.0.1:$base" -- paced-put 3 >"$work/wrk" &
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
    launch 0
    ready 0 10
    "$bench" fill "$base" "$keys"
    "${first[@]}" wrk -t1 -c8 -d120s -s "$lua" "http://127.0.0.1:$base/key/fill-000000000001" -- paced 3 >"$work/wrk" &
    local load=$! start
    pids+=("$load")
    sleep 1
    start=$(now)
    launch 1 "127.0.0.1:$base/$((base + 100))"
    ready 1 110
    awk -v start="$start" -v end="$(now)" 'BEGIN { printf "  ready after %.1f s\n", end - start }'
    kill "$load" 2>/dev/null || true
    curl -sf "http://127.0.0.1:$((base + 1))/v1/cluster" |
        grep -o '"keys":[0-9]*' | sort -u | sed 's/^/  /'
    stop_all
}

# SECONDS: `GET_P99 PUT_P99` in ms at the first node: 16 connections each, which pause for 3 ms after
# each answer.
feel() {
    "${first[@]}" wrk -t1 -c16 "-d$1" -s "$lua" "http://127.0.0.1:$base/key/fill-000000000001" -- paced 3 >"$work/get" &
    local get=$!
    "${first[@]}" wrk -t1 -c16 "-d$1" -s "$lua" "http://127.0.0.1:$base" -- paced-put 3 >"$work/put"
    wait "$get"
    awk '/^#/ { printf "%s ", $3 } END { print "" }' "$work/get" "$work/put"
}
# What stands in $work/rounds, GET and PUT of `BEFORE DURING AFTER` a line. The background work is what
# `during` has more than `after`, when the same members are there; `before` there is one fewer, to which
# nothing is pushed.
tell_rounds() {
    local name column
    for name in GET PUT; do
        column=1
        [[ $name == GET ]] || column=2
        awk -v c="$column" '{ print $(c + 2) / $(c + 4), $c, $(c + 2), $(c + 4) }' "$work/rounds" | sort -n | awk -v name="$name" '
            { ratio[NR] = $1; before[NR] = $2; during[NR] = $3; after[NR] = $4 }
            END { m = int((NR + 1) / 2)
                  printf "  p99 of %s: %.2f ms before, %.2f during, %.2f after, during to after %.2f (%.2f to %.2f, %d rounds)\n",
                         name, before[m], during[m], after[m], ratio[m], ratio[1], ratio[NR], NR }'
    done
}
three() {
    launch 0
    ready 0 10
    launch 1 "127.0.0.1:$base/$((base + 100))"
    launch 2 "127.0.0.1:$base/$((base + 100))"
    ready 1 20
    ready 2 20
}
repair() {
    local i before during start
    echo "== what clients of a member feel while one returns that lacks 600,000 writes"
    three
    : >"$work/rounds"
    for ((i = 0; i < rounds; ++i)); do
        kill -9 "${node_pids[2]}"
        wait "${node_pids[2]}" 2>/dev/null || true
        "$bench" fill "$base" 600000
        before=$(feel 2s)
        start=$(now)
        launch 2 "127.0.0.1:$base/$((base + 100))"
        answers 2
        (ready 2 60 && echo "$(now) $start" >>"$work/took") &
        local waiter=$!
        during=$(feel 2s)
        wait "$waiter"
        echo "$before $during $(feel 2s)" >>"$work/rounds"
    done
    tell_rounds
    awk '{ print $1 - $2 }' "$work/took" | sort -n | awk '{ t[NR] = $1 } END { printf "  ready %.1f s after its start\n", t[int((NR + 1) / 2)] }'
    rm "$work/took"
    stop_all
}
handover() {
    local i before during
    echo "== what clients of a member feel while a new one takes $keys values over"
    launch 0
    ready 0 10
    "$bench" fill "$base" "$keys"
    : >"$work/rounds"
    for ((i = 0; i < rounds; ++i)); do
        before=$(feel 2s)
        launch 1 "127.0.0.1:$base/$((base + 100))"
        during=$(feel 2s)
        ready 1 110
        echo "$before $during $(feel 2s)" >>"$work/rounds"
        curl -sf -o /dev/null -X POST "http://127.0.0.1:$((base + 1))/v1/admin/leave"
        kill "${node_pids[1]}"
        wait "${node_pids[1]}" || true
        rm -rf "$(directory 1)"
    done
    tell_rounds
    stop_all
}

for part in "${parts[@]}"; do
    case $part in
    visible | join | repair | handover) "$part" ;;
    *) echo "unknown part: $part" >&2; exit 2 ;;
    esac
done
