#!/usr/bin/env bash
# The main job on embedded real data, from a fresh clone: prepares the machine, builds, trains, forgets, compares with
# retraining, writes the report. Arguments go to `unlearn demo` (try --help, or --out DIR).
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=tools/setup.sh
. "$here/setup.sh"

cargo run --release --locked --manifest-path "$here/../Cargo.toml" -- demo "$@"
