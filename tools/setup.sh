#!/usr/bin/env bash
# Makes sure that the program can be built and finds an adapter: Rust, a C linker, a Vulkan driver. On Debian and
# Ubuntu it installs what is missing and says so; elsewhere it says what to install. Quiet when nothing is missing.
# Where Mesa's software driver is all there is and older than 24, a newer one is taken from the backports, several times
# faster, unpacked beside the system's (tools/drivers.sh) and named; without it the system's serves.
#
#   . tools/setup.sh      from another script: also sets XDG_RUNTIME_DIR, PATH and that driver's VK_DRIVER_FILES there
#   tools/setup.sh        by itself
#   tools/setup.sh --with browser   Chromium and TensorBoard, in which tools/report.sh looks at reports
#   tools/setup.sh --with mpi   Open MPI as well, for `mpirun -n N unlearn jobs run DIR` and, with its headers and
#                               libclang, for the feature `mpi`
#
# UNLEARN_SETUP_DRY_RUN=1 prints the commands that would change the machine and runs none of them.
# UNLEARN_SETUP_SKIP=1    leaves the machine alone altogether.
set -euo pipefail

MIN_RUST="1.90"
MIN_MESA="24"
setup_root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
setup_lists_fresh=no
# shellcheck source=tools/drivers.sh
. "$setup_root/tools/drivers.sh"

setup_say() { printf 'setup: %s\n' "$*" >&2; }

setup_fail() {
  setup_say "$*"
  exit 1
}

# Runs a command that changes the machine, as root; only prints it in a dry run.
setup_as_root() {
  if [ "${UNLEARN_SETUP_DRY_RUN:-}" = 1 ]; then
    setup_say "would run: $*"
  elif [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif [ -t 0 ]; then
    sudo "$@"
  else
    sudo -n "$@" # nobody is there to type a password
  fi
}

setup_can_install() {
  command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null; }
}

# A package is known when it has an installable candidate (a fresh container has no lists, so it knows none).
setup_known() { apt-cache policy "$1" 2>/dev/null | grep 'Candidate: [^(]' >/dev/null; }

setup_update_once() {
  if [ "$setup_lists_fresh" = no ]; then
    setup_lists_fresh=yes
    setup_as_root apt-get update -qq >&2 || setup_say "apt-get update failed, going on with the lists at hand"
  fi
}

# Installs packages; refreshes the lists once if one of them is unknown, or if the install fails on stale lists.
setup_install() {
  local package
  for package in "$@"; do
    setup_known "$package" || setup_update_once
  done
  setup_say "installing $*"
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends
    -o DPkg::Lock::Timeout=120 "$@")
  if ! setup_as_root "${install[@]}" >&2; then
    [ "$setup_lists_fresh" = no ] || return 1
    setup_update_once
    setup_as_root "${install[@]}" >&2
  fi
}

# True when a shared library is known to the dynamic loader.
setup_has_library() {
  { ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null; } | grep -F "$1" >/dev/null
}

# True when a device file of a graphics card is visible (NVIDIA, any DRM driver, WSL).
setup_has_gpu() {
  local device
  for device in /dev/nvidiactl /dev/dxg /dev/dri/renderD*; do
    [ -e "$device" ] && return 0
  done
  return 1
}

# True when some installed Vulkan driver's manifest matches the pattern.
setup_has_driver() {
  local manifest
  [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] || return 0 # the user chose a driver
  for manifest in /usr/share/vulkan/icd.d/$1 /usr/local/share/vulkan/icd.d/$1 /etc/vulkan/icd.d/$1 \
    /run/opengl-driver/share/vulkan/icd.d/$1; do
    [ -e "$manifest" ] && return 0
  done
  return 1
}

# Prints the packages that are missing on this Linux, one a line (Debian's names).
setup_missing_packages() {
  # A compiler without the C library's start files cannot link; gcc only recommends them.
  if ! command -v cc >/dev/null || [ ! -e "$(cc -print-file-name=crt1.o 2>/dev/null)" ]; then
    printf '%s\n' gcc libc6-dev
  fi
  setup_has_library libvulkan.so.1 || echo libvulkan1
  if setup_has_gpu; then
    # Mesa's drivers serve Intel and AMD; for an NVIDIA card they are the software fallback.
    setup_has_driver '*.json' || echo mesa-vulkan-drivers
  else
    setup_has_driver 'lvp_icd*.json' || echo mesa-vulkan-drivers
    setup_has_library libEGL.so.1 || echo libegl1
    setup_has_library libEGL_mesa.so.0 || echo libgl1-mesa-dri
  fi
}

setup_packages() {
  local names missing
  names="$(setup_missing_packages)"
  [ -n "$names" ] || return 0
  mapfile -t missing <<<"$names"
  local wanted="a C linker and the C library's headers (gcc, libc6-dev), the Vulkan loader (libvulkan1) and a Vulkan"
  wanted+=" driver (your GPU vendor's, or Mesa's software driver mesa-vulkan-drivers with libegl1 and libgl1-mesa-dri)"
  if ! setup_can_install; then
    setup_fail "missing: ${missing[*]} (Debian's names). Please install $wanted," \
      "or set UNLEARN_SETUP_SKIP=1 to go on without."
  fi
  setup_has_gpu || setup_say "no GPU found: Mesa's software driver (llvmpipe) will stand in"
  setup_install "${missing[@]}" ||
    setup_fail "could not install ${missing[*]}. Please install $wanted, or set UNLEARN_SETUP_SKIP=1 to go on without."
}

# True when version $1 is at least $2.
setup_at_least() { [ "$(printf '%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# Has the Vulkan loader find a newer llvmpipe in the place of the system's, where that is all there is and slow.
setup_newer_mesa() {
  local have newer cache
  ! setup_has_gpu || return 0
  [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] || return 0 # the user chose a driver
  have="$(drivers_system_version)"
  [ -n "$have" ] && ! setup_at_least "$have" "$MIN_MESA" || return 0
  if [ "${UNLEARN_SETUP_DRY_RUN:-}" = 1 ]; then
    setup_say "would use llvmpipe of a newer Mesa than the system's $have, unpacked beside it"
  elif cache="$(drivers_folder)" && drivers_mesa "$cache" && newer="$(drivers_mesa_version "$cache/mesa")" &&
    setup_at_least "$newer" "$MIN_MESA"; then
    export VK_DRIVER_FILES="$cache/mesa/driver.json"
    setup_say "using llvmpipe of Mesa $newer, not the system's slower $have: VK_DRIVER_FILES=$VK_DRIVER_FILES"
  else
    setup_say "no newer llvmpipe to be had: going on with that of Mesa $have, several times slower than $MIN_MESA's"
  fi
}

setup_rust() {
  local cargo_bin="${CARGO_HOME:-${HOME:-/nonexistent}/.cargo}/bin" version
  if ! command -v cargo >/dev/null && [ -x "$cargo_bin/cargo" ]; then
    export PATH="$cargo_bin:$PATH"
  fi
  if ! command -v cargo >/dev/null && ! command -v rustup >/dev/null && setup_can_install; then
    setup_known rustup || setup_update_once
    if setup_known rustup; then
      setup_install rustup ca-certificates || setup_say "could not install the package rustup"
    fi
  fi
  if command -v rustup >/dev/null && ! cargo --version >/dev/null 2>&1; then
    setup_say "rustup has no default toolchain yet: installing stable"
    if [ "${UNLEARN_SETUP_DRY_RUN:-}" != 1 ]; then
      { rustup toolchain install stable --profile minimal --component clippy --component rustfmt &&
        rustup default stable; } >&2 || setup_fail "rustup could not install a toolchain: see its message above."
    fi
  fi
  version="$(cargo --version 2>/dev/null | cut -d ' ' -f 2)" || version=""
  [ -n "$version" ] || setup_fail "Rust is missing: install rustup (https://rustup.rs, or your distribution's package" \
    "rustup) and run 'rustup default stable', or a package cargo of version $MIN_RUST or newer."
  setup_at_least "${version%%-*}" "$MIN_RUST" ||
    setup_fail "cargo $version is too old: $MIN_RUST or newer is needed. With rustup: 'rustup update stable'."
}

# wgpu's GL probe asks for XDG_RUNTIME_DIR and prints a harmless warning where there is none.
setup_runtime_dir() {
  if [ -z "${XDG_RUNTIME_DIR:-}" ]; then
    local private="$setup_root/target/runtime"
    if mkdir -p "$private" 2>/dev/null && chmod 700 "$private" 2>/dev/null; then
      export XDG_RUNTIME_DIR="$private"
    fi
  fi
}

# What only some need, each by its word.
setup_extras() {
  while [ $# -gt 0 ]; do
    [ "$1" = --with ] && [ $# -ge 2 ] || setup_fail "unknown argument '$1': tools/setup.sh [--with mpi|browser]"
    case "$2" in
      mpi)
        local missing=()
        command -v mpirun >/dev/null || missing+=(openmpi-bin)
        command -v mpicc >/dev/null || missing+=(libopenmpi-dev)
        setup_has_library libclang || ls /usr/lib/llvm-*/lib/libclang*.so* >/dev/null 2>&1 || missing+=(libclang-dev)
        if [ ${#missing[@]} -gt 0 ]; then
          setup_can_install || setup_fail "Open MPI or libclang is missing (on Debian: ${missing[*]}): install it."
          setup_install "${missing[@]}"
        fi
        ;;
      browser)
        local missing=() board="${CARGO_TARGET_DIR:-$setup_root/target}/tensorboard"
        command -v "${UNLEARN_BROWSER:-chromium}" >/dev/null || missing+=(chromium fonts-dejavu-core)
        python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
        if [ ${#missing[@]} -gt 0 ]; then
          setup_can_install || setup_fail "Chromium or Python's venv is missing (on Debian: ${missing[*]}): install it."
          setup_install "${missing[@]}"
        fi
        if [ ! -x "$board/bin/tensorboard" ]; then
          if [ "${UNLEARN_SETUP_DRY_RUN:-}" = 1 ]; then
            setup_say "would install TensorBoard into $board"
          else
            setup_say "installing TensorBoard into $board"
            python3 -m venv "$board" && "$board/bin/pip" install -q tensorboard ||
              setup_fail "could not install TensorBoard into $board; install the package tensorboard for python3."
          fi
        fi
        ;;
      *) setup_fail "there is nothing called '$2' to add: tools/setup.sh --with mpi, or browser" ;;
    esac
    shift 2
  done
}

setup_main() {
  [ "${UNLEARN_SETUP_SKIP:-}" = 1 ] || {
    if [ "$(uname -s)" = Linux ]; then
      setup_packages
      setup_newer_mesa
    fi
    setup_rust
  }
  setup_runtime_dir
}

setup_main
# Sourced without arguments it has those of the script that sources it.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  setup_extras "$@"
fi
