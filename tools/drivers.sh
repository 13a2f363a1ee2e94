# shellcheck shell=bash
# Drivers beside the system's, for setup.sh and adapters.sh to source: the distribution's own packages, downloaded and
# unpacked into a folder of the user's. Nothing is installed, no list of the system's is touched, and no root user is
# needed.

drivers_own=() # options of apt-get, once prepared

# Prints where they go: ${XDG_CACHE_HOME:-$HOME/.cache}/unlearn/adapters, or UNLEARN_ADAPTERS.
drivers_folder() {
  local cache="${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}"
  [ -n "${UNLEARN_ADAPTERS:-$cache}" ] || return 1
  printf '%s\n' "${UNLEARN_ADAPTERS:-$cache/unlearn/adapters}"
}

# The distribution's own packages and its backports, in lists of our own below folder $1.
drivers_prepare() {
  local cache="$1" codename repository key=/usr/share/keyrings/debian-archive-keyring.gpg
  [ ${#drivers_own[@]} -eq 0 ] || return 0
  command -v apt-get >/dev/null && command -v dpkg >/dev/null && [ -e "$key" ] || return 1
  # shellcheck source=/dev/null
  codename="$(. /etc/os-release && echo "${VERSION_CODENAME:-}")"
  # shellcheck disable=SC2016 # apt's own variables
  repository="$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
    sed -n "s| $codename\$||p" | head -n 1)"
  [ -n "$repository" ] && mkdir -p "$cache/lists/partial" || return 1
  printf "deb [signed-by=$key] $repository %s main\n" "$codename" "$codename-backports" >"$cache/sources.list"
  local own=(-o "Dir::Etc::sourcelist=$cache/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$cache/lists" -o Dir::State::status=/dev/null
    -o Acquire::http::Timeout=20 -o Acquire::Retries=0)
  apt-get -qq "${own[@]}" update -o APT::Update::Error-Mode=any >/dev/null 2>&1 || return 1
  drivers_own=("${own[@]}")
}

# Downloads packages, of the suite that is given if it is not empty, and unpacks them into a folder.
drivers_unpack() {
  local into="$1" suite="$2" scratch status=0
  shift 2
  scratch="$(mktemp -d)"
  chmod 755 "$scratch" # apt downloads as a user of its own
  (
    cd "$scratch" &&
      apt-get -qq "${drivers_own[@]}" ${suite:+-t "$suite"} download "$@" >/dev/null 2>&1 || exit 1
    for package in *.deb; do dpkg -x "$package" "$into" || exit 1; done
  ) || status=$?
  rm -rf "$scratch"
  return $status
}

# Writes $1/driver.json: the manifest $3 with the path of library $2 as it is now. All that the library needs must be
# there.
drivers_manifest() {
  local folder="$1" library="$2" from="$3"
  [ -n "$library" ] && [ -n "$from" ] || return 1
  ! ldd -r "$library" 2>&1 | grep -E 'not found|undefined symbol' >/dev/null || return 1
  sed 's|"library_path": *"[^"]*"|"library_path": "'"$library"'"|' "$from" >"$folder/driver.tmp" &&
    mv "$folder/driver.tmp" "$folder/driver.json"
}

# Fetches llvmpipe of the newer Mesa in the backports into $1/mesa, if it is not there.
drivers_mesa() {
  local cache="$1" folder="$1/mesa"
  [ ! -e "$folder/driver.json" ] || return 0
  # shellcheck source=/dev/null
  mkdir -p "$folder" && drivers_prepare "$cache" &&
    drivers_unpack "$folder" "$(. /etc/os-release && echo "$VERSION_CODENAME-backports")" \
      mesa-vulkan-drivers libdrm2 libdrm-amdgpu1 &&
    drivers_manifest "$folder" "$(find "$folder/usr/lib" -name libvulkan_lvp.so | head -n 1)" \
      "$(find "$folder/usr/share/vulkan/icd.d" -name 'lvp_icd*.json' | head -n 1)"
}

# Prints the version of the Mesa in a folder that it was unpacked into.
drivers_mesa_version() {
  gzip -cd "$1"/usr/share/doc/mesa-vulkan-drivers/changelog.Debian.gz 2>/dev/null |
    sed -n '1s/^[^(]*(\([0-9.]*\).*/\1/p'
}

# Prints the version of the system's Mesa driver as its package states it; nothing where no package does.
drivers_system_version() {
  local version
  version="$(dpkg-query -W -f '${Version}\n' mesa-vulkan-drivers 2>/dev/null | head -n 1)" || version=""
  printf '%s\n' "${version%%[-+~]*}"
}

# Prints NAME=MANIFEST of the system's llvmpipe, named after its Mesa (mesa22).
drivers_system_llvmpipe() {
  local manifest version
  version="$(drivers_system_version)"
  for manifest in /usr/share/vulkan/icd.d/lvp_icd*.json; do
    [ ! -e "$manifest" ] || { printf 'mesa%s=%s\n' "${version%%.*}" "$manifest"; return; }
  done
  return 1
}
