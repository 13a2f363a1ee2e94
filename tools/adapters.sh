#!/usr/bin/env bash
# Further software adapters for `unlearn check` on a Debian or Ubuntu machine, unpacked beside the system's drivers and
# installed over none of them: SwiftShader (of the package chromium-common) and llvmpipe of a newer Mesa (of the
# distribution's backports), and the former's build of the Vulkan validation layers. Says what it could not get, then
# prints the command that checks them all.
#
#   tools/adapters.sh              fetches what is missing, prints the command on stdout
#   tools/adapters.sh --list       only prints NAME=MANIFEST of what is there, one a line
#
# They go to ${XDG_CACHE_HOME:-$HOME/.cache}/unlearn/adapters; UNLEARN_ADAPTERS names another folder.
set -euo pipefail

# shellcheck source=tools/drivers.sh
. "$(dirname "${BASH_SOURCE[0]}")/drivers.sh"

names=(mesa swiftshader)

say() { printf 'adapters: %s\n' "$*" >&2; }

cache="$(drivers_folder)" || { say "no folder for them: set HOME or UNLEARN_ADAPTERS"; exit 1; }

fetch_swiftshader() {
  local folder="$cache/swiftshader/usr/lib/chromium"
  drivers_unpack "$cache/swiftshader" "" chromium-common &&
    drivers_manifest "$cache/swiftshader" "$folder/libvk_swiftshader.so" "$folder/vk_swiftshader_icd.json"
}

# The package also holds a build of the Vulkan validation layers, much newer than those of a stable distribution,
# without a manifest. It does not say which version it is; the loader wants one that is no older than what a program
# asks for.
layers() {
  local library="$cache/swiftshader/usr/lib/chromium/libVkLayer_khronos_validation.so"
  [ -e "$library" ] || return 0
  mkdir -p "$cache/layers"
  cat >"$cache/layers/VkLayer_khronos_validation.json" <<EOF
{"file_format_version": "1.2.0", "layer": {"name": "VK_LAYER_KHRONOS_validation", "type": "GLOBAL",
 "library_path": "$library", "api_version": "1.4.0", "implementation_version": "1",
 "description": "Khronos Validation Layer of Chromium", "instance_extensions": [
  {"name": "VK_EXT_debug_report", "spec_version": "9"}, {"name": "VK_EXT_debug_utils", "spec_version": "1"},
  {"name": "VK_EXT_validation_features", "spec_version": "2"}, {"name": "VK_EXT_layer_settings", "spec_version": "2"}]}}
EOF
  say "newer validation layers: VK_LAYER_PATH=$cache/layers unlearn check --validation"
}

fetch_mesa() { drivers_mesa "$cache"; }

fetch() {
  local name="$1" what="$2"
  [ ! -e "$cache/$name/driver.json" ] || return 0
  say "fetching $what into $cache/$name"
  mkdir -p "$cache/$name"
  if ! drivers_prepare "$cache"; then
    say "the distribution's lists of packages cannot be read: nothing is fetched"
    exit 0
  fi
  "fetch_$name" || say "could not get $what: no column for it"
}

list() {
  local name
  for name in "${names[@]}"; do
    [ ! -e "$cache/$name/driver.json" ] || printf '%s=%s\n' "$name" "$cache/$name/driver.json"
  done
}

case "${1:-}" in
  --list)
    list
    exit
    ;;
  "") ;;
  -h | --help)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
    exit
    ;;
  *)
    say "no option $1; --help names them"
    exit 2
    ;;
esac
if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
  say "needs apt-get and dpkg; elsewhere, give unlearn check --driver NAME=MANIFEST by hand"
  exit 1
fi
fetch mesa "llvmpipe of Mesa in the backports (mesa-vulkan-drivers, libdrm2, libdrm-amdgpu1)"
fetch swiftshader "SwiftShader (chromium-common)"
layers
command="unlearn check --adapter all --shapes edge --md matrix.md"
while read -r driver; do command+=" --driver $driver"; done < <(list)
echo "$command"
