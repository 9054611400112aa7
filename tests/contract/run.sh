#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Holds the API document against the daemon: lints it with Spectral, then sends requests of every
# operation to real nodes through `prism proxy`, which compares both sides with the document.
# Installs the two below build/ from the registry that npm is set up for; else only the loopback.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly tools=$PWD/build/contract
readonly document=resources/api/openapi.json
readonly jobs=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}

cmake/install-dependencies.sh build test
# Where Node does not come from Debian, npm is no package of its own.
command -v npm >/dev/null || cmake/install-dependencies.sh contract

# The copy of the lock file comes last: it says that all it names is there.
install_tools() {
    if cmp -s tests/contract/package-lock.json "$tools/installed.json"; then
        return
    fi
    mkdir -p "$tools"
    cp tests/contract/package.json tests/contract/package-lock.json "$tools/"
    # Without their scripts: all that those do is to report the installation to somebody.
    (cd "$tools" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    cp "$tools/package-lock.json" "$tools/installed.json"
}

lint() { # FILE
    "$tools/node_modules/.bin/spectral" lint --quiet --fail-severity=warn \
        --ruleset=tests/contract/spectral.yaml "$1"
}

# A check that nothing can fail says nothing.
lint_finds() { # SED-EXPRESSION RULE
    local wrong=$tools/wrong.json
    sed "$1" "$document" >"$wrong"
    if cmp -s "$document" "$wrong" || ! (lint "$wrong" || true) | grep -q "$2"; then
        echo "contract: the rule $2 found nothing in a document that breaks it" >&2
        return 1
    fi
}

echo "== install Prism and Spectral (build/contract)"
install_tools
echo "== lint $document"
lint "$document"
lint_finds 's/"operationId": "getStats"/"operationId": "get-stats"/' operation-ids-are-camel-case
lint_finds 's/"default": {".ref".*}/"x-default": {}/' every-operation-answers-other-requests
lint_finds 's/"total_estimate": 3/"total_estimate": "3"/' oas3-valid-media-example
echo "== build"
cmake --preset release >"$tools/configure.log" || {
    cat "$tools/configure.log" >&2
    exit 1
}
cmake --build --preset release -j "$jobs" --target dynakvd tst_contract
echo "== requests through the proxy"
DYNAKV_PRISM=$tools/node_modules/.bin/prism timeout 600 build/release/tests/contract/tst_contract
