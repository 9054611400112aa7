#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes both Debian packages in a build tree and looks at what is in them, without installing them.
# Needs no root. Ends with "N passed, N failed".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build=${1:-build/package}

if [[ "$build" == -* ]]; then
    echo "Usage: installer/tests/deb_contents.sh [BUILD-DIRECTORY]   (default: build/package)" >&2
    exit 2
fi
if [[ ! -f "$build/build.ninja" ]]; then
    cmake --preset package -B "$build" >/dev/null
fi
cmake --build "$build" -j "${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}" --target dynakvd dynakv-admin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$build" && rm -f ./*.deb && cpack -G DEB >"$work/cpack.log" 2>&1) || {
    cat "$work/cpack.log"
    exit 1
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

one_of() { # the only file that matches
    (($# == 1)) && [[ -f "$1" ]]
}

holds() { # PACKAGE MODE-AND-OWNER PATH
    grep -qE "^$2 +[0-9]+ [0-9-]+ [0-9:]+ \.$3\$" "$work/$1.list" || {
        grep -F "$3" "$work/$1.list" || echo "$3 is not there"
        return 1
    }
}

field_has() { # PACKAGE FIELD REGEX
    local value
    value=$(dpkg-deb -f "$(deb_of "$1")" "$2")
    grep -qE "$3" <<<"$value" || {
        echo "$2: $value"
        return 1
    }
}

field_lacks() {
    ! field_has "$@"
}

deb_of() {
    echo "$build/dynakv-$1"_*.deb
}

is_conffile() {
    grep -qxF "$1" "$work/server-control/conffiles"
}

script_is_sound() {
    [[ -x "$work/server-control/$1" ]] && shellcheck "$work/server-control/$1"
}

no_warnings_from_man() {
    local warnings
    warnings=$(MANROFFSEQ='' man --warnings -E UTF-8 -l -Tutf8 -Z "$1" 2>&1 >/dev/null)
    [[ -z "$warnings" ]] || {
        echo "$warnings"
        return 1
    }
}

# The programs as they are in the packages, with the system's libraries.
prints() { # REGEX COMMAND...
    local regex=$1 output
    shift
    output=$(QT_QPA_PLATFORM=offscreen timeout 20 "$@" 2>&1)
    grep -qE "$regex" <<<"$output" || {
        echo "$output"
        return 1
    }
}

for package in server admin; do
    # Word splitting expands the pattern: one file, or the check fails.
    # shellcheck disable=SC2046
    check "dynakv-$package was made" one_of $(deb_of "$package")
    deb=$(deb_of "$package")
    dpkg-deb --fsys-tarfile "$deb" | tar -tv --numeric-owner >"$work/$package.list"
    dpkg-deb -x "$deb" "$work/$package-root"
    dpkg-deb -e "$deb" "$work/$package-control"
    check "dynakv-$package passes lintian" lintian --fail-on error,warning --no-tag-display-limit "$deb"
    check "dynakv-$package names its licence" holds "$package" '-rw-r--r-- 0/0' "/usr/share/doc/dynakv-$package/copyright"
    check "dynakv-$package has the changes" holds "$package" '-rw-r--r-- 0/0' "/usr/share/doc/dynakv-$package/changelog.gz"
done

check "the server's program" holds server '-rwxr-xr-x 0/0' /usr/bin/dynakvd
check "the server's unit" holds server '-rw-r--r-- 0/0' '/(usr/)?lib/systemd/system/dynakvd\.service'
check "the server's configuration" holds server '-rw-r--r-- 0/0' /etc/dynakv/dynakv.conf
check "the server's user" holds server '-rw-r--r-- 0/0' '/(usr/)?lib/sysusers.d/dynakv\.conf'
check "the server's manual" holds server '-rw-r--r-- 0/0' /usr/share/man/man8/dynakvd.8.gz
check "the configuration is the administrator's" is_conffile /etc/dynakv/dynakv.conf
for script in postinst prerm postrm; do
    check "$script is executable and clean" script_is_sound "$script"
done
check "the server depends on QtHttpServer" field_has server Depends libqt6httpserver6
check "the server needs no windows" field_lacks server Depends 'libqt6(gui|widgets|svg)6'
check "the server runs" prints '^dynakvd [0-9]+\.[0-9]+\.[0-9]+' "$work/server-root/usr/bin/dynakvd" --version
check "its manual is well-formed" no_warnings_from_man "$work/server-root/usr/share/man/man8/dynakvd.8.gz"

check "the application's program" holds admin '-rwxr-xr-x 0/0' /usr/bin/dynakv-admin
check "the application's desktop entry" holds admin '-rw-r--r-- 0/0' /usr/share/applications/dynakv-admin.desktop
check "the application's icon" holds admin '-rw-r--r-- 0/0' /usr/share/icons/hicolor/scalable/apps/dynakv-admin.svg
check "the application's manual" holds admin '-rw-r--r-- 0/0' /usr/share/man/man1/dynakv-admin.1.gz
check "the application depends on Widgets" field_has admin Depends libqt6widgets6
check "the application needs no server" field_lacks admin Depends 'libqt6httpserver6|dynakv-server'
check "the application runs" prints '[0-9]+\.[0-9]+\.[0-9]+' "$work/admin-root/usr/bin/dynakv-admin" --version
check "its manual is well-formed" no_warnings_from_man "$work/admin-root/usr/share/man/man1/dynakv-admin.1.gz"
check "its desktop entry is valid" desktop-file-validate "$work/admin-root/usr/share/applications/dynakv-admin.desktop"
check "its metadata are valid" appstreamcli validate --no-net "$work/admin-root/usr/share/metainfo/org.dynakv.Admin.metainfo.xml"

if command -v systemd-analyze >/dev/null; then
    unit=$(find "$work/server-root" -name dynakvd.service)
    # Verified where the program is, since it looks whether the program is there.
    mkdir "$work/unit"
    sed "s|^ExecStart=/|ExecStart=$work/server-root/|" "$unit" >"$work/unit/dynakvd.service"
    check "systemd takes the unit" systemd-analyze verify --man=no "$work/unit/dynakvd.service"
    check "the unit is locked down" systemd-analyze security --offline=true --threshold=20 "$unit"
else
    echo "SKIPPED systemd takes the unit; the unit is locked down: no systemd-analyze here"
fi

echo "deb_contents: $passed passed, $failed failed"
((failed == 0))
