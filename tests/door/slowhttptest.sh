#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Slow clients against a real node: slowhttptest opens 500 connections at a time that send their head
# or body slowly, ask for overlapping ranges, or read slowly, while other clients go on reading a key.
# Passes where the service was there all the time, was quick for the others, and got rid of the slow
# ones. Needs slowhttptest and curl; takes about two minutes, on the loopback alone.
#
#   tests/door/slowhttptest.sh [BUILD_DIR [PART...]]      build/release head body range read
#
# DYNAKV_DOOR_PORT (17700) is the node's port, DYNAKV_DOOR_P99_MS (500) what the others may wait.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build=${1:-build/release}
shift $(($# < 1 ? $# : 1))
parts=("$@")
(($# > 0)) || parts=(head body range read)
for tool in slowhttptest curl; do
    command -v "$tool" >/dev/null || {
        echo "$tool is not installed" >&2
        exit 2
    }
done
dynakvd=$PWD/$build/daemon/dynakvd
[[ -x "$dynakvd" ]] || {
    echo "there is no $build/daemon/dynakvd: build it first" >&2
    exit 2
}
node=http://127.0.0.1:${DYNAKV_DOOR_PORT:-17700}
p99_max_ms=${DYNAKV_DOOR_P99_MS:-500}
connections=500
work=$(mktemp -d "${TMPDIR:-/var/tmp}/dynakv-door.XXXXXX")
daemon=
readers=
stop_all() {
    local pid
    for pid in $readers $daemon; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap stop_all EXIT
ulimit -n "$(ulimit -Hn)"

passed=0
failed=0
check() { # DESCRIPTION COMMAND...
    local description=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $description"
    fi
}

counter() { # SERIES
    curl -sf "$node/metrics" | awk -v series="dynakv_$1" '$1 == series { print $2 }'
}

# Clients that were ended in one of the phases.
ended() { # PHASE...
    local phase sum=0
    for phase; do sum=$((sum + $(counter "http_timeouts_total{phase=\"$phase\"}"))); done
    echo "$sum"
}

start_node() {
    "$dynakvd" "${node#http://}" --data-dir "$work/data" --log-level warning >"$work/log" 2>&1 &
    daemon=$!
    for _ in {1..100}; do
        if curl -sf -o /dev/null "$node/readyz"; then
            # One small value for the others, and one that no slow reader takes at once.
            curl -sf -o /dev/null -X PUT -d '{"value":1}' "$node/key/small"
            head -c 900000 /dev/zero | tr '\0' x |
                curl -sf -o /dev/null -X PUT -H 'Content-Type: application/octet-stream' \
                    --data-binary @- "$node/key/large"
            return
        fi
        sleep 0.1
    done
    cat "$work/log" >&2
    exit 1
}

# Reads the key on a new connection each time, and writes status and seconds of each.
read_on() {
    while :; do
        curl -s -o /dev/null -w '%{http_code} %{time_total}\n' --max-time 5 "$node/key/small" || true
        sleep 0.02
    done
}

# Of a column of milliseconds: how many, the 99th percentile and the largest.
percentiles() {
    sort -n | awk '{ all[NR] = $1 }
        END { if (NR) printf "%d %.1f %.1f\n", NR, all[int((NR * 99 + 99) / 100)], all[NR] }'
}

# By slowhttptest's table of seconds: no second without service, and how many were ever connected.
always_available() { # CSV
    awk -F, 'NR > 1 { seconds++; if ($5 == 0) dark++ } END { exit !(seconds > 0 && !dark) }' "$1"
}
most_connected() { # CSV
    awk -F, 'NR > 1 && $4 > most { most = $4 } END { print most + 0 }' "$1"
}

attack() { # PART
    local part=$1 before after gone count=0 p99=0 max=0 most text
    local -a phases=() options=(-c "$connections" -r 250 -p 3 -g -o "$work/$part")
    case "$part" in
    head)
        phases=(head)
        options+=(-H -i 2 -x 8 -l 30 -u "$node/key/small")
        ;;
    body)
        phases=(body)
        options+=(-B -i 2 -x 8 -s 8192 -t PUT -f application/json -l 30 -u "$node/key/slow")
        ;;
    range) options+=(-R -t GET -a 5 -b 3000 -l 30 -u "$node/key/small") ;;
    read)
        # Some do not read in time, others hold more than their share of what nobody reads.
        phases=(write unsent)
        options+=(-X -k 6 -r 100 -n 1 -z 64 -w 512 -y 1024 -l 110 -u "$node/key/large?raw")
        ;;
    *)
        echo "there is no part '$part'" >&2
        exit 2
        ;;
    esac
    before=$(ended "${phases[@]}")
    : >"$work/times"
    read_on >"$work/times" &
    readers=$!
    check "$part: slowhttptest ran" timeout 180 slowhttptest "${options[@]}" >"$work/$part.out" 2>&1
    kill "$readers" 2>/dev/null || true
    wait "$readers" 2>/dev/null || true
    readers=

    # Its report is made for a terminal.
    text=$(sed 's/\x1b\[[0-9;]*[A-Za-z]//g' "$work/$part.out")
    most=$(most_connected "$work/$part.csv")
    check "$part: slowhttptest found the service there all the time" always_available "$work/$part.csv"
    check "$part: slowhttptest found no open connection in the end" \
        grep -q 'Exit status: *No open connections left' <<<"$text"
    # shellcheck disable=SC2016
    check "$part: every read of the others was answered" \
        awk '$1 != 200 { bad++ } END { exit !(NR > 20 && !bad) }' "$work/times"
    read -r count p99 max < <(awk '{ print $2 * 1000 }' "$work/times" | percentiles)
    check "$part: 99 of 100 reads of the others took at most $p99_max_ms ms, not $p99" \
        awk -v p99="$p99" -v limit="$p99_max_ms" 'BEGIN { exit !(p99 <= limit) }'
    gone=0
    if ((${#phases[@]} > 0)); then
        after=$(ended "${phases[@]}")
        gone=$((after - before))
        check "$part: it was $connections connections at one time, not $most" \
            test "$most" -eq "$connections"
        check "$part: the node ended all of them for being slow, not $gone" \
            test "$gone" -eq "$connections"
    fi
    printf '%-6s %s connected at most, %s ended by the node; %s other reads, p99 %s ms, longest %s ms\n' \
        "$part" "$most" "$gone" "$count" "$p99" "$max"
}

start_node
for part in "${parts[@]}"; do
    attack "$part"
done
check "the node has no connection left but the one that asks" \
    test "$(counter http_connections)" -eq 1
check "nothing was written by what was never whole" \
    test "$(curl -s -o /dev/null -w '%{http_code}' "$node/key/slow")" = 404
echo "$passed passed, $failed failed"
((failed == 0))
