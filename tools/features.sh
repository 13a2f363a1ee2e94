#!/usr/bin/env bash
# Compiles the library without its default features and with each of them alone, warnings as errors, and looks that a
# crate which a feature brings is in no tree without it. The whole program is compiled by everything else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# feature: the crates that come with it alone
only_with() {
  case $1 in
    cli) echo clap clap_builder clap_complete clap_mangen schemars indicatif console comfy-table env_logger ;;
    harness) echo quick-junit quick-xml regex ;;
    parquet) echo parquet snap zstd ;;
    pictures) echo image image-webp png tiff weezl zune-jpeg ;;
    report) echo kuva ;;
    tokenizers) echo regex ;;
    ledger) echo rusqlite libsqlite3-sys ed25519-dalek hmac serde_jcs jiff ;;
    mpi) echo mpi mpi-sys bindgen ;;
  esac
}

# cargo's words and what follows `--`
check=(check) strict=()
if cargo clippy --version >/dev/null 2>&1; then
  check=(clippy) strict=(-- -D warnings)
fi
failed=0
for chosen in "" harness ledger parquet pictures report tokenizers; do
  with=(--locked --no-default-features --features "$chosen")
  printf -- '-- %s\n' "${chosen:-no features}"
  tree="$(cargo tree "${with[@]}" --edges normal --prefix none)"
  for feature in cli harness ledger parquet pictures report tokenizers mpi; do
    for crate in $(only_with "$feature"); do
      if grep -q "^$crate v" <<<"$tree"; then
        only_with "$chosen" | grep -qw "$crate" || { echo "$crate is built although $feature is off" && failed=1; }
      elif [ "$feature" = "$chosen" ]; then
        echo "$feature no longer brings $crate: mend the list above" && failed=1
      fi
    done
  done
  cargo "${check[@]}" --lib "${with[@]}" "${strict[@]}"
done
exit $failed
