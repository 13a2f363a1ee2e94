#!/usr/bin/env bash
# Everything a change must pass, from a fresh clone: prepares the machine, then format, lints, tests, the matrix over
# further adapters that can be had here, and the shaders through the compilers that are here, all in the dev profile.
# Arguments go to `cargo test`, which is then the last step (for example: tools/test.sh --test gpu).
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=tools/setup.sh
. "$here/setup.sh"
cd "$here/.."

step() { printf '\n== %s  [%dm %02ds]\n' "$*" $((SECONDS / 60)) $((SECONDS % 60)); }

SECONDS=0
if cargo fmt --version >/dev/null 2>&1; then
  step cargo fmt --check
  cargo fmt --check
else
  step "format: skipped, this toolchain has no rustfmt"
fi
if cargo clippy --version >/dev/null 2>&1; then
  step cargo clippy --locked --all-targets -- -D warnings
  cargo clippy --locked --all-targets -- -D warnings
else
  step "lints: skipped, this toolchain has no clippy"
fi
if [ $# -eq 0 ]; then
  step tools/features.sh
  tools/features.sh
fi
step cargo test --locked "$@"
cargo test --locked "$@"
if [ $# -eq 0 ]; then
  target="${CARGO_TARGET_DIR:-target}"
  if [ "${UNLEARN_ALLOW_NO_ADAPTER:-}" = 1 ]; then
    step "matrix: skipped, there is no adapter on purpose"
  else
    step tools/matrix.sh --further
    tools/matrix.sh --further --program "$target/debug/unlearn" --out "$target/matrix"
    if command -v python3 >/dev/null; then
      # A sample; the whole takes minutes.
      step tools/exact.py --deletions 3
      python3 tools/exact.py --program "$target/debug/unlearn" --deletions 3 --adapters system --models mlp,gcn
    fi
  fi
  if command -v python3 >/dev/null; then
    step tools/prove_shaders.sh
    tools/prove_shaders.sh --program "$target/debug/unlearn"
  else
    step "shaders through other compilers: skipped, there is no python3"
  fi
  if command -v python3 >/dev/null && [ "${UNLEARN_ALLOW_NO_ADAPTER:-}" != 1 ]; then
    step tools/report.sh
    tools/report.sh --program "$target/debug/unlearn"
  else
    step "reports in a browser: skipped, there is no python3 or no adapter"
  fi
  # Last, for it builds the program with another feature.
  step tools/ranks.sh
  tools/ranks.sh
fi
step "all passed"
