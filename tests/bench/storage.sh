#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# storage.db next to redis-server's RDB and AOF, in one run on one disk: memory a key, time to load,
# time to write everything anew. Needs redis-server and redis-cli, and for 10 million keys about
# 8 GiB of memory and 12 GiB of disk.
#
#   tests/bench/storage.sh [KEYS [BUILD_DIR]]      10000000 build/release
set -euo pipefail

cd "$(dirname "$0")/../.."
keys=${1:-10000000}
build=${2:-build/release}
for tool in redis-server redis-cli; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed" >&2; exit 1; }
done
cmake --build "$build" -j2 --target bench_file bench_storage >/dev/null
bench=$PWD/$build/tests/bench/bench_file
bench_storage=$PWD/$build/tests/bench/bench_storage
work=$(mktemp -d "${TMPDIR:-/var/tmp}/dynakv-bench.XXXXXX")
redis_pid=
finish() {
    [ -z "$redis_pid" ] || kill "$redis_pid" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
cd "$work"

now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.2f", b - a }'; }
ask() { redis-cli -s "$work/redis.sock" "$@"; }
info() { ask info "$1" | tr -d '\r' | awk -F: -v name="$2" '$1 == name { print $2 }'; }
rss() { awk '/^VmRSS/ { print $2 * 1024 }' "/proc/$redis_pid/status"; }

# Until it answers, which it does once it has loaded everything.
start_redis() {
    redis-server --port 0 --unixsocket "$work/redis.sock" --dir "$work" --save '' \
        --aof-use-rdb-preamble no --appendonly "$1" >"$work/redis.log" &
    redis_pid=$!
    for _ in $(seq 6000); do
        if ask ping 2>/dev/null | grep -q PONG; then return; fi
        kill -0 "$redis_pid" || { cat "$work/redis.log" >&2; exit 1; }
        sleep 0.05
    done
    echo "redis-server does not answer" >&2
    exit 1
}
stop_redis() {
    ask shutdown nosave >/dev/null 2>&1 || true
    wait "$redis_pid" || true
    redis_pid=
}
cpu_of_redis() {
    awk -v hz="$(getconf CLK_TCK)" '{ printf "%.2f", ($14 + $15) / hz }' "/proc/$redis_pid/stat"
}
per_key() { awk -v a="$1" -v b="$2" -v n="$keys" 'BEGIN { printf "%.1f", (a - b) / n }'; }
bgsave() {
    local start
    sync
    start=$(now)
    ask bgsave >/dev/null
    while [ "$(info persistence rdb_bgsave_in_progress)" = 1 ]; do sleep 0.02; done
    [ "$(info persistence rdb_last_bgsave_status)" = ok ]
    echo "redis: BGSAVE $(since "$start") s, $(($(stat -c %s dump.rdb) / 1048576)) MiB"
}

echo "== $keys keys of 16 bytes with values of 100 bytes, $(nproc) cores, $(redis-server --version | cut -d' ' -f3)"
echo "== random inserts"
"$bench" fill ours "$keys"
start_redis no
empty=$(rss)
start=$(now)
"$bench" resp "$keys" | ask --pipe >/dev/null
[ "$(ask dbsize)" = "$keys" ]
echo "redis: filled in $(since "$start") s, $(per_key "$(rss)" "$empty") bytes of RSS a key"

echo "== the log of random inserts opens"
"$bench" open ours 1

echo "== everything is written anew, nobody else there"
for _ in 1 2 3; do
    bgsave
    sync
    "$bench" compact ours 2>/dev/null | sed 's/^/ours: /'
done

echo "== a compacted file opens; an RDB and an AOF load"
stop_redis
for _ in 1 2 3; do
    start=$(now)
    start_redis no
    echo "redis: RDB loaded in $(since "$start") s, $(cpu_of_redis) s of CPU, $(per_key "$(rss)" "$empty") bytes of RSS a key"
    [ "$(ask dbsize)" = "$keys" ]
    stop_redis
    "$bench" open ours 1 | sed 's/^/ours: /'
    "$bench" open ours 2 | sed 's/^/ours: /'
done
start_redis no
ask config set appendonly yes >/dev/null
while [ "$(info persistence aof_rewrite_in_progress)" = 1 ] ||
    [ "$(info persistence aof_rewrite_scheduled)" = 1 ]; do sleep 0.1; done
[ "$(info persistence aof_last_bgrewrite_status)" = ok ]
stop_redis
rm dump.rdb
start=$(now)
start_redis yes
[ "$(ask dbsize)" = "$keys" ]
echo "redis: AOF loaded in $(since "$start") s, $(cpu_of_redis) s of CPU"
stop_redis
rm -rf appendonlydir

echo "== compaction beside 64 commits all the time"
"$bench" beside ours 2>/dev/null

echo "== synced commits next to a raw loop"
rm -rf ours
mkdir commits
"$bench_storage" "$work/commits" 25
