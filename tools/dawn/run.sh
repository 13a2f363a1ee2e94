#!/usr/bin/env bash
# Replays exported cases on Dawn; README.md has the format.
#
#   tools/dawn/run.sh [--adapter swiftshader|mesa|system|all] [--json FILE] [-k REGEX] [--limit SECONDS] FOLDER
#   tools/dawn/run.sh --install [...]     first fetches Dawn (npm's webgpu), SwiftShader and Mesa 25 into the user's cache
#   tools/dawn/run.sh --self-test DUMP    sample cases from `unlearn shaders --dump DUMP`: all pass, and each planted fault fails
#
# With `all`, adapters that are not there are skipped by name and FILE gets the adapter's name before its extension.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/unlearn/dawn"
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

# Packages are unpacked beside the system, not installed over it. Arguments after the first: packages, options of apt-get.
unpack() {
  local into="$1" scratch
  shift
  scratch="$(mktemp -d)"
  chmod 755 "$scratch"
  (cd "$scratch" && apt-get "${apt_options[@]}" download "$@" >/dev/null 2>&1 && for deb in *.deb; do dpkg -x "$deb" "$into"; done)
  local status=$?
  rm -rf "$scratch"
  return $status
}

install_swiftshader() {
  [ ! -e "$cache/swiftshader/driver.json" ] || return 0
  say "unpacking SwiftShader of Debian's package chromium-common into $cache/swiftshader"
  local apt_options=(-q) from="$cache/swiftshader/usr/lib/chromium"
  unpack "$cache/swiftshader" chromium-common || { say "chromium-common could not be fetched"; return 0; }
  sed 's|"\./|"'"$from"'/|' "$from/vk_swiftshader_icd.json" >"$cache/swiftshader/driver.json"
}

# Dawn refuses Mesa below 25, which a stable Debian has in its backports alone: lists of their own, the system's stay as they are.
install_mesa() {
  [ ! -e "$cache/mesa/driver.json" ] || return 0
  command -v apt-get >/dev/null || return 0
  say "unpacking Mesa of Debian's backports into $cache/mesa"
  local lists="$cache/mesa-lists" codename suite repository
  # shellcheck source=/dev/null
  codename="$(. /etc/os-release && echo "${VERSION_CODENAME:-}")"
  suite="$codename-backports"
  # shellcheck disable=SC2016 # apt's own variables
  repository="$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
    sed -n "s| $codename\$||p" | head -n 1)"
  mkdir -p "$lists/partial"
  local key=/usr/share/keyrings/debian-archive-keyring.gpg
  echo "deb [signed-by=$key] $repository $suite main" >"$cache/mesa.list"
  local apt_options=(-q -o "Dir::Etc::sourcelist=$cache/mesa.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$lists")
  if ! apt-get "${apt_options[@]}" update >/dev/null 2>&1 ||
    ! unpack "$cache/mesa" mesa-vulkan-drivers libdrm2 libdrm-amdgpu1; then
    say "Mesa of $suite could not be fetched"
    return 0
  fi
  local library
  library="$(find "$cache/mesa/usr/lib" -name libvulkan_lvp.so | head -n 1)"
  sed 's|"library_path": *"[^"]*"|"library_path": "'"$library"'"|' \
    "$(find "$cache/mesa/usr/share/vulkan/icd.d" -name 'lvp_icd*.json' | head -n 1)" >"$cache/mesa/driver.json"
}

# Runs the replayer on one adapter.
replay() {
  local name="$1" environment=()
  shift
  case "$name" in
    system) ;;
    swiftshader | mesa)
      [ -e "$cache/$name/driver.json" ] || { say "SKIPPED $name: not there; --install fetches it"; return 3; }
      environment+=("VK_DRIVER_FILES=$cache/$name/driver.json")
      ;;
    *) refuse "no adapter $name; there are swiftshader, mesa, system, all" ;;
  esac
  [ "$name" != mesa ] || environment+=("LD_LIBRARY_PATH=$(find "$cache/mesa/usr/lib" -maxdepth 1 -name '*-linux-gnu*' | head -n 1)")
  env "${environment[@]}" node "$here/replay.mjs" --module "$cache" "$@"
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
  install_swiftshader
  install_mesa
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
