#!/usr/bin/env bash
# The matrix: kernels, gradients and limits on every adapter that this machine can be given with nothing of its own
# changed, those of `tools/adapters.sh` among them, and with --dawn through a second implementation of WebGPU as well.
# Each adapter in processes of its own. Where a newer llvmpipe stands in for the system's (tools/setup.sh), the system's
# is a column over about a seventh of the cases, every kernel among them. Exit code 4 if anything fails.
#
#   tools/matrix.sh [--out DIR]   writes DIR/matrix.md and {test,grad,support}.{json,xml} (JUnit); DIR: matrix
#   --further       the system's adapters as they are for their limits alone: the tests have just run all their cases
#   --dawn          one column more for each adapter that Dawn takes (needs node and npm; fetches 130 MB the first time)
#   --repeat N      runs the kernels N times and asks for the same outcome of every case each time
#   --shapes S      edge (default), random:N or full
#   --program P     the unlearn to ask (default: a release build of this tree)
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
out=matrix dawn=no further=no repeat=1 shapes=edge program=""

say() { printf 'matrix: %s  [%dm %02ds]\n' "$*" $((SECONDS / 60)) $((SECONDS % 60)) >&2; }

while [ $# -gt 0 ]; do
  case "$1" in
    --dawn) dawn=yes ;;
    --further) further=yes ;;
    --out | --repeat | --shapes | --program)
      [ $# -ge 2 ] || { say "$1 needs a value"; exit 2; }
      declare "${1#--}=$2"
      shift
      ;;
    -h | --help)
      sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) say "no option $1; --help names them"; exit 2 ;;
  esac
  shift
done

SECONDS=0 worst=0
if [ -z "$program" ]; then
  # shellcheck source=tools/setup.sh
  . "$here/setup.sh"
  (cd "$here/.." && cargo build --release --locked)
  program="${CARGO_TARGET_DIR:-$here/../target}/release/unlearn"
fi
program="$(realpath "$program")"
# shellcheck source=tools/drivers.sh
. "$here/drivers.sh"
mkdir -p "$out"
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-$out}" # the GL probe of some drivers complains without one

# Runs a step that may find failures: those are told at the end, anything else ends the run.
check() {
  local status=0
  "$program" check "$@" --force --quiet >"$out/said.txt" || status=$?
  case $status in
    0) ;;
    4) worst=4 ;;
    *) exit $status ;;
  esac
}

columns=(--shapes "$shapes" --jobs "$(nproc)")
"$here/adapters.sh" >/dev/null || say "without further drivers"
older=()
while read -r driver; do
  if [ "${driver#*=}" != "${VK_DRIVER_FILES:-}" ]; then
    columns+=(--driver "$driver")
  elif stock="$(drivers_system_llvmpipe)"; then
    older+=(--driver "$stock") # the newer one is among the system's columns already
  fi
done < <("$here/adapters.sh" --list)
if "$program" adapters --backend vulkan | grep llvmpipe >/dev/null; then
  # The same driver with garbage in its memory, and with subgroups of 4 and of 16 lanes.
  columns+=(--driver "poisoned=system,LVP_POISON_MEMORY=true")
  columns+=(--driver "lanes4=system,LP_NATIVE_VECTOR_WIDTH=128" --driver "lanes16=system,LP_NATIVE_VECTOR_WIDTH=512")
fi

# The names of about a seventh of the cases of a kind, the first of each kernel among them, as one regular expression.
some() {
  "$program" check "$1" --shapes "$shapes" --list | awk 'NR % 9 == 0 || !seen[$1]++' | sed 's/[][(){}.*+?^$|\\]/\\&/g' |
    paste -sd '|' | sed 's/.*/^(&)$/'
}

for kind in test grad support; do
  if [ ${#older[@]} -gt 0 ]; then
    pattern=.
    [ $kind = support ] || pattern="$(some $kind)"
    check $kind "${older[@]}" --shapes "$shapes" --filter "$pattern" --json "$out/older.$kind.json"
  fi
  system=(--adapter all)
  [ "$further" = no ] || [ $kind = support ] || system=()
  check $kind "${system[@]}" "${columns[@]}" --json "$out/$kind.json" --junit "$out/$kind.xml"
  say "check $kind is done"
done

# Cases whose outcome is not that of the first run, one a line.
moved() {
  python3 - "$@" <<'PY'
import json, sys
outcome = lambda path: {
    (a["label"], c["case"]): c["status"] for a in json.load(open(path))["adapters"] for c in a["cases"]
}
first, again = map(outcome, sys.argv[1:])
for key in sorted(set(first) | set(again)):
    if first.get(key) != again.get(key):
        print(*key, first.get(key), again.get(key), sep="\t")
PY
}

for ((run = 2; run <= repeat; run++)); do
  system=(--adapter all)
  [ "$further" = no ] || system=()
  check test "${system[@]}" "${columns[@]}" --json "$out/again.json"
  differs="$(moved "$out/test.json" "$out/again.json")"
  [ -z "$differs" ] || { worst=4; printf 'run %d:\n%s\n' "$run" "$differs"; }
  rm "$out/again.json"
  say "run $run of $repeat is done"
done

mv "$out/test.json" "$out/own.json" # what is merged is not written over
merge=(--merge "$out/own.json")
[ ! -e "$out/older.test.json" ] || merge+=(--merge "$out/older.test.json")
if [ "$dawn" = yes ]; then
  export UNLEARN_ADAPTERS="${UNLEARN_ADAPTERS:-${XDG_CACHE_HOME:-$HOME/.cache}/unlearn/adapters}"
  "$program" check --shapes "$shapes" --export "$out/cases" --force --quiet
  status=0
  "$here/dawn/run.sh" --install --adapter all --json "$out/dawn.json" "$out/cases" >"$out/said.txt" || status=$?
  [ $status = 0 ] || [ $status = 4 ] || exit $status
  rm -r "$out/cases"
  for file in "$out"/dawn.*.json; do [ ! -e "$file" ] || merge+=(--merge "$file"); done
  say "Dawn is done"
fi
check "${merge[@]}" --json "$out/test.json" --junit "$out/test.xml" --md "$out/matrix.md"
rm -f "$out"/dawn.*.json "$out/own.json"
for kind in grad support; do
  mv "$out/$kind.json" "$out/own.json"
  merge=(--merge "$out/own.json")
  [ ! -e "$out/older.$kind.json" ] || merge+=(--merge "$out/older.$kind.json")
  check $kind "${merge[@]}" --json "$out/$kind.json" --junit "$out/$kind.xml" --md "$out/$kind.md"
  { echo; sed 's/^#/##/' "$out/$kind.md"; } >>"$out/matrix.md"
  rm "$out/$kind.md" "$out/own.json"
done
rm -f "$out/said.txt" "$out"/older.*.json
sed -n '/^| # |/,/^$/p' "$out/matrix.md"
[ $worst = 0 ] || say "something failed: $out/matrix.md tells what"
exit $worst
