#!/usr/bin/env bash
# Makes reports of two short experiments and looks at them as a reader would: in headless Chromium, wide and narrow,
# light, dark and as print (tools/report.py, which first finds faults that it plants itself), and their events in
# TensorBoard's own reader (tools/events.py). What is missing is named and skipped; tools/setup.sh --with browser
# installs it.
#
#   tools/report.sh [--program target/debug/unlearn] [--shots DIR]
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
target="${CARGO_TARGET_DIR:-$root/target}"
program="$target/debug/unlearn" shots=()
while [ $# -gt 0 ]; do
  case "$1" in
    --program) program="$2" ;;
    --shots) shots=(--shots "$2") ;;
    *)
      echo "report.sh: unknown argument '$1'" >&2
      exit 2
      ;;
  esac
  shift 2
done
[ -x "$program" ] || {
  echo "report.sh: there is no program $program; build it, or name one by --program" >&2
  exit 2
}
python="$target/tensorboard/bin/python"
[ -x "$python" ] || python=python3
browser="$(command -v "${UNLEARN_BROWSER:-chromium}" || true)"
if "$python" -c 'import tensorboard' 2>/dev/null; then events=yes; else events=no; fi
[ -n "$browser" ] || echo "reports in a browser: skipped, there is no Chromium (tools/setup.sh --with browser)"
[ $events = yes ] || echo "events in TensorBoard: skipped, there is none (tools/setup.sh --with browser)"
[ -n "$browser" ] || [ $events = yes ] || exit 0

made="$(mktemp -d)"
trap 'rm -rf "$made"' EXIT
# Short trainings: what is looked at is the page, not what the networks know.
short=(--quiet --set forget.references=3 --set forget.seeds=2)
"$program" demo --only mlp "${short[@]}" --set train.epochs=6 --out "$made/rows" >"$made/table"
"$program" demo --only gnn "${short[@]}" --set train.epochs=10 --out "$made/graph" >"$made/table"
"$program" report "$made/rows" "$made/graph" --out "$made/both.html" --out "$made/both.csv" --out "$made/both.md" \
  --tensorboard "$made/events" >"$made/table"
if [ -n "$browser" ]; then
  python3 "$root/tools/report.py" --browser "$browser" --faults "$made/both.html"
  python3 "$root/tools/report.py" --browser "$browser" "${shots[@]}" "$made/both.html" "$made/graph/report.html"
fi
[ $events = no ] || "$python" "$root/tools/events.py" "$made/events" "$made/both.csv"
