#!/usr/bin/env bash
# Packs on an adapter: trains, forgets exactly and approximately, in one network and in an ensemble, writes a pack of
# each, checks it, changes a byte of it, and does it again elsewhere from the pack and the data alone. The model must
# come out with the same bytes. The certificates are then looked at in headless Chromium, as tools/report.sh looks at
# reports.
#
#   tools/packs.sh [--program target/debug/unlearn] [--shots DIR]
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
program="${CARGO_TARGET_DIR:-$root/target}/debug/unlearn" shots=()
while [ $# -gt 0 ]; do
  case "$1" in
    --program) program="$(cd "$(dirname "$2")" && pwd)/$(basename "$2")" ;;
    --shots) shots=(--shots "$2") ;;
    *)
      echo "packs.sh: unknown argument '$1'" >&2
      exit 2
      ;;
  esac
  shift 2
done
[ -x "$program" ] || {
  echo "packs.sh: there is no program $program; build it, or name one by --program" >&2
  exit 2
}
export UNLEARN="$program"

made="$(mktemp -d)"
trap 'rm -rf "$made"' EXIT
cd "$made"

# Customers of two kinds, known by a column.
awk 'BEGIN {
  srand(5); print "id,age,visits,outcome"
  for (i = 0; i < 240; i++) {
    kind = i % 2
    printf "c-%04d,%.4f,%.4f,%s\n", i, 30 + 20 * kind + 12 * rand(), 4 + 3 * kind + 4 * rand(), kind ? "stays" : "goes"
  }
}' >people.csv
cat >one.toml <<'TOML'
seed = 4
[data]
loader = "csv"
path = "people.csv"
label = "outcome"
id = "id"
test_fraction = 0.2
validation_fraction = 0.1
[model]
zoo = "mlp"
hidden = [16]
[train]
epochs = 12
batch_size = 16
lr = 0.05
TOML
{ cat one.toml; printf '[ensemble]\nkind = "sisa"\nshards = 3\n'; } >many.toml
cat >r.jsonl <<'JSONL'
{"request_id":"r-1","kind":"sample","ids":["c-0007","c-0020"]}
{"request_id":"r-2","kind":"sample","ids":["c-0101"]}
JSONL

"$program" train one.toml --out one --quiet
"$program" train many.toml --out many --quiet
"$program" forget one --request r.jsonl --method retrain --out exact --quiet >log
"$program" forget one --request r.jsonl --method cf_k --out layer --quiet >log
"$program" forget one --request r.jsonl --method finetune --set epochs=2 --out tuned --quiet >log
"$program" forget many --request r.jsonl --method sisa --out shards --quiet >log
# What a certificate shows of tests, so that there is something to look at.
"$program" references tuned --seeds 4 --quiet >log
"$program" verify tuned --allow-fail --quiet >log
"$program" audit tuned --shadows 8 --retrains 4 --unlearned 0 --allow-fail --quiet >log || true

mkdir data
cp people.csv data
for run in exact layer tuned shards; do
  "$program" pack "$run" --out "$run-pack" --quiet >log
  "$program" verify "$run-pack" --key keys/public.key >log
  "$program" verify "$run-pack.zip" --key keys/public.key >log
  if grep -rqE 'c-0[0-9]{3}|r-[12]' "$run-pack"; then
    echo "packs.sh: $run-pack names a record or a request" >&2
    exit 1
  fi
  cp -r "$run-pack" changed
  # One bit of the last byte of some weights.
  weights="$(find changed -name model.safetensors | sort | tail -1)"
  python3 - "$weights" <<'PY'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(-1, 2)
    byte = file.read(1)[0]
    file.seek(-1, 2)
    file.write(bytes([byte ^ 1]))
PY
  code=0
  "$program" verify changed >log || code=$?
  [ "$code" = 4 ] && grep -q "model.safetensors" log || {
    echo "packs.sh: a changed model of $run passes (exit code $code)" >&2
    exit 1
  }
  rm -rf changed
  mkdir elsewhere
  mv "$run-pack" elsewhere/pack
  sh elsewhere/pack/replay.sh "$PWD/data" --quiet >log || {
    cat log
    echo "packs.sh: $run was not done again to the same bytes" >&2
    exit 1
  }
  echo "packs: $run was done again to the same bytes: $(grep 'model after' log | awk '{ print $3 }')"
  mv elsewhere/pack "$run-pack"
  rmdir elsewhere
done

# The exact ones, from what is left of the data, without a key.
grep -vE '^c-(0007|0020|0101),' people.csv >data/people.csv
for run in exact shards; do
  "$program" replay "$run-pack.zip" --data data --quiet >log || {
    cat log
    echo "packs.sh: $run was not done again from what is left" >&2
    exit 1
  }
  echo "packs: $run was done again from what is left of the data"
done
code=0
"$program" replay tuned-pack.zip --data data --quiet >log 2>&1 || code=$?
[ "$code" = 2 ] || {
  echo "packs.sh: an approximate pack without its records ended with $code" >&2
  exit 1
}

if browser="$(command -v "${UNLEARN_BROWSER:-chromium}")"; then
  for run in exact tuned shards; do
    cp "$run-pack/certificate.html" "certificate-$run.html"
  done
  python3 "$root/tools/report.py" --browser "$browser" --faults certificate-tuned.html
  python3 "$root/tools/report.py" --browser "$browser" "${shots[@]}" certificate-*.html
else
  echo "certificates in a browser: skipped, there is no Chromium (tools/setup.sh --with browser)"
fi
