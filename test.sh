#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# One command on a fresh machine: installs what is missing, builds everything, runs every test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
    cat <<'TEXT'
Usage: ./test.sh [--preset NAME] [--label REGEX] [--help]

Installs what is missing, builds DynaKV with all its tests and runs them.

  --preset NAME   a preset of CMakePresets.json: release (default), dev, asan, tsan, clang
  --label REGEX   only the tests with such a label: unit, sim, integration, gui, threads, slow
  --help          this text

CMAKE_BUILD_PARALLEL_LEVEL=N limits the parallel work (default: one job per processor).
TEXT
}

preset=release
label=
while (($#)); do
    case "$1" in
    --preset | --label)
        if (($# < 2)); then
            echo "test.sh: $1 needs a value; see ./test.sh --help" >&2
            exit 2
        fi
        if [[ "$1" == --preset ]]; then preset=$2; else label=$2; fi
        shift 2
        ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        echo "test.sh: unknown option '$1'; see ./test.sh --help" >&2
        exit 2
        ;;
    esac
done

jobs=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
groups=(build test)
if [[ "$preset" == clang || "$preset" == asan || "$preset" == fuzz ]]; then
    groups+=(lint)
fi
cmake/install-dependencies.sh "${groups[@]}"

echo "== configure ($preset)"
cmake --preset "$preset"
echo "== build ($preset)"
cmake --build --preset "$preset" -j "$jobs"
echo "== test ($preset)"
selection=()
if [[ -n "$label" ]]; then
    selection=(-L "$label")
fi
# ctest comes last and replaces this shell, so that its summary is the end of the output and its
# result is ours. An empty array needs the ${...+...} form in older shells under `set -u`.
exec ctest --preset "$preset" -j "$jobs" ${selection[@]+"${selection[@]}"}
