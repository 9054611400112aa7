#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The other end of what DynaKV promises to build on: makes a Debian 13 in a directory, with its Qt 6.8
# and g++ 14, builds everything in it and runs every test. Needs root, about 2 GiB below /var/tmp, and
# minutes. What was compiled is kept in build/qt68-ccache, so that the next run is quicker.
#
#   .ci/qt68.sh                    every test
#   .ci/qt68.sh -L unit            arguments are ctest's
#
# DYNAKV_APT_CONF_DIR=DIR copies that directory's files to the new system's /etc/apt/apt.conf.d.
#
# What stands in single quotes here is for a shell in the new system.
# shellcheck disable=SC2016
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly release=trixie
jobs=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}

if [[ "$(id -u)" != 0 ]]; then
    echo "qt68: needs root, to make a Debian in a directory and to mount what a build needs there" >&2
    exit 1
fi
cmake/install-dependencies.sh qt68
if ! command -v mmdebstrap >/dev/null; then
    echo "qt68: there is no mmdebstrap, which makes the Debian 13; install it (its package has that name)" >&2
    exit 1
fi

work=$(mktemp -d /var/tmp/dynakv-qt68.XXXXXX)
root=$work/root
trap 'rm -rf --one-file-system "$work"' EXIT

# Runs one step. Its mounts are seen by nothing else, and end with its processes; those end with the
# step, and where this script is killed. So nothing of this machine is below the directory that is
# removed, and nothing is left behind.
inside() { # SHELL-COMMAND [ARGUMENT...]
    setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child bash -c '
        set -e
        root=$1
        ccache=$2
        shift 2
        mount --make-rprivate /
        mount --rbind "$root" "$root" # A mount of its own: tests that make more ask for that.
        mount -t proc proc "$root/proc"
        mount -t sysfs -o ro sysfs "$root/sys"
        mount --rbind /dev "$root/dev"
        mount --bind "$ccache" "$root/ccache"
        exec chroot "$root" /usr/bin/env -i -C /src HOME=/root LC_ALL=C.UTF-8 CCACHE_DIR=/ccache \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            bash -euc "$@"' _ "$root" "$PWD/build/qt68-ccache" "$1" inside "${@:2}"
}

# The archive that this machine itself installs from, one release on.
sources=(/etc/apt/sources.list.d/*.sources)
if [[ ! -f "${sources[0]}" ]]; then
    sources=(/etc/apt/sources.list)
fi
codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
sed "s/\\b${codename:-$release}\\b/$release/g" "${sources[0]}" >"$work/${sources[0]##*/}"

echo "-- make a Debian 13"
mmdebstrap --quiet --variant=minbase \
    ${DYNAKV_APT_CONF_DIR:+--setup-hook="mkdir -p \"\$1/etc/apt/apt.conf.d\" && cp \"$DYNAKV_APT_CONF_DIR\"/* \"\$1/etc/apt/apt.conf.d/\""} \
    "$release" "$root" "$work/${sources[0]##*/}"
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
mkdir -p "$root/src" "$root/ccache" build/qt68-ccache
# What is committed and what is about to be. A file that was removed since is no reason to stop.
git ls-files -z --cached --others --exclude-standard |
    tar --create --null --files-from=- --ignore-failed-read --warning=no-failed-read |
    tar --extract --directory="$root/src"

echo "-- install what is needed"
inside 'cmake/install-dependencies.sh build run test' >"$work/install.log" 2>&1 || {
    tail -n 40 "$work/install.log"
    echo "qt68: what a build needs cannot be installed"
    exit 1
}
inside 'dpkg-query -W -f "\${Package} \${Version}\n" qt6-base-dev qt6-httpserver-dev g++'

echo "-- build"
inside 'cmake --preset release >/dev/null && cmake --build --preset release -j "$1"' "$jobs"
echo "-- test"
inside 'ctest --preset release "$@"' -j "$jobs" "$@"
