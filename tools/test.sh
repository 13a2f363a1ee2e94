#!/usr/bin/env bash
# Everything a change must pass, from a fresh clone: prepares the machine, then format, lints, tests, the matrix over
# further adapters that can be had here, and the shaders through the compilers that are here, all in the dev profile.
# Arguments go to `cargo test`, which is then the last step (for example: tools/test.sh --test gpu).
#
# UNLEARN_MINUTES=N    no trial on an adapter begins later than that, and of the steps behind the tests those are left
#                      out, each by its name, that would not end by then; how fast the machine is, the tests say
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=tools/setup.sh
. "$here/setup.sh"
cd "$here/.."

step() { printf '\n== %s  [%dm %02ds]\n' "$*" $((SECONDS / 60)) $((SECONDS % 60)); }

# Seconds of `cargo test` where the lengths of the other steps were taken: two cores with AVX-512.
TESTED=1200
# Whether a step of so many seconds there ends in time here.
fits() {
  [ -z "${UNLEARN_MINUTES:-}" ] && return 0
  local length=$(($1 * tested / TESTED))
  [ $((SECONDS + length)) -le $((UNLEARN_MINUTES * 60)) ] && return 0
  step "$2: left out, its $((length / 60 + 1)) minutes would end after UNLEARN_MINUTES=$UNLEARN_MINUTES"
  return 1
}

SECONDS=0
if cargo fmt --version >/dev/null 2>&1; then
  step cargo fmt --check
  cargo fmt --check
else
  step "format: skipped, this toolchain has no rustfmt"
fi
step cargo test --locked "$@"
before=$SECONDS
[ -z "${UNLEARN_MINUTES:-}" ] || export UNLEARN_UNTIL="$(($(date +%s) - SECONDS + UNLEARN_MINUTES * 60))"
cargo test --locked "$@"
tested=$((SECONDS - before))
[ $# -eq 0 ] || { step "all passed" && exit 0; }

if ! cargo clippy --version >/dev/null 2>&1; then
  step "lints: skipped, this toolchain has no clippy"
elif fits 150 lints; then
  step cargo clippy --locked --all-targets -- -D warnings
  cargo clippy --locked --all-targets -- -D warnings
fi
target="${CARGO_TARGET_DIR:-target}"
adapters=yes
[ "${UNLEARN_ALLOW_NO_ADAPTER:-}" != 1 ] || adapters=""
python=yes
command -v python3 >/dev/null || python=""
if [ -z "$python" ]; then
  step "proofs, deletions, shaders through other compilers, reports in a browser: skipped, there is no python3"
fi
if [ -z "$adapters" ]; then
  step "deletions, reports in a browser, matrix: skipped, there is no adapter on purpose"
fi
if [ -n "$python" ] && [ -n "$adapters" ] && fits 60 tools/exact.py; then
  # A sample; the whole takes minutes.
  step tools/exact.py --deletions 3
  python3 tools/exact.py --program "$target/debug/unlearn" --deletions 3 --adapters system --models mlp,gcn
fi
if [ -n "$python" ] && [ -n "$adapters" ] && fits 90 tools/report.sh; then
  step tools/report.sh
  tools/report.sh --program "$target/debug/unlearn"
fi
if [ -n "$python" ] && [ -n "$adapters" ] && fits 90 tools/packs.sh; then
  step tools/packs.sh
  tools/packs.sh --program "$target/debug/unlearn"
fi
if [ -n "$python" ] && fits 180 tools/prove_shaders.sh; then
  step tools/prove_shaders.sh
  tools/prove_shaders.sh --program "$target/debug/unlearn"
fi
if fits 150 tools/features.sh; then
  step tools/features.sh
  tools/features.sh
fi
if [ -n "$adapters" ] && fits 700 tools/matrix.sh; then
  step tools/matrix.sh --further
  tools/matrix.sh --further --program "$target/debug/unlearn" --out "$target/matrix"
fi
# Last, for it builds the program with another feature.
if fits 400 tools/ranks.sh; then
  step tools/ranks.sh
  tools/ranks.sh
fi
step "all passed"
