#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Rules of CONTRIBUTING.md that a search can check. Prints each line that breaks one, and why.
# Says how many rules held in the form "N passed, M failed"; fails when one did not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

passed=0
failed=0

# rule DESCRIPTION OFFENDING-LINES
rule() {
    if [[ -z "$2" ]]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "-- $1"
        printf '%s\n' "$2" | sed 's/^/   /'
    fi
}

# What git knows or would know: new files count, ignored ones do not.
files() { # PATTERN...
    git ls-files -z --cached --others --exclude-standard -- "$@" |
        while IFS= read -r -d '' file; do
            if [[ -f "$file" ]]; then printf '%s\0' "$file"; fi
        done
}

search() { # REGEX PATTERN...
    local regex=$1
    shift
    files "$@" | xargs -0 -r grep -nHE -- "$regex" || true
}

search_outside() { # REGEX EXCLUDED-PATH-REGEX PATTERN...
    local regex=$1 excluded=$2
    shift 2
    search "$regex" "$@" | grep -vE "$excluded" || true
}

sources=('*.h' '*.cpp')
code=('*.h' '*.cpp' '*.cmake' 'CMakeLists.txt' '*/CMakeLists.txt' '*.sh' '.ci/run')

without_licence() {
    files "${sources[@]}" | while IFS= read -r -d '' file; do
        if [[ "$(head -n 1 "$file")" != "// SPDX-License-Identifier: GPL-3.0-or-later" ]]; then
            echo "$file"
        fi
    done
}

without_pragma_once() {
    files '*.h' | xargs -0 -r grep -L '^#pragma once$' || true
}

without_final_newline() {
    files "${code[@]}" '*.md' | while IFS= read -r -d '' file; do
        if [[ -s "$file" && -n "$(tail -c 1 "$file")" ]]; then echo "$file"; fi
    done
}

# What a patch was made for changes under it, and nobody runs all of them each time.
mutants_that_do_not_apply() {
    local patch
    for patch in tests/sim/mutants/*.patch; do
        patch -p1 --dry-run -s -f <"$patch" >/dev/null 2>&1 || echo "$patch"
    done
}

rule "a source file begins with its licence line" "$(without_licence)"
rule "a header has #pragma once" "$(without_pragma_once)"
rule "a file ends with a newline" "$(without_final_newline)"
rule "spaces, no tabs" "$(search $'\t' "${code[@]}")"
rule "no blanks at the end of a line" "$(search '[[:blank:]]+$' "${code[@]}")"
rule "no carriage returns" "$(search $'\r$' "${code[@]}" '*.md')"
rule "at most 100 columns" "$(search '^.{101,}' "${sources[@]}")"
rule "no TODO or FIXME: do it, or open an issue" \
    "$(search_outside '(//|/\*|#).*\b(TODO|FIXME|XXX)\b' '^cmake/check-sources.sh' "${code[@]}")"
rule "connect with member pointers, which the compiler checks" \
    "$(search '\b(SIGNAL|SLOT)\(' "${sources[@]}")"
rule "only the storage reaches the disk: its seam is what the crash tests control" \
    "$(search_outside '\b(QSaveFile|QLockFile|QFile|QTemporaryFile)\b' \
        '^(daemon/storage/|daemon/app/|tests/)' 'daemon/*.h' 'daemon/*.cpp' 'shared/*.h' 'shared/*.cpp')"
rule "core, store and storage have no QObject, socket, timer or thread class" \
    "$(search '#include <(QObject|QTimer|QThread|QTcpSocket|QTcpServer|QNetwork.*|QCoreApplication)>' \
        'daemon/core/*' 'daemon/store/*' |
        cat - <(search_outside '#include <(QObject|QTimer|QTcpSocket|QTcpServer|QNetwork.*)>' \
            '^daemon/storage/storage_worker\.' 'daemon/storage/*'))"
rule "core reads no clock and no random source: both are arguments" \
    "$(search '(QDateTime::current|QElapsedTimer|_clock::now\(|QRandomGenerator::(system|global)|std::random_device)' \
        'daemon/core/*.h' 'daemon/core/*.cpp')"
rule "core does not iterate in an order that differs between runs" \
    "$(search '#include <(QHash|QSet|unordered_map|unordered_set)>' 'daemon/core/*.h' 'daemon/core/*.cpp')"
rule "the application and the shared parts never see the daemon" \
    "$(search '#include "daemon/' 'admin-gui/*.h' 'admin-gui/*.cpp' 'shared/*.h' 'shared/*.cpp')"
rule "the daemon never sees the application" \
    "$(search '#include "admin-gui/' 'daemon/*.h' 'daemon/*.cpp' 'shared/*.h' 'shared/*.cpp')"
rule "project headers are included from the root" \
    "$(search_outside '#include "' '#include "((shared|daemon|admin-gui|tests)/|[a-z0-9_]+\.moc")' \
        "${sources[@]}")"
rule "no QtConcurrent and no QFuture: the thread sanitizer cannot see through them" \
    "$(search '#include <Q(tConcurrent|Future|Promise)' "${sources[@]}")"
rule "no nested event loop in the daemon" \
    "$(search '(#include <QEventLoop>|processEvents\(|waitFor(ReadyRead|BytesWritten|Connected)\()' \
        'daemon/*.h' 'daemon/*.cpp')"
rule "no name that says nothing: Manager, Helper, Util" \
    "$(search_outside '\b(class|struct|namespace) +[A-Za-z_]*(Manager|Helper|Util)s?\b' \
        '(class|struct) Q[A-Z]' "${sources[@]}")"
rule "each mutant applies" "$(mutants_that_do_not_apply)"

echo "check-sources: $passed passed, $failed failed"
((failed == 0))
