#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The packages' whole life in a fresh Debian 12 under a booted systemd: install, serve, upgrade with
# data and an edited configuration, crash, remove, install again, purge. Then the desktop
# application without a display. Needs root, and a few minutes.
#
#   installer/tests/deb_lifecycle.sh [DIRECTORY-WITH-THE-PACKAGES]     (default: build/package)
#
# DYNAKV_APT_CONF_DIR=DIR copies that directory's files to the new system's /etc/apt/apt.conf.d.
# Ends with "N passed, N failed".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
packages=$(realpath "${1:-build/package}")

if [[ "$(id -u)" != 0 ]]; then
    echo "deb_lifecycle: needs root, to make and boot a Debian in a directory" >&2
    exit 1
fi
if ! compgen -G "$packages/dynakv-server_*.deb" >/dev/null; then
    echo "deb_lifecycle: no dynakv-server_*.deb in $packages; run installer/tests/deb_contents.sh first" >&2
    exit 1
fi
cmake/install-dependencies.sh package package-test

work=$(mktemp -d /var/tmp/dynakv-lifecycle.XXXXXX)
root=$work/root
trap 'rm -rf --one-file-system "$work"' EXIT

# The archive this machine itself installs from.
sources=(/etc/apt/sources.list.d/*.sources)
if [[ ! -f "${sources[0]}" ]]; then
    sources=(/etc/apt/sources.list)
fi
echo "== make a Debian 12"
mmdebstrap --quiet --variant=minbase --include=systemd,systemd-sysv,dbus,adduser,init-system-helpers,curl,procps \
    ${DYNAKV_APT_CONF_DIR:+--setup-hook="mkdir -p \"\$1/etc/apt/apt.conf.d\" && cp \"$DYNAKV_APT_CONF_DIR\"/* \"\$1/etc/apt/apt.conf.d/\""} \
    bookworm "$root" "${sources[0]}"

mkdir -p "$root/srv/test"
cp "$packages"/dynakv-*.deb "$root/srv/test/"
# What the packages depend on is fetched here, where there is a network; the booted system has none.
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
# A chroot must not start services: that is the booted system's part of the test.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod +x "$root/usr/sbin/policy-rc.d"
echo "== fetch what they depend on"
chroot "$root" env DEBIAN_FRONTEND=noninteractive sh -c '
    set -e
    apt-get update -q
    apt-get install -y -q --no-install-recommends /srv/test/dynakv-server_*.deb /srv/test/dynakv-admin_*.deb
    apt-get purge -y -q dynakv-server dynakv-admin' >"$work/fetch.log" 2>&1 || {
    tail -n 40 "$work/fetch.log"
    echo "deb_lifecycle: the packages cannot be installed"
    exit 1
}
rm "$root/usr/sbin/policy-rc.d"

# A second package, one release newer: the upgrade.
mkdir "$work/newer"
dpkg-deb -R "$root"/srv/test/dynakv-server_*.deb "$work/newer/tree"
sed -i -E 's/^(Version: .*-)1$/\12/' "$work/newer/tree/DEBIAN/control"
dpkg-deb -b "$work/newer/tree" "$root/srv/test/newer.deb" >/dev/null

cat >"$root/srv/test/run.sh" <<'INSIDE'
#!/bin/bash
# Runs inside the booted system; its output is the test's.
exec >/srv/test/output 2>&1
cd /srv/test
export DEBIAN_FRONTEND=noninteractive
passed=0
failed=0
check() { # DESCRIPTION COMMAND...
    local description=$1
    shift
    if "$@" >/srv/test/last 2>&1; then
        passed=$((passed + 1))
        echo "ok      $description"
    else
        failed=$((failed + 1))
        echo "FAILED  $description"
        sed 's/^/        /' /srv/test/last
    fi
}
not() { ! "$@"; }
equals() { [[ "$1" == "$2" ]] || { echo "'$1', not '$2'"; return 1; }; }
matches() { [[ "$1" =~ $2 ]] || { echo "'$1' does not match '$2'"; return 1; }; }
property() { systemctl show --value -p "$1" dynakvd; }
status_of() { awk -v name="$1:" '$1 == name { print $2 }' "/proc/$(property MainPID)/status"; }
ready_within() {
    local i
    for ((i = 0; i < $1 * 10; ++i)); do
        dynakvd health >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    systemctl status dynakvd --no-pager -l
    return 1
}
value() { curl -sS -m 5 "http://127.0.0.1:6660/key/$1"; }

for ((i = 0; i < 120; ++i)); do
    state=$(systemctl is-system-running)
    if [[ "$state" == running || "$state" == degraded ]]; then break; fi
    sleep 0.5
done

check "installs" apt-get install -y --no-install-recommends ./dynakv-server_*.deb
check "is enabled" equals "$(systemctl is-enabled dynakvd)" enabled
check "is active" equals "$(systemctl is-active dynakvd)" active
check "is ready" ready_within 10
check "tells systemd about itself" equals "$(property Type)" notify
check "runs as its own user" equals "$(ps -o user= -p "$(property MainPID)")" dynakv
check "has no capabilities" equals "$(status_of CapEff)" 0000000000000000
check "can gain no privileges" equals "$(status_of NoNewPrivs)" 1
check "has filtered system calls" equals "$(status_of Seccomp)" 2
check "its data directory is private" equals "$(stat -c '%U %G %a' /var/lib/dynakv)" "dynakv dynakv 750"
check "its file is private" equals "$(stat -c '%U %G %a' /var/lib/dynakv/storage.db)" "dynakv dynakv 600"
check "its configuration is root's" equals "$(stat -c '%U %G %a' /etc/dynakv/dynakv.conf)" "root dynakv 640"
check "stores" curl -fsS -m 5 -X PUT -d '{"value":"kept"}' http://127.0.0.1:6660/key/before
check "reads" equals "$(value before)" '{"value":"kept"}'
check "logs to the journal" matches "$(journalctl -u dynakvd --no-pager -o cat)" 127.0.0.1:6660

echo '# edited by the administrator' >>/etc/dynakv/dynakv.conf
first=$(property MainPID)
check "upgrades" apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold ./newer.deb
check "an upgrade restarts it" not equals "$(property MainPID)" "$first"
check "is ready after the upgrade" ready_within 10
check "an upgrade keeps the data" equals "$(value before)" '{"value":"kept"}'
check "an upgrade keeps the configuration" grep -q 'edited by the administrator' /etc/dynakv/dynakv.conf

kill -SEGV "$(property MainPID)"
sleep 4
check "comes back after a crash" ready_within 10
check "systemd restarted it once" equals "$(property NRestarts)" 1
check "a crash loses nothing" equals "$(value before)" '{"value":"kept"}'

check "stops" systemctl stop dynakvd
check "stops cleanly" equals "$(property Result) $(property ExecMainStatus)" "success 0"
echo 'durability = sometimes' >>/etc/dynakv/dynakv.conf
systemctl start dynakvd
sleep 3
check "a wrong configuration is not tried again" equals "$(property NRestarts)" 0
check "a wrong configuration is named in the journal" matches "$(journalctl -u dynakvd --no-pager -o cat -n 20)" 'dynakv.conf:[0-9]+'
sed -i '$d' /etc/dynakv/dynakv.conf
systemctl reset-failed dynakvd
check "starts again" systemctl start dynakvd

check "is removed" apt-get remove -y dynakv-server
check "remove stops it" not pgrep -x dynakvd
check "remove keeps the data" test -s /var/lib/dynakv/storage.db
check "remove keeps the configuration" test -f /etc/dynakv/dynakv.conf
check "installs again" apt-get install -y --no-install-recommends ./dynakv-server_*.deb
check "is ready again" ready_within 10
check "finds its data again" equals "$(value before)" '{"value":"kept"}'
systemctl disable --now dynakvd
check "upgrades while switched off" apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold ./newer.deb
check "an upgrade leaves it switched off" equals "$(systemctl is-enabled dynakvd)" disabled
check "is purged" apt-get purge -y dynakv-server
check "purge leaves no data" not ls -d /var/lib/dynakv /etc/dynakv
check "purge leaves no user" not getent passwd dynakv
check "purge leaves no unit" not systemctl cat dynakvd
check "nothing with its name is left" equals "$(find / -xdev -name '*dynakv*' -not -path '/srv/*' -not -path '/var/log/*' -not -path '/proc/*' 2>/dev/null)" ""

check "the application installs" apt-get install -y --no-install-recommends ./dynakv-admin_*.deb
check "the application says its version" env QT_QPA_PLATFORM=offscreen timeout 20 dynakv-admin --version
timeout 5 env QT_QPA_PLATFORM=offscreen dynakv-admin 127.0.0.1:6660
check "its window opens and stays" equals "$?" 124
check "the application is purged" apt-get purge -y dynakv-admin

echo "deb_lifecycle: $passed passed, $failed failed"
echo "$failed" >/srv/test/failed
systemctl poweroff
INSIDE
chmod +x "$root/srv/test/run.sh"
cat >"$root/etc/systemd/system/lifecycle-test.service" <<'UNIT'
[Unit]
After=multi-user.target network.target
[Service]
Type=simple
ExecStart=/srv/test/run.sh
[Install]
WantedBy=multi-user.target
UNIT
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -sf ../lifecycle-test.service "$root/etc/systemd/system/multi-user.target.wants/lifecycle-test.service"

echo "== boot it"
timeout --kill-after=10 300 systemd-nspawn -q -D "$root" --register=no --keep-unit --private-network --boot \
    >"$work/boot.log" 2>&1 </dev/null || true
if [[ ! -f "$root/srv/test/failed" ]]; then
    tail -n 30 "$work/boot.log"
    cat "$root/srv/test/output" 2>/dev/null || true
    echo "deb_lifecycle: the system did not boot, or did not finish within 300 s"
    exit 1
fi
cat "$root/srv/test/output"
[[ "$(cat "$root/srv/test/failed")" == 0 ]]
