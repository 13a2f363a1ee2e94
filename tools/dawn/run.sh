#!/usr/bin/env bash
# Replays exported cases on Dawn; README.md has the format.
#
#   tools/dawn/run.sh [--adapter swiftshader|mesa|system|all] [--json FILE] [-k REGEX] [--limit SECONDS] FOLDER
#   tools/dawn/run.sh --install [...]     first fetches Dawn (npm's webgpu), SwiftShader and Mesa 25 into the user's
#   cache tools/dawn/run.sh --self-test DUMP    sample cases from `unlearn shaders --dump DUMP`: all pass, and each
#   planted fault fails
#
# With `all`, adapters that are not there are skipped by name and FILE gets the adapter's name before its extension.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/unlearn/dawn"
drivers="${UNLEARN_ADAPTERS:-${XDG_CACHE_HOME:-$HOME/.cache}/unlearn/adapters}" # where tools/adapters.sh puts them
adapter=swiftshader install=no self_test=no json="" folder="" pass=()

say() { printf 'dawn: %s\n' "$*" >&2; }
refuse() {
  say "$1"
  exit 2
}

while [ $# -gt 0 ]; do
  case "$1" in
    --install) install=yes ;;
    --self-test) self_test=yes ;;
    --adapter | --json | -k | --feature | --limit)
      [ $# -ge 2 ] || refuse "$1 needs a value"
      case "$1" in
        --adapter) adapter="$2" ;;
        --json) json="$2" ;;
        *) pass+=("$1" "$2") ;;
      esac
      shift
      ;;
    -h | --help)
      sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    -*) refuse "no option $1; --help names them" ;;
    *) folder="$1" ;;
  esac
  shift
done

install_dawn() {
  [ ! -d "$cache/node_modules/webgpu" ] || return 0
  say "fetching npm's package webgpu into $cache"
  (cd "$cache" && npm install --silent --no-audit --no-fund --ignore-scripts --prefix . webgpu@0.6.2) ||
    say "webgpu could not be fetched"
}

# Runs the replayer on one adapter.
replay() {
  local name="$1" environment=()
  shift
  case "$name" in
    system) ;;
    swiftshader | mesa)
      [ -e "$drivers/$name/driver.json" ] || { say "SKIPPED $name: not there; --install fetches it"; return 3; }
      environment+=("VK_DRIVER_FILES=$drivers/$name/driver.json")
      ;;
    *) refuse "no adapter $name; there are swiftshader, mesa, system, all" ;;
  esac
  if [ "$name" = mesa ]; then
    environment+=("LD_LIBRARY_PATH=$(find "$drivers/mesa/usr/lib" -maxdepth 1 -name '*-linux-gnu*' | head -n 1)")
  fi
  env "${environment[@]}" node "$here/replay.mjs" --module "$cache" --label "dawn $name" "$@"
}

adapters() { if [ "$adapter" = all ]; then echo "swiftshader mesa"; else echo "$adapter"; fi; }

named() { if [ "$adapter" = all ]; then echo "${json%.*}.$1.${json##*.}"; else echo "$json"; fi; }

self_test() {
  local cases status=0 name said
  cases="$(mktemp -d)"
  # shellcheck disable=SC2064 # the name as it is now
  trap "rm -rf '$cases'" EXIT
  python3 "$here/sample.py" "$folder" "$cases"
  for name in $(adapters); do
    replay "$name" "$cases" -k '^(?!planted)' || status=4
    said="$(replay "$name" "$cases" --limit 10 -k '^planted' || true)"
    echo "$said"
    grep -q ': 0 passed, [1-9][0-9]* failed, 0 unsupported' <<<"$said" || status=4
  done
  return $status
}

if [ "$install" = yes ]; then
  mkdir -p "$cache"
  install_dawn
  "$here/../adapters.sh" >/dev/null || true # says itself what it could not get
fi
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-$cache}" # the GL probe of some drivers complains without one
command -v node >/dev/null || { say "needs node"; exit 3; }
[ -n "$folder" ] || { [ "$install" = yes ] && exit 0; refuse "which folder?"; }
if [ "$self_test" = yes ]; then
  self_test
  exit
fi
worst=0
for name in $(adapters); do
  status=0
  replay "$name" "$folder" ${json:+--json "$(named "$name")"} "${pass[@]}" || status=$?
  [ "$adapter" = all ] && [ $status = 3 ] && continue
  [ $status -le $worst ] || worst=$status
done
exit $worst
