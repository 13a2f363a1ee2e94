#!/usr/bin/env bash
# Data-parallel training under MPI: 1, 2 and 4 ranks, and no MPI at all, give the same bytes; so does a training that
# lost a rank in the middle and goes on with fewer. Builds the program with the feature `mpi`.
#
#   tools/ranks.sh [--program P]     P was built with --features mpi
#
# Needs Open MPI (`tools/setup.sh --with mpi` installs it) with its headers, and libclang to build.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=tools/setup.sh
. "$root/tools/setup.sh"

program=""
[ "${1:-}" = --program ] && program="$2"
skip() { echo "ranks: skipped: there is no $1; tools/setup.sh --with mpi installs it" >&2 && exit 0; }
for need in mpirun mpicc; do
  command -v "$need" >/dev/null || skip "$need"
done
mpirun --version | grep -q "Open MPI" || skip "Open MPI behind mpirun"
libclang() { setup_has_library libclang || compgen -G '/usr/lib*/llvm*/lib/libclang*.so*' >/dev/null; }
if [ -z "$program" ] && [ -z "${LIBCLANG_PATH:-}" ] && ! libclang; then
  skip libclang
fi
if [ -z "$program" ]; then
  (cd "$root" && cargo build --locked --features mpi)
  program="${CARGO_TARGET_DIR:-$root/target}/debug/unlearn"
fi
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
# A container's only user is root, and this machine may have fewer cores than ranks.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
ranks() { mpirun --oversubscribe -n "$1" "$program" train "$folder/config.toml" --data-parallel -q "${@:2}"; }
sum() { sha256sum "$folder/$1/model.safetensors" | cut -d' ' -f1; }

cat >"$folder/config.toml" <<'END'
seed = 1
[data]
loader = "digits"
validation_fraction = 0.1
[[model.layers]]
type = "conv2d"
out = 8
kernel = 3
padding = 1
[[model.layers]]
type = "group_norm"
groups = 2
[[model.layers]]
type = "relu"
[[model.layers]]
type = "max_pool"
kernel = 2
[[model.layers]]
type = "flatten"
[[model.layers]]
type = "dropout"
p = 0.2
[[model.layers]]
type = "linear"
[train]
optimizer = "adam"
lr = 0.003
batch_size = 16
accumulate = 4
epochs = 3
ema = 0.9
checkpoint_steps = 7
END

"$program" train "$folder/config.toml" --out "$folder/alone" -q >/dev/null
for n in 1 2 4; do
  ranks "$n" --out "$folder/r$n" >/dev/null
  [ "$(sum "r$n")" = "$(sum alone)" ] || { echo "ranks: $n ranks give other bytes than training alone" >&2; exit 1; }
done

# One rank of four is killed once there is a checkpoint; two go on.
ranks 4 --out "$folder/broken" >/dev/null 2>&1 &
launcher=$!
until [ -e "$folder/broken/checkpoint.safetensors" ] || ! kill -0 $launcher 2>/dev/null; do sleep 0.02; done
for process in /proc/[0-9]*; do
  if tr '\0' ' ' <"$process/cmdline" 2>/dev/null | grep -q "^$program train $folder/config.toml --data-parallel"; then
    kill -KILL "${process#/proc/}"
    break
  fi
done
wait $launcher && { echo "ranks: the training ended before a rank could be killed" >&2; exit 1; }
ranks 2 --out "$folder/broken" --resume >/dev/null
[ "$(sum broken)" = "$(sum alone)" ] || { echo "ranks: other bytes after a rank was killed" >&2; exit 1; }
echo "ranks: 1, 2 and 4 ranks, none, and 2 after one of 4 was killed: model $(sum alone)"
