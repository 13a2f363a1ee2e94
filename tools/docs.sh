#!/usr/bin/env bash
# Writes docs/reference anew from the program's registries, a page each. A test says when that is due.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
UNLEARN_UPDATE_DOCS=1 cargo test --locked --quiet --test host pages::
git --no-pager diff --stat -- docs/reference || true
