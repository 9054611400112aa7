#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds the image from the Dockerfile as it stands and runs the two `docker run` lines of the README,
# without a container engine: buildah builds, and each container is the image's root file system,
# user, environment and entry point in network and mount namespaces of its own, joined by a bridge on
# which node1 and node2 have their names. What docker itself would add, and what is not tested here,
# is the publishing of ports. Needs root, and a few minutes.
#
#   installer/tests/container.sh                 builds everything, in the image's own build stage
#   installer/tests/container.sh PACKAGE.deb     takes this server package in place of that stage
#
# DYNAKV_APT_CONF_DIR=DIR copies that directory's files to the base image's /etc/apt/apt.conf.d.
# Ends with "N passed, N failed".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
package=${1:-}
if [[ -n "$package" && ! -f "$package" ]]; then
    echo "container: there is no package '$package'" >&2
    exit 2
fi
if [[ "$(id -u)" != 0 ]]; then
    echo "container: needs root, for namespaces and for buildah's chroot isolation" >&2
    exit 1
fi
cmake/install-dependencies.sh run container-test

work=$(mktemp -d /var/tmp/dynakv-container.XXXXXX)
readonly bridge=dynakv-test
declare -A address=([node1]=10.231.77.11 [node2]=10.231.77.12)
declare -A pid=()

end_all() {
    local node
    for node in "${!pid[@]}"; do
        kill -KILL "${pid[$node]}" 2>/dev/null || true
    done
    for node in "${!address[@]}"; do
        ip netns delete "dynakv-$node" 2>/dev/null || true
    done
    ip link delete "$bridge" 2>/dev/null || true
    build umount --all >/dev/null 2>&1 || true
    rm -rf --one-file-system "$work"
}
trap end_all EXIT

build() {
    buildah --storage-driver vfs --root "$work/storage" --runroot "$work/run" "$@"
}

passed=0
failed=0
check() { # DESCRIPTION COMMAND...
    local description=$1
    shift
    if "$@" >"$work/output" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $description"
    else
        failed=$((failed + 1))
        echo "FAILED  $description"
        sed 's/^/        /' "$work/output"
    fi
}
equals() { [[ "$1" == "$2" ]] || { echo "'$1', not '$2'"; return 1; }; }
matches() { [[ "$1" =~ $2 ]] || { echo "'$1' does not match '$2'"; return 1; }; }

# The base image, from the archive that this machine itself installs from.
sources=(/etc/apt/sources.list.d/*.sources)
if [[ ! -f "${sources[0]}" ]]; then
    sources=(/etc/apt/sources.list)
fi
echo "== make the base image"
mmdebstrap --quiet --variant=minbase \
    ${DYNAKV_APT_CONF_DIR:+--setup-hook="mkdir -p \"\$1/etc/apt/apt.conf.d\" && cp \"$DYNAKV_APT_CONF_DIR\"/* \"\$1/etc/apt/apt.conf.d/\""} \
    bookworm "$work/base.tar" "${sources[0]}"
base=$(build from scratch)
build add --quiet "$base" "$work/base.tar" / >/dev/null
build commit --quiet "$base" docker.io/library/debian:bookworm-slim >/dev/null
build rm "$base" >/dev/null
rm "$work/base.tar"

echo "== build the image"
printf 'unqualified-search-registries = ["docker.io"]\n' >"$work/registries.conf"
context=$PWD
cp Dockerfile "$work/Dockerfile"
if [[ -n "$package" ]]; then
    context=$work/context
    mkdir "$context"
    cp "$package" "$context/dynakv-server.deb"
    {
        printf 'FROM debian:bookworm-slim AS build\nCOPY dynakv-server.deb /dynakv-server.deb\n'
        sed -n '/^FROM debian:bookworm-slim$/,$p' Dockerfile
    } >"$work/Dockerfile"
fi
CONTAINERS_REGISTRIES_CONF=$work/registries.conf build bud --pull-never --isolation chroot --format docker \
    --file "$work/Dockerfile" --tag dynakv "$context" >"$work/build.log" 2>&1 || {
    tail -n 40 "$work/build.log"
    echo "container: the image was not built"
    exit 1
}
config() { # jq-like path for python: prints an entry of the image's configuration
    build inspect --type image dynakv |
        python3 -c 'import json, sys
value = json.load(sys.stdin)["Docker"]["config"].get(sys.argv[1])
print("\n".join(value) if isinstance(value, (list, dict)) else value)' "$1"
}
check "the image runs as a fixed user that is not root" equals "$(config User)" 10001:10001
check "the image keeps its data in a volume" equals "$(config Volumes)" /var/lib/dynakv
check "the image names both ports" equals "$(config ExposedPorts | sort | tr '\n' ' ')" "16660/tcp 6660/tcp "
check "the image stops by SIGTERM" equals "$(config StopSignal)" SIGTERM
check "the image has only the program as its entry point" equals "$(config Entrypoint)" /usr/bin/dynakvd
check "the image says how healthy it is" matches "$(build inspect --type image dynakv)" 'dynakvd.*health'

ip link add "$bridge" type bridge
ip address add 10.231.77.1/24 dev "$bridge"
ip link set "$bridge" up
for node in node1 node2; do
    ip netns add "dynakv-$node"
    ip link add "dkv-$node" type veth peer name eth0 netns "dynakv-$node"
    ip link set "dkv-$node" master "$bridge" up
    ip -n "dynakv-$node" link set lo up
    ip -n "dynakv-$node" address add "${address[$node]}/24" dev eth0
    ip -n "dynakv-$node" link set eth0 up
done

# run NODE ARGUMENT...: what `docker run --network dynakv --name NODE dynakv ARGUMENT...` does.
run() {
    local node=$1 container root
    shift
    container=$(build from --pull-never dynakv)
    root=$(build mount "$container")
    printf '127.0.0.1 localhost\n%s node1\n%s node2\n' "${address[node1]}" "${address[node2]}" >"$root/etc/hosts"
    local -a environment
    mapfile -t environment < <(config Env)
    # An engine gives an empty volume the image's owner and mode of that directory.
    install -d -m 0750 -o 10001 -g 10001 "$root/var/lib/dynakv"
    # shellcheck disable=SC2016  # Expanded by the inner shell.
    ip netns exec "dynakv-$node" unshare --mount bash -c '
        root=$1; shift
        mount --make-rprivate /
        mount --bind "$root" "$root"
        mount -o remount,bind,ro "$root"
        mount --bind "$root/var/lib/dynakv" "$root/var/lib/dynakv"
        mount -o remount,bind,rw "$root/var/lib/dynakv"
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount -t tmpfs tmpfs "$root/tmp"
        exec chroot --userspec=10001:10001 --groups= "$root" "$@"' _ "$root" \
        env -i -C /var/lib/dynakv "${environment[@]}" "$(config Entrypoint)" "$@" >"$work/$node.log" 2>&1 </dev/null &
    pid[$node]=$!
    root_of[$node]=$root
}
declare -A root_of=()

in_node() { # NODE COMMAND...: as HEALTHCHECK and `docker exec` do
    local node=$1
    shift
    nsenter --target "${pid[$node]}" --net --mount --root --wd \
        setpriv --reuid=10001 --regid=10001 --clear-groups "$@"
}
ready_within() { # NODE SECONDS
    local i
    for ((i = 0; i < $2 * 10; ++i)); do
        if in_node "$1" /usr/bin/dynakvd health >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    tail -n 20 "$work/$1.log"
    return 1
}
serves_within() { # SECONDS NODE PATH TEXT
    local i answer=
    for ((i = 0; i < $1 * 10; ++i)); do
        answer=$(curl -sS -m 2 "http://${address[$2]}:6660$3" 2>&1) || true
        if [[ "$answer" == "$4" ]]; then return 0; fi
        sleep 0.1
    done
    echo "$answer"
    tail -n 20 "$work/$2.log"
    return 1
}
stops_cleanly() {
    local code=0
    kill -TERM "${pid[$1]}"
    wait "${pid[$1]}" || code=$?
    unset "pid[$1]"
    ((code == 0)) || {
        echo "code $code"
        tail -n 20 "$work/$1.log"
        return 1
    }
}

echo "== run"
run node1 0.0.0.0:6660
check "node1 founds a cluster and is healthy" ready_within node1 15
run node2 0.0.0.0:6660 node1:6660
check "node2 joins it and is healthy" ready_within node2 15
both="[\"${address[node1]}:6660\",\"${address[node2]}:6660\"]"
check "node1 lists both by addresses that others reach" serves_within 15 node1 /membership "$both"
check "node2 lists the same" serves_within 15 node2 /membership "$both"
check "node1 warns that it is open" matches "$(cat "$work/node1.log")" '[Ii]nsecure|no authentication'
check "a write on node1" curl -fsS -m 5 -X PUT -d '{"value":"mydata"}' "http://${address[node1]}:6660/key/mykey"
check "is read on node2" serves_within 5 node2 /key/mykey '{"value":"mydata"}'
check "the process is not root" equals "$(stat -c %u "/proc/${pid[node1]}")" 10001
check "the data is in the volume" test -s "${root_of[node1]}/var/lib/dynakv/storage.db"
check "node1 stops cleanly" stops_cleanly node1
check "node2 serves without it" serves_within 5 node2 /key/mykey '{"value":"mydata"}'
check "node2 stops cleanly" stops_cleanly node2

echo "container: $passed passed, $failed failed"
((failed == 0))
