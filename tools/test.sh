#!/usr/bin/env bash
# Everything a change must pass, from a fresh clone: prepares the machine, then format, lints and tests, all in the
# dev profile. Arguments go to `cargo test` (for example: tools/test.sh --test gpu).
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
step cargo test --locked "$@"
cargo test --locked "$@"
step "all passed"
