#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Replaces the program of three nodes one by one while clients write, by a newer one and back again,
# on the same directories. Every write is w=quorum, through any node. In the end, on every node:
# each key has the value that was acknowledged last, or that of a later write that nobody answered;
# what was deleted stays deleted; the nodes agree. Needs curl; takes about a minute. Not part of the
# ordinary run, since it needs two builds.
#
#   tests/integration/rolling_upgrade.sh OLD_DYNAKVD NEW_DYNAKVD
#
# DYNAKV_ROLL_PORT (17800) is the first of three API ports; DYNAKV_ROLL_SIGNAL (TERM) ends a node;
# DYNAKV_ROLL_BYTES (40000) is the length of the longer values.
set -euo pipefail
if (($# != 2)); then
    sed -n 's/^#   //p' "$0" >&2
    exit 2
fi
old=$(realpath "$1")
new=$(realpath "$2")
base=${DYNAKV_ROLL_PORT:-17800}
signal=${DYNAKV_ROLL_SIGNAL:-TERM}
long_bytes=${DYNAKV_ROLL_BYTES:-40000}
keys=30
work=$(mktemp -d "${TMPDIR:-/tmp}/dynakv-roll.XXXXXX")
nodes=(0 0 0) # Their process ids.
writers=()
end_all() {
    local pid
    for pid in "${writers[@]}" "${nodes[@]}"; do ((pid == 0)) || kill -9 "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap end_all EXIT
fail() {
    echo "rolling_upgrade: $*" >&2
    tail -n 5 "$work"/log-* >&2
    exit 1
}
url() { echo "http://127.0.0.1:$((base + $1))"; }
long_text=$(head -c "$long_bytes" /dev/zero | tr '\0' 'x')

# NODE PROGRAM
start_node() {
    local join=()
    (($1 == 0)) || join=("127.0.0.1:$base/$((base + 100))")
    "$2" "127.0.0.1:$((base + $1))" "${join[@]}" --data-dir "$work/data-$1" \
        --cluster-port "$((base + $1 + 100))" --log-level warning >>"$work/log-$1" 2>&1 &
    nodes[$1]=$!
}
# Each node is ready and lists three; 1 where one of them has ended.
wait_for_all() {
    local i node good
    for ((i = 0; i < 600; ++i)); do
        good=0
        for node in 0 1 2; do
            kill -0 "${nodes[node]}" 2>/dev/null || return 1
            [[ $(curl -s -m 2 "$(url $node)/membership" | grep -o '127\.' | wc -l) == 3 ]] || continue
            [[ $(curl -s -m 2 -o /dev/null -w '%{http_code}' "$(url $node)/readyz") == 200 ]] || continue
            good=$((good + 1))
        done
        ((good < 3)) || return 0
        sleep 0.1
    done
    return 1
}
# NODE METHOD KEY [BODY]: the status.
request() {
    local body=()
    (($# < 4)) || body=(--data-binary @-)
    curl -s -m 8 -o /dev/null -w '%{http_code}' -X "$2" "${body[@]}" "$(url "$1")/key/$3?w=quorum" <<<"${4:-}" ||
        true
}
# WRITER: keys of its own, one line for each write: `KEY NUMBER`, 0 for a delete, `?` behind it where
# it was not acknowledged.
write_on() {
    local number=0 key status text
    while [[ ! -e $work/stop ]]; do
        number=$((number + 1))
        key=w$1-$((RANDOM % keys))
        if ((RANDOM % 4 == 0)); then
            status=$(request $((RANDOM % 3)) DELETE "$key")
            text="$key 0"
        else
            local value=$number:
            ((number % 8 != 0)) || value+=$long_text
            status=$(request $((RANDOM % 3)) PUT "$key" "{\"value\":\"$value\"}")
            text="$key $number"
        fi
        [[ $status == 200 ]] || text+=" ?$status"
        echo "$text"
    done >"$work/written-$1"
}
# NODE PREFIX COUNT: `KEY NUMBER` of each key, 0 where there is none; anything else is a fault.
read_all() {
    local i answers=()
    for ((i = 0; i < $3; ++i)); do answers+=("$(url "$1")/key/$2-$i"); done
    curl -s -m 60 -w '\n%{http_code} %{url_effective}\n' "${answers[@]}" | awk '
        /^[0-9]+ http/ {
            sub(".*/key/", "", $2)
            if ($1 == 404) value = 0
            else if ($1 != 200) value = "status-" $1
            print $2, value
            next
        }
        match($0, /"value":"[0-9]+:/) { value = substr($0, RSTART + 9, RLENGTH - 10) }'
}
# What nobody touches meanwhile.
check_still() {
    local node
    for node in 0 1 2; do
        [[ $(read_all $node kept 50 | awk '$2 != 1' | wc -l) == 0 ]] || fail "$1: node $node lost a key"
        [[ $(read_all $node gone 50 | awk '$2 != 0' | wc -l) == 0 ]] || fail "$1: a deleted key is back on node $node"
    done
}
# PROGRAM NAME: node by node.
roll() {
    local node
    for node in 0 1 2; do
        kill "-$signal" "${nodes[node]}"
        wait "${nodes[node]}" || [[ $signal != TERM ]] || fail "node $node did not end as asked"
        sleep 1 # Some writes without it.
        start_node $node "$1"
        wait_for_all || return 1
        check_still "after node $node became $2"
    done
}
# Up to 30 s: what a node missed comes with the next comparison.
wait_until_equal() {
    local i node writer
    for ((i = 0; i < 15; ++i)); do
        sleep 2
        for node in 0 1 2; do
            for writer in 0 1 2; do read_all $node "w$writer" "$keys"; done >"$work/read-$node"
        done
        if cmp -s "$work/read-0" "$work/read-1" && cmp -s "$work/read-0" "$work/read-2"; then return; fi
    done
    fail "the nodes differ"
}
judge() {
    cat "$work"/written-* >"$work/written"
    awk '
        FNR == NR { if ($3 == "") may[$1] = " " $2 " "; else may[$1] = (may[$1] == "" ? " 0 " : may[$1]) $2 " "; next }
        { allowed = may[$1] == "" ? " 0 " : may[$1]
          if (index(allowed, " " $2 " ") == 0) { print $1 " is " $2 ", allowed:" allowed; bad = 1 } }
        END { exit bad }' "$work/written" "$work/read-0" >&2 || fail "an acknowledged write is lost"
}

for node in 0 1 2; do
    start_node $node "$old"
    ((node > 0)) || sleep 0.5
done
wait_for_all || fail "three nodes of the old program are no cluster"
for ((i = 0; i < 50; ++i)); do
    [[ $(request 0 PUT "kept-$i" '{"value":"1:"}')$(request 1 PUT "gone-$i" '{"value":"1:"}') == 200200 ]] || fail "no write"
    [[ $(request 2 DELETE "gone-$i") == 200 ]] || fail "no delete"
done
for writer in 0 1 2; do
    write_on $writer &
    writers+=($!)
done
roll "$new" new || fail "the new program is no member"
echo "from $("$old" --version) to $("$new" --version): done"
if roll "$old" old; then
    echo "and back: done"
else
    tail -n 2 "$work"/log-0
    fail "the old program does not take over again"
fi
touch "$work/stop"
wait "${writers[@]}"
writers=()
wait_until_equal
judge
check_still "in the end"
awk '{ ++all } $3 == "" { ++acked } END { print all " writes, " acked " acknowledged, none of them lost; deletes hold; the nodes agree" }' \
    "$work"/written-*
for node in 0 1 2; do kill "-$signal" "${nodes[node]}"; done
wait "${nodes[@]}" || [[ $signal != TERM ]]
nodes=(0 0 0)
