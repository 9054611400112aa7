#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The one place that knows which Debian packages DynaKV needs, and for what. Installs those that are
# missing; does nothing, asks for nothing and needs no network when all of them are there.
#
#   cmake/install-dependencies.sh GROUP...           install what the groups need
#   cmake/install-dependencies.sh --list GROUP...    only print the package names
#
# DYNAKV_SKIP_DEPENDENCIES=1 makes it a no-op, for systems whose packages have other names.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: cmake/install-dependencies.sh [--list] GROUP...

Groups:
  build           compiler, CMake, Qt 6 and the libraries: builds dynakvd and dynakv-admin
  run             what run.sh needs beyond them
  test            what the tests need beyond them, a virtual display included
  lint            clang, clang-tidy, clang-format and shellcheck: the second compiler and the style checks
  package         what `cpack` needs
  package-checks  what the checks of its packages need
  package-test    a fresh Debian in a directory, booted, to install the packages into
  qt68            a Debian 13 in a directory, to build and test with its Qt 6.8
  container-test  an image builder and what the test of the image needs
  contract        Node.js, for the tools that compare the API document with the daemon
TEXT
}

# Prints the packages of one group. `a|b` means: a, or b where the distribution has no a.
packages_of() {
    case "$1" in
    build)
        echo "g++ cmake ninja-build ccache pkg-config"
        # Qt's package for HttpServer does not pull in WebSockets, which its CMake file asks for.
        echo "qt6-base-dev qt6-httpserver-dev qt6-websockets-dev qt6-svg-dev|libqt6svg6-dev"
        echo "libabsl-dev libxxhash-dev rapidjson-dev"
        ;;
    run) echo "curl" ;;
    test) echo "curl iproute2 xvfb openbox fonts-dejavu-core nginx haproxy" ;;
    lint) echo "clang clang-tidy clang-format lld shellcheck git patch" ;;
    package) echo "dpkg-dev file git" ;;
    package-checks) echo "desktop-file-utils appstream lintian man-db shellcheck" ;;
    package-test) echo "mmdebstrap systemd-container" ;;
    qt68) echo "mmdebstrap" ;;
    container-test) echo "mmdebstrap buildah iproute2 python3 curl" ;;
    contract) echo "nodejs npm" ;;
    *)
        echo "install-dependencies: there is no group '$1'" >&2
        usage >&2
        return 2
        ;;
    esac
}

is_installed() {
    [[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}

exists_in_archive() {
    apt-cache show --no-all-versions "$1" >/dev/null 2>&1
}

as_root() {
    if [[ "$(id -u)" == 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "install-dependencies: not root, and there is no sudo. Run this as root, then try again:" >&2
        echo "    $*" >&2
        return 1
    fi
}

# The tests start these programs themselves. The services of that name, which the packages bring along,
# would hold port 80 on a developer's machine, so that those installed here are ended for good.
quieten_services() { # PACKAGE...
    local name
    for name in "$@"; do
        case "$name" in nginx | haproxy) ;; *) continue ;; esac
        if [[ -d /run/systemd/system ]]; then
            as_root systemctl --quiet disable --now "$name.service"
        elif [[ -x "/etc/init.d/$name" ]]; then
            as_root "/etc/init.d/$name" stop >/dev/null || true
            as_root update-rc.d "$name" disable
        fi
    done
}

main() {
    local list_only=0
    local -a groups=() wanted=() missing=() chosen=()
    while (($#)); do
        case "$1" in
        --list) list_only=1 ;;
        -h | --help)
            usage
            return 0
            ;;
        *) groups+=("$1") ;;
        esac
        shift
    done
    if ((${#groups[@]} == 0)); then
        usage >&2
        return 2
    fi

    local group words
    for group in "${groups[@]}"; do
        words=$(packages_of "$group") || return 2
        # The split into words is the point here: the list is one string per group.
        # shellcheck disable=SC2206
        wanted+=($words)
    done
    if ((list_only)); then
        printf '%s\n' "${wanted[@]}"
        return 0
    fi
    if [[ -n "${DYNAKV_SKIP_DEPENDENCIES:-}" ]]; then
        return 0
    fi
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        echo "install-dependencies: this is not a Debian system, so nothing can be installed by itself." >&2
        echo "DynaKV needs what these Debian packages hold (Qt 6.4 or newer, a C++20 compiler):" >&2
        printf '    %s\n' "${wanted[@]}" >&2
        echo "Install them, then run this again with DYNAKV_SKIP_DEPENDENCIES=1." >&2
        return 1
    fi

    local entry name found
    for entry in "${wanted[@]}"; do
        found=0
        for name in ${entry//|/ }; do
            if is_installed "$name"; then
                found=1
            fi
        done
        if ((!found)); then
            missing+=("$entry")
        fi
    done
    if ((${#missing[@]} == 0)); then
        return 0
    fi

    echo "Installing ${#missing[@]} missing packages: ${missing[*]}"
    as_root apt-get update -q
    for entry in "${missing[@]}"; do
        found=0
        for name in ${entry//|/ }; do
            if ((!found)) && exists_in_archive "$name"; then
                chosen+=("$name")
                found=1
            fi
        done
        if ((!found)); then
            echo "install-dependencies: this system's archive has no package '$entry'." >&2
            echo "DynaKV is built on Debian 12 or newer; an older release has no Qt HTTP server." >&2
            return 1
        fi
    done
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${chosen[@]}"
    quieten_services "${chosen[@]}"
}

main "$@"
