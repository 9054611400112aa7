#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Plants one bug after the other in a copy of the tree and expects a test to notice.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

usage() {
    cat <<'TEXT'
Usage: tests/sim/mutants/run.sh [--list] [NAME...]

For each mutant (tests/sim/mutants/NAME.patch, or those that are named): applies it to a copy of
the tree in build/mutants, builds the tests that it names, runs them until one fails, and takes it
back. Fails if a mutant survives, does not apply, does not build or hangs its build; before that
all those tests have to pass without one.

  --list   the mutants and what each does

DYNAKV_SIM_SEEDS is 60 unless it is set. CMAKE_BUILD_PARALLEL_LEVEL limits the parallel work.
TEXT
}

here=tests/sim/mutants
names=()
while (($#)); do
    case "$1" in
    --list)
        for patch in "$here"/*.patch; do
            printf '%-32s %s\n' "$(basename "$patch" .patch)" "$(sed -n 's/^What: //p' "$patch")"
        done
        exit 0
        ;;
    --help)
        usage
        exit 0
        ;;
    -*)
        usage >&2
        exit 2
        ;;
    *) names+=("$1") ;;
    esac
    shift
done
if ((${#names[@]} == 0)); then
    for patch in "$here"/*.patch; do
        names+=("$(basename "$patch" .patch)")
    done
fi

export DYNAKV_SIM_SEEDS="${DYNAKV_SIM_SEEDS:-60}"
tree=build/mutants/tree
build=build/mutants/build
mkdir -p "$tree"

# What is the same keeps its time, so that little is built again.
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    if [[ -f "$file" ]] && ! cmp -s "$file" "$tree/$file"; then
        mkdir -p "$tree/$(dirname "$file")"
        cp -p "$file" "$tree/$file"
        touch "$tree/$file"
    fi
done

launcher=()
if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_C_COMPILER_LAUNCHER=ccache)
fi
cmake -S "$tree" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DDYNAKV_BUILD_ADMIN=OFF \
    -DDYNAKV_WARNINGS_AS_ERRORS=OFF "${launcher[@]}" >"$build.log" 2>&1 ||
    {
        cat "$build.log" >&2
        exit 1
    }

testsOf() { sed -n 's/^Tests: //p' "$here/$1.patch"; }

# The first of the tests that fails, with the function that did; nothing where all pass.
firstFailure() {
    local test program out
    for test in "$@"; do
        program=$(find "$build/tests" -type f -name "$test" -perm -u+x | head -n 1)
        if ! out=$(QTEST_FUNCTION_TIMEOUT=280000 timeout 300 "$program" 2>&1); then
            out=$(sed -n 's/^\(FAIL!\|QFATAL\)  *: \([^ ]*\).*/\2/p' <<<"$out" | head -n 1)
            echo "$test ${out:-(it ended early)}"
            return
        fi
    done
}

all=()
for name in "${names[@]}"; do
    if [[ ! -f "$here/$name.patch" ]]; then
        echo "run.sh: there is no mutant $name; see --list" >&2
        exit 2
    fi
    read -r -a tests <<<"$(testsOf "$name")"
    all+=("${tests[@]}")
done
mapfile -t all < <(printf '%s\n' "${all[@]}" | sort -u)
cmake --build "$build" --target "${all[@]}" >"$build.log" 2>&1 || {
    tail -n 30 "$build.log" >&2
    exit 1
}
broken=$(firstFailure "${all[@]}")
if [[ -n "$broken" ]]; then
    echo "run.sh: $broken fails without any mutant" >&2
    exit 1
fi

survivors=0
for name in "${names[@]}"; do
    read -r -a tests <<<"$(testsOf "$name")"
    began=$SECONDS
    if ! patch -d "$tree" -p1 -s --no-backup-if-mismatch <"$here/$name.patch" >"$build.log" 2>&1; then
        verdict="DOES NOT APPLY"
        caught=
    elif ! cmake --build "$build" --target "${tests[@]}" >"$build.log" 2>&1; then
        verdict="DOES NOT BUILD"
        caught=
    else
        caught=$(firstFailure "${tests[@]}")
        verdict=${caught:+"caught by $caught"}
    fi
    # From the tree itself, so that a patch that fits only in part leaves nothing behind.
    sed -n 's|^+++ b/||p' "$here/$name.patch" | while IFS= read -r file; do
        cp "$file" "$tree/$file"
        rm -f "$tree/$file.rej" "$tree/$file.orig"
    done
    printf '%-32s %s, %d s\n' "$name" "${verdict:-SURVIVED}" $((SECONDS - began))
    if [[ -z "$caught" ]]; then
        survivors=$((survivors + 1))
    fi
done
echo "${#names[@]} mutants, $((${#names[@]} - survivors)) caught"
((survivors == 0))
