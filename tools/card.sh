#!/usr/bin/env bash
# Everything that is measured on a machine with a card, in eight minutes at most, the most important first.
#
#   tools/card.sh [--quick] [--out DIR] [--parts A,B,…] [--minutes N] [--limit SECONDS]
#
# Writes benches/results/DATE-ADAPTER/ (or DIR): for each part its JSON, Markdown and log, and README.md, a page made of
# them anew as each part ends, so that one that fails, hangs or is stopped loses no other. --quick runs the same parts
# small, on whatever adapter there is, a software one too; --limit stops any part after so long. UNLEARN names the
# program (else a release build is made); PYTHON the interpreter whose torch, if it has one, times the peers. Exit code
# 0 where every part ended well, else 1.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
quick="" out="" only="" minutes=8 most=3600
while [ $# -gt 0 ]; do
  case "$1" in
    --quick) quick=1 ;;
    --out) out="${2:?--out needs a folder}"; shift ;;
    --parts) only="${2:?--parts needs names}"; shift ;;
    --limit) most="${2:?--limit needs seconds}"; shift ;;
    --minutes) minutes="${2:?--minutes needs a number}"; shift ;;
    -h | --help) sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) echo "error: card.sh: $1 is unknown; it takes --quick, --out, --parts, --minutes and --limit" >&2; exit 2 ;;
  esac
  shift
done
for number in "$minutes" "$most"; do
  case "$number" in '' | *[!0-9]*) echo "error: card.sh: $number is no whole number" >&2; exit 2 ;; esac
done

python="${PYTHON:-python3}"
if [ -z "${UNLEARN:-}" ]; then
  commit=$(git rev-parse --short HEAD 2> /dev/null || true)
  UNLEARN_COMMIT="$commit" cargo build --release --locked --quiet || exit 1
  UNLEARN="${CARGO_TARGET_DIR:-target}/release/unlearn"
fi

# The adapter's name as a word for a folder.
adapter=$("$UNLEARN" adapters --json 2> /dev/null | sed -n 's/^ *"name": "\(.*\)",$/\1/p' | head -n 1)
word=$(printf '%s' "${adapter:-none}" | tr '[:upper:]' '[:lower:]')
word=$(printf '%s' "$word" | sed 's/(.*//; s/[^a-z0-9]\{1,\}/-/g; s/^-//; s/-$//')
out="${out:-benches/results/$(date -u +%Y-%m-%d)-$word}"
mkdir -p "$out" || exit 1
: > "$out/parts.tsv"

began=$SECONDS
failed=0

# The page, of what there is by now.
page() {
  {
    echo "# ${adapter:-No adapter}"
    echo
    echo "Written by \`tools/card.sh${quick:+ --quick}\` on $(date -u '+%Y-%m-%d %H:%M UTC');" \
      "$("$UNLEARN" --version 2> /dev/null)," \
      "commit $(git rev-parse --short HEAD 2> /dev/null || echo unknown); $(uname -srm)."
    echo "What each number means: [performance](../../../docs/performance.md); \`unlearn bench --describe\`."
    echo
    echo "| part | ended | seconds |"
    echo "| --- | --- | --- |"
    while IFS=$'\t' read -r name ended took; do echo "| $name | $ended | $took |"; done < "$out/parts.tsv"
    while IFS=$'\t' read -r name _ _; do
      [ -s "$out/$name.md" ] || continue
      printf '\n## %s\n\n' "$name"
      [ -s "$out/$name.svg" ] && printf '![roofline](%s.svg)\n\n' "$name"
      sed 's/^#\{1,\} /##&/' "$out/$name.md"
    done < "$out/parts.tsv"
  } > "$out/README.md.partial" && mv "$out/README.md.partial" "$out/README.md"
}

# part NAME SECONDS COMMAND…: runs one within its seconds and what is left of all; notes how it ended.
part() {
  local name="$1" limit="$2" start=$SECONDS code left
  shift 2
  if [ -n "$only" ]; then case ",$only," in *",$name,"*) ;; *) return ;; esac; fi
  left=$((60 * minutes - (SECONDS - began)))
  [ "$limit" -gt "$most" ] && limit=$most
  [ "$limit" -gt "$left" ] && limit=$left
  if [ "$limit" -le 1 ]; then
    printf '%s\tno time left\t0\n' "$name" >> "$out/parts.tsv"
    failed=1
    page
    return
  fi
  timeout -k 5 "$limit" "$@" > "$out/$name.log" 2>&1
  code=$?
  case "$code" in
    0) ended=well ;;
    124 | 137) ended="stopped after $limit s" ;;
    *) ended="exit code $code: $(grep -m 1 '^error' "$out/$name.log" | tr '\t' ' ')" ;;
  esac
  if grep -q 'validation layers are not installed' "$out/$name.log"; then
    code=0 ended="not there: the Vulkan validation layers are not installed"
    rm -f "$out/$name.md"
  fi
  [ "$code" -eq 0 ] || failed=1
  printf '%s\t%s\t%s\n' "$name" "$ended" "$((SECONDS - start))" >> "$out/parts.tsv"
  echo "$name: $ended ($((SECONDS - start)) s)"
  page
}

# A part of `unlearn bench`, with its files.
bench() {
  local name="$1" limit="$2"
  shift 2
  part "$name" "$limit" "$UNLEARN" bench "$@" --force --write "$out/$name.json" --write "$out/$name.md"
}

kernels() {
  local name="$1" limit="$2"
  shift 2
  bench "$name" "$limit" kernels "$@" --min-time "$time" --write "$out/$name.csv" --write "$out/$name.svg"
}

doctor() {
  "$UNLEARN" doctor > "$out/doctor.txt" 2> "$out/doctor.err"
  local code=$?
  cat "$out/doctor.txt" "$out/doctor.err"
  { echo '```text'; cat "$out/doctor.txt"; echo '```'; } > "$out/doctor.md"
  rm -f "$out/doctor.txt" "$out/doctor.err"
  return $code
}

# check NAME SECONDS MORE…: conformance.
check() {
  local name="$1" limit="$2"
  shift 2
  part "$name" "$limit" "$UNLEARN" check --force --md "$out/$name.md" --json "$out/$name.json" "$@"
}

export -f doctor
export UNLEARN out
if [ -n "$quick" ]; then
  time=0
  part doctor 30 bash -c doctor
  check conformance 40 --shapes edge -k '^peak\.|^linear\.matmul n. 13x17x1$'
  check validation 40 --shapes edge -k '^peak.copy 3$' --validation
  bench peaks 30 peaks --min-time 0
  kernels products 40 --op matmul_nn --shape 64,96 --variant chosen,plain
  kernels lenet5 40 --preset lenet5 --batch 2 --variant chosen
  kernels fisher 40 --preset fisher --batch 2 --variant chosen
  bench train 40 train --records 64 --rounds 1
  bench statistics 40 fisher --records 64 --rounds 1
  bench unlearn 40 unlearn --records 64 --rounds 1
  bench graph 40 graph --rounds 1
  bench growth-batch 40 train --growth --most 4 --rounds 1
  peers=(--quick --parts matmul,train)
else
  time=0.05
  part doctor 30 bash -c doctor
  check conformance 110 --shapes edge
  bench peaks 20 peaks
  kernels products 40 --op matmul_nn,matmul_nt,matmul_tn --shape 512-4096*2 --variant chosen,tiled
  kernels lenet5 25 --preset lenet5
  kernels resnet18 50 --preset resnet18
  bench train 30 train
  bench statistics 30 fisher
  bench graph 15 graph
  kernels gcn-cora 15 --preset gcn-cora
  kernels arxiv 30 --preset arxiv
  bench unlearn 20 unlearn
  kernels gpt2-small 30 --preset gpt2-small
  kernels fisher 15 --preset fisher
  check validation 40 --shapes edge -k '^(linear|conv|graph|peak)\.' --validation
  bench growth-batch 20 train --growth --rounds 3
  bench growth-nodes 40 graph --growth --rounds 3
  bench growth-parameters 20 fisher --growth --rounds 3
  peers=()
fi
if "$python" -c 'import torch' 2> /dev/null; then
  part peers 60 "$python" benches/peers/torch_peer.py --json "$out/peers.json" "${peers[@]}"
  [ -s "$out/peers.log" ] && { echo '```text'; cat "$out/peers.log"; echo '```'; } > "$out/peers.md"
else
  printf 'peers\tnot there: %s has no torch\t0\n' "$python" >> "$out/parts.tsv"
fi
page
echo "$out/README.md"
exit "$failed"
