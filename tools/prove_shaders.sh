#!/usr/bin/env bash
# Proof of the shaders without the platforms they are for: every composed shader, with every set of override values that
# a case, a layer or a named architecture uses and more, through naga and tint (WGSL), spirv-val (Vulkan), Microsoft's
# DXC to DXIL (DX12), clang over a stub of Metal's library (syntax and types alone), Khronos' front end (OpenGL and
# OpenGL ES), and lints. A step whose tool is missing is skipped by name. Exit code 4 if anything fails.
#
#   tools/prove_shaders.sh              prints the failures, then one table of shaders x steps
#   tools/prove_shaders.sh --install    first fetches what is missing and says so (packages of Debian, Python and
#   crates) tools/prove_shaders.sh --self-test  every step must be seen catching the faults planted in tools/proofs/bad
#   --json FILE    counts and failures       --steps A,B   only these       --jobs N   at once (default: all cores)
#   --dump DIR     a folder with `unlearn shaders --dump [--sets]` in it, in place of a fresh one
#   --program P    the unlearn to ask (default: the newest build, else `cargo run`)
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/unlearn/proofs"
install=no self_test=no dump="" program="" pass=()

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

while [ $# -gt 0 ]; do
  case "$1" in
    --install) install=yes ;;
    --self-test) self_test=yes ;;
    --dump | --program | --json | --steps | --jobs)
      [ $# -ge 2 ] || { echo "prove_shaders: $1 needs a value" >&2; exit 2; }
      case "$1" in
        --dump) dump="$2" ;;
        --program) program="$2" ;;
        *) pass+=("$1" "$2") ;;
      esac
      shift
      ;;
    -h | --help) usage; exit 0 ;;
    *) echo "prove_shaders: no option $1; --help names them" >&2; exit 2 ;;
  esac
  shift
done

say() { printf 'prove_shaders: %s\n' "$*" >&2; }

# The DirectX compiler comes inside a Python source package, which wants Vulkan's headers and a C++ compiler to build.
install_dxc() {
  local python="$cache/dxc/bin/python"
  [ -x "$python" ] && "$python" "$here/proofs/dxc_worker.py" --version >/dev/null 2>&1 && return
  say "building the Python package compushady in $cache/dxc"
  if ! { setup_install libvulkan-dev g++ python3-dev python3-venv && python3 -m venv --clear "$cache/dxc" &&
    "$cache/dxc/bin/pip" install --quiet compushady==0.17.5; }; then
    say "compushady could not be built; DXC will be skipped"
  fi
}

# The translator's own command line, of the version that the engine is built with.
install_naga() {
  command -v naga >/dev/null || [ -x "$cache/bin/naga" ] && return
  local version
  version="$(grep -A1 '^name = "naga"$' "$here/../Cargo.lock" | sed -n 's/^version = "\(.*\)"/\1/p')"
  say "building the crate naga-cli $version in $cache"
  cargo install --quiet --locked --root "$cache" naga-cli --version "$version" ||
    say "naga-cli could not be built; naga and the override sets will be skipped"
}

install_all() {
  # shellcheck source=tools/setup.sh
  UNLEARN_SETUP_SKIP=1 . "$here/setup.sh"
  mkdir -p "$cache"
  local wanted=()
  command -v spirv-val >/dev/null || wanted+=(spirv-tools)
  command -v clang >/dev/null || wanted+=(clang)
  command -v glslangValidator >/dev/null || wanted+=(glslang-tools)
  [ ${#wanted[@]} -eq 0 ] || setup_install "${wanted[@]}" || say "could not install ${wanted[*]}"
  install_dxc
  install_naga
  command -v tint >/dev/null || [ -x "$cache/bin/tint" ] ||
    say "tint has no package; build it from Dawn's sources and put it on the path or into $cache/bin"
}

# The newest build of the program, nothing if there is none.
built() {
  local target="${CARGO_TARGET_DIR:-$here/../target}"
  # shellcheck disable=SC2012 # the names are ours
  ls -t "$target"/{release,debug}/unlearn 2>/dev/null | head -n 1 || true
}

unlearn() {
  if [ -n "$program" ]; then
    "$program" "$@"
  else
    (cd "$here/.." && cargo run --quiet --locked -- "$@")
  fi
}

[ "$install" = no ] || install_all
command -v python3 >/dev/null || { say "needs python3"; exit 3; }
if [ "$self_test" = yes ]; then
  exec python3 "$here/proofs/prove.py" --self-test "${pass[@]}"
fi
if [ -z "$dump" ]; then
  program="${program:-$(built)}"
  scratch="$(mktemp -d)"
  trap 'rm -rf "$scratch"' EXIT
  dump="$scratch"
  say "shaders of ${program:-cargo run}"
  for language in wgsl spirv hlsl msl glsl essl; do
    unlearn shaders --dump "$dump/$language" --target "$language" --sets --quiet >/dev/null
  done
fi
python3 "$here/proofs/prove.py" --dump "$dump" "${pass[@]}"
