#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# One command on a fresh machine: installs what is missing, builds DynaKV, starts a cluster on this
# machine, shows that it works and opens the desktop application.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
readonly checkout=$PWD
readonly build=$checkout/build/release
readonly data=$checkout/dynakv-data
readonly first_port=6660
readonly nodes_max=16
# How long a node may take to answer, and the cluster to come together, before that is an error.
readonly ready_seconds=60
readonly stop_seconds=30

usage() {
    cat <<TEXT
Usage: ./run.sh [--nodes N] [--no-gui] [--build-only] [--help]

Installs what is missing, builds DynaKV, starts a cluster of nodes on this machine, stores a value
on the first node, reads it from the last one and opens the desktop application. Ctrl-C stops it all.

  --nodes N      how many nodes, 1 to $nodes_max (default 3), on 127.0.0.1:$first_port and the ports after it
  --no-gui       do not open dynakv-admin
  --build-only   install and build, start nothing
  --help         this text

What the nodes store lies in dynakv-data/ and is there again at the next start.
CMAKE_BUILD_PARALLEL_LEVEL=N limits how many compilers run at once (default: one per processor).
TEXT
}

fail() {
    echo "run.sh: $*" >&2
    exit 1
}

nodes=3
gui=1
build_only=0

read_options() {
    while (($#)); do
        case "$1" in
        --nodes)
            (($# >= 2)) || { echo "run.sh: --nodes needs a number; see ./run.sh --help" >&2; exit 2; }
            nodes=$2
            shift
            ;;
        --nodes=*) nodes=${1#*=} ;;
        --no-gui) gui=0 ;;
        --build-only) build_only=1 ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            echo "run.sh: unknown option '$1'; see ./run.sh --help" >&2
            exit 2
            ;;
        esac
        shift
    done
    if ! [[ "$nodes" =~ ^[0-9]{1,2}$ ]] || ((10#$nodes < 1 || 10#$nodes > nodes_max)); then
        echo "run.sh: --nodes takes a number from 1 to $nodes_max, not '$nodes'" >&2
        exit 2
    fi
    nodes=$((10#$nodes))
}

has_display() {
    [[ -n "${DISPLAY:-}" || -n "${WAYLAND_DISPLAY:-}" ]]
}

build_programs() {
    echo "== Install what is missing"
    cmake/install-dependencies.sh build run
    echo "== Build (the first time takes some minutes)"
    local log=$build/configure.log
    mkdir -p "$build"
    # Without its cache nothing was configured yet; afterwards ninja itself notices changed rules.
    if [[ ! -f "$build/build.ninja" ]]; then
        cmake --preset release >"$log" 2>&1 || {
            cat "$log" >&2
            fail "the build could not be configured; its output is above and in $log"
        }
    fi
    cmake --build "$build" -j "${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}" --target dynakvd dynakv-admin ||
        fail "the build failed; its output is above"
}

address_of() { # node number from 1
    echo "127.0.0.1:$((first_port + $1 - 1))"
}

log_of() {
    echo "$data/node-$((first_port + $1 - 1)).log"
}

# Succeeds when something accepts connections on that port of the loopback.
is_listening() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

check_ports() {
    local node port
    for ((node = 1; node <= nodes; ++node)); do
        for port in $((first_port + node - 1)) $((first_port + node - 1 + 10000)); do
            if is_listening "$port"; then
                echo "run.sh: port $port of 127.0.0.1 is already taken." >&2
                if command -v ss >/dev/null; then
                    ss -Hltnp "sport = :$port" >&2 || true
                fi
                fail "stop the program that holds it (another ./run.sh?) and start again"
            fi
        done
    done
}

declare -a pids=() # of the nodes, by node number from 1; empty where one has ended
gui_pid=

# Ends what this script started, by its id, and waits until it has ended.
stop_all() {
    trap '' INT TERM HUP
    trap - EXIT
    local status=$1 node code deadline
    if [[ -n "$gui_pid" ]] && kill -0 "$gui_pid" 2>/dev/null; then
        kill -TERM "$gui_pid" 2>/dev/null || true
        wait "$gui_pid" 2>/dev/null || true
    fi
    if ((${#pids[@]})); then
        echo
        echo "== Stop"
    fi
    for node in "${!pids[@]}"; do
        kill -TERM "${pids[node]}" 2>/dev/null || true
    done
    deadline=$((SECONDS + stop_seconds))
    for node in "${!pids[@]}"; do
        while kill -0 "${pids[node]}" 2>/dev/null && ((SECONDS < deadline)); do
            sleep 0.05
        done
        if kill -0 "${pids[node]}" 2>/dev/null; then
            echo "  $(address_of "$node")  did not stop within $stop_seconds s and is killed; log: $(log_of "$node")"
            kill -KILL "${pids[node]}" 2>/dev/null || true
        fi
        code=0
        wait "${pids[node]}" 2>/dev/null || code=$?
        if ((code == 0)); then
            echo "  $(address_of "$node")  stopped"
        else
            echo "  $(address_of "$node")  ended with code $code; log: $(log_of "$node")"
            status=1
        fi
    done
    exit "$status"
}

show_log_and_fail() { # node number, message
    echo "run.sh: $2. The end of its log, $(log_of "$1"):" >&2
    tail -n 20 "$(log_of "$1")" | sed 's/^/    /' >&2
    exit 1
}

is_running() {
    kill -0 "${pids[$1]}" 2>/dev/null
}

start_nodes() {
    echo "== Start $nodes node$( ((nodes == 1)) || echo s) (data and logs in dynakv-data/)"
    mkdir -p "$data"
    local node name
    local -a join=()
    # A setting meant for another node, such as DYNAKV_DATA_DIR, would reach all of these.
    for name in "${!DYNAKV_@}"; do
        if [[ "$name" != DYNAKV_LOG* && "$name" != DYNAKV_DURABILITY ]]; then
            unset "$name"
        fi
    done
    for ((node = 1; node <= nodes; ++node)); do
        # From the data directory, so that each node finds its own folder by its port; in a session
        # of its own, so that Ctrl-C reaches this script only, which then stops them in order.
        (cd "$data" && exec setsid "$build/daemon/dynakvd" "$(address_of "$node")" ${join[@]+"${join[@]}"}) \
            >"$(log_of "$node")" 2>&1 </dev/null &
        pids[node]=$!
        join=("$(address_of 1)")
    done
}

wait_until_ready() {
    local node address since=$SECONDS
    for ((node = 1; node <= nodes; ++node)); do
        address=$(address_of "$node")
        until curl -fs -m 2 -o /dev/null "http://$address/readyz"; do
            is_running "$node" || show_log_and_fail "$node" "the node on $address ended while starting"
            ((SECONDS - since < ready_seconds)) ||
                show_log_and_fail "$node" "the node on $address was not ready within $ready_seconds s"
            sleep 0.1
        done
        echo "  $address  ready"
    done
    # Ready means that a node serves. The cluster is complete when each lists all of them.
    for ((node = 1; node <= nodes; ++node)); do
        address=$(address_of "$node")
        until lists_all_nodes "$address"; do
            is_running "$node" || show_log_and_fail "$node" "the node on $address ended while joining"
            ((SECONDS - since < ready_seconds)) ||
                show_log_and_fail "$node" "the node on $address did not see all members within $ready_seconds s"
            sleep 0.1
        done
    done
}

lists_all_nodes() {
    local listed node
    listed=$(curl -fs -m 2 "http://$1/membership") || return 1
    for ((node = 1; node <= nodes; ++node)); do
        [[ "$listed" == *"\"$(address_of "$node")\""* ]] || return 1
    done
}

# Prints a command as one can copy it, runs it, and prints its answer.
show_command() {
    echo "\$ ${*@Q}" | sed -E "s/'([A-Za-z0-9_./:-]+)'/\1/g"
    "$@" || fail "that command failed with code $?; the nodes' logs are in $data"
    echo
}

show_seed_commands() {
    local first last deadline
    first=$(address_of 1)
    last=$(address_of "$nodes")
    echo "== Try it (copy these into another terminal)"
    show_command curl -sS -X PUT "http://$first/key/mykey" -d '{"value":"mydata"}'
    # A write is answered when one node has it and reaches the others at once, but not before the
    # answer. A person's hands give it that moment; a script has to.
    deadline=$((SECONDS + 10))
    until curl -fs -m 2 -o /dev/null "http://$last/key/mykey"; do
        ((SECONDS < deadline)) || fail "the value written on $first did not reach $last within 10 s"
        sleep 0.05
    done
    show_command curl -sS "http://$last/key/mykey"
    show_command curl -sS "http://$first/membership"
    echo "\$ curl -sS -X DELETE http://$first/key/mykey"
    echo "  (not run, so that there is something to see in the application)"
}

open_gui() {
    if ((!gui)); then
        return
    fi
    if ! has_display; then
        echo "No display here, so dynakv-admin is not opened. Where there is one: build/release/admin-gui/dynakv-admin $(address_of 1)"
        return
    fi
    setsid "$build/admin-gui/dynakv-admin" "$(address_of 1)" >"$data/dynakv-admin.log" 2>&1 </dev/null &
    gui_pid=$!
    echo "Opened dynakv-admin on $(address_of 1)."
}

# Until Ctrl-C. A node that ends by itself is an error; a closed window is not.
watch_over() {
    local node
    while :; do
        for node in "${!pids[@]}"; do
            is_running "$node" || show_log_and_fail "$node" "the node on $(address_of "$node") ended by itself"
        done
        if [[ -n "$gui_pid" ]] && ! kill -0 "$gui_pid" 2>/dev/null; then
            wait "$gui_pid" || echo "dynakv-admin ended with an error; see $data/dynakv-admin.log"
            gui_pid=
            echo "The window is closed; the cluster goes on. Ctrl-C stops it."
        fi
        # In the background, so that a signal ends the wait at once.
        sleep 1 &
        wait $! || true
    done
}

read_options "$@"
build_programs
if ((build_only)); then
    echo "Built build/release/daemon/dynakvd and build/release/admin-gui/dynakv-admin."
    exit 0
fi
check_ports
trap 'stop_all 0' INT TERM HUP
trap 'stop_all $?' EXIT
start_nodes
wait_until_ready
echo
"$build/daemon/dynakvd" status "$(address_of 1)"
echo
show_seed_commands
echo
open_gui
echo "The cluster is up. Ctrl-C stops it; the data stays in dynakv-data/."
watch_over
