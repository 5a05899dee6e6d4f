#!/usr/bin/env bash
# One round on a GPU machine without network or Node: builds, tests, measures, compares. Each stage has its own time limit, log and JSON.
#   tools/gpu/run.sh [--out DIR] [--archive FILE.tar.gz] [--only REGEX] [--emulated] [--small] [STAGE...]
# Stages, in this order and all by default: env build tests check bench ablation peers sanitize ncu table. See README.md beside this file.
set -u
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
cd "$ROOT" || exit 2
OUT=$ROOT/gpu-results ARCHIVE='' ONLY='' EMULATED=0 SMALL=0 STAGES=()
while [ $# -gt 0 ]; do
  case $1 in
    --out) OUT=$2; shift ;;
    --archive) ARCHIVE=$2; shift ;;
    --only) ONLY=$2; shift ;;
    --emulated) EMULATED=1 SMALL=1 ;;
    --small) SMALL=1 ;;
    env|build|tests|check|bench|ablation|peers|sanitize|ncu|table) STAGES+=("$1") ;;
    *) echo "unknown: $1" >&2; sed -n 2,4p "$0" >&2; exit 2 ;;
  esac
  shift
done
[ ${#STAGES[@]} -gt 0 ] || STAGES=(env build tests check bench ablation peers sanitize ncu table)
mkdir -p "$OUT" && OUT=$(cd "$OUT" && pwd) || exit 2
export OUT ONLY ROOT EMULATED

# What tools/gpu/pack.mjs packed. A machine that has Node and a built checkout needs none of it.
unpack() { tar -xJf "$1" -C "$2" 2>/dev/null || python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' "$1" "$2"; }
if ! command -v node >/dev/null; then
  [ -f .gpu/node.tar.xz ] || { echo 'no node, and no .gpu: run node tools/gpu/pack.mjs where there is one' >&2; exit 2; }
  if [ ! -x .gpu/unpacked/node/bin/node ] || [ .gpu/js.tar.xz -nt .gpu/unpacked/done ]; then
    mkdir -p .gpu/unpacked && unpack .gpu/node.tar.xz .gpu/unpacked && unpack .gpu/deps.tar.xz . && unpack .gpu/js.tar.xz . || exit 2
    touch .gpu/unpacked/done
  fi
  export PATH=$ROOT/.gpu/unpacked/node/bin:$PATH
  node -e 0 2>/dev/null || export LD_LIBRARY_PATH=$ROOT/.gpu/unpacked/node/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
node -e 0 || exit 2
export PATH=$PATH:/usr/local/cuda/bin

DEVICE=/gpu:0
SMALL_FLAG=''; [ $SMALL = 0 ] || SMALL_FLAG=--small
export GRAFO_CUDA_LIBRARY=$ROOT/build/Release/grafo_cuda.so
[ $EMULATED = 0 ] || export GRAFO_CUDA_LIBRARY=$ROOT/build/Release/grafo_cuda_emulated.so
# cuBLASLt and NVRTC lie where pip put them, where the loader does not look.
if [ $EMULATED = 0 ] && [ -z "${GRAFO_CUDA_LIBRARIES:-}" ]; then
  GRAFO_CUDA_LIBRARIES=$(node tools/gpu/report.mjs libraries)
  if [ -n "$GRAFO_CUDA_LIBRARIES" ]; then export GRAFO_CUDA_LIBRARIES; else unset GRAFO_CUDA_LIBRARIES; fi
fi
CASES=60; [ $EMULATED = 0 ] || CASES=5
export DEVICE SMALL_FLAG CASES
have() { command -v "$1" >/dev/null; }
# Without the backend a stage would tell of nothing but that, many times.
built() { [ -f "$GRAFO_CUDA_LIBRARY" ] || { echo "skipped: $GRAFO_CUDA_LIBRARY is not built"; return 1; }; }

do_env() { nvidia-smi 2>&1 || echo 'skipped: no nvidia-smi'; node tools/gpu/report.mjs env "$OUT/env.json"; }

do_build() {
  local level=v3 generator='Unix Makefiles' targets=(grafo)
  grep -q avx512vl /proc/cpuinfo 2>/dev/null && level=v4
  have ninja && generator=Ninja
  local cuda=ON
  if ! have nvcc; then
    [ $EMULATED = 1 ] || { echo 'no nvcc on this machine'; return 1; }
    cuda=AUTO; echo 'skipped: no nvcc, the CUDA backend is not built'
  fi
  [ -f build/CMakeCache.txt ] && generator=$(sed -n 's/^CMAKE_GENERATOR:INTERNAL=//p' build/CMakeCache.txt)
  local jobs; jobs=$(nproc)
  cmake -S . -B build -G "$generator" -DCMAKE_BUILD_TYPE=Release -DGRAFO_LEVELS=$level -DGRAFO_CUDA=$cuda \
    -DGRAFO_CUDA_ARCHITECTURES="${GRAFO_CUDA_ARCHITECTURES:-90}" || return 1
  # Objects of a finished build would tell nothing of their kernels; a build that was late goes on.
  [ ! -f build/Release/grafo_cuda.so ] || rm -rf build/cuda build/Release/grafo_cuda.so
  [ $EMULATED = 1 ] && targets+=(grafo_cuda_emulated)
  NVCC_APPEND_FLAGS=-Xptxas=-v cmake --build build -j"$jobs" || return 1
  [ $EMULATED = 0 ] || cmake --build build -j"$jobs" --target grafo_cuda_emulated || return 1
  node -e "import('./dist/index.js').then((tf) => console.log(tf.doctorText(tf.doctor())))"
}
after_build() { node tools/gpu/report.mjs build "$OUT/build.log" "$OUT/build.json"; }

do_tests() { built && node tools/gpu/tests.mjs --device $DEVICE --cases $CASES --out "$OUT/tests.json" ${TESTS:+--match "$TESTS"}; }
do_check() { built && node tools/gpu/check.mjs --device $DEVICE --out "$OUT/check.json"; }
do_bench() { built && node tools/gpu/bench.mjs --device $DEVICE --budget $((LIMIT_bench - 3)) --only "$ONLY" $SMALL_FLAG --out "$OUT/grafo.json"; }

# The same tapes with kernels of their own and interpreted.
do_ablation() {
  built && node tools/gpu/bench.mjs --device $DEVICE --nvrtc always,off --budget $((LIMIT_ablation - 3)) --only "${ONLY:-^(chain|sigchain|logreg|mlp_784)}" $SMALL_FLAG --out "$OUT/ablation.json"
}

do_peers() {
  local python=${GRAFO_PEERS_PYTHON:-python3} device=cuda framework seconds; [ $EMULATED = 0 ] || device=cpu
  # Each in its own process and file: one that fails or is late takes no figure of the other along.
  for framework in torch jax; do
    seconds=$((LIMIT_peers * 2 / 3 - 2)); [ $framework = torch ] || seconds=$((LIMIT_peers / 3 - 2))
    if "$python" -c "import $framework" 2>/dev/null; then
      timeout -k 5 $seconds "$python" tools/gpu/peers.py --device $device --frameworks $framework $SMALL_FLAG --budget $((seconds - 5)) --only "${ONLY:-.}" --out "$OUT/peers-$framework.json"
    else
      echo "skipped: no $framework in $python"
    fi
  done
}

do_sanitize() {
  [ $EMULATED = 0 ] || { echo 'skipped: no GPU'; return 0; }
  built || return 1
  have compute-sanitizer || { echo 'skipped: no compute-sanitizer'; return 0; }
  local tool bad=0
  for tool in memcheck racecheck synccheck initcheck; do
    echo "--- $tool"
    timeout -k 5 $((LIMIT_sanitize / 4)) compute-sanitizer --tool $tool --target-processes all --error-exitcode 9 \
      --log-file "$OUT/sanitize-$tool.txt" "$(command -v node)" tools/gpu/check.mjs --device $DEVICE --smoke | tail -4
    local rc=${PIPESTATUS[0]}
    tail -2 "$OUT/sanitize-$tool.txt"
    echo "$tool: exit code $rc"
    [ "$rc" = 0 ] || bad=1
  done
  return $bad
}

do_ncu() {
  [ $EMULATED = 0 ] || { echo 'skipped: no GPU'; return 0; }
  built || return 1
  have ncu || { echo 'skipped: no ncu'; return 0; }
  local id
  for id in chain_1e8 softmax_65536x1024 colsum_65536x4096 mlp_784_512_256_10_b8192_fp32 logreg_10m; do
    # A workload draws its data, runs eagerly, then from a graph: the last kernels are the ones to see.
    timeout -k 5 $((LIMIT_ncu / 5)) ncu --clock-control none --graph-profiling node --launch-skip 4 --launch-count 24 --csv \
      --metrics gpu__time_duration.sum,dram__throughput.avg.pct_of_peak_sustained_elapsed,sm__throughput.avg.pct_of_peak_sustained_elapsed,launch__registers_per_thread \
      --log-file "$OUT/ncu-$id.csv" "$(command -v node)" tools/gpu/bench.mjs --device $DEVICE --one "$id" | tail -2
    echo "$id: exit code ${PIPESTATUS[0]}"
  done
  # Some drivers refuse the counters: then there is nothing but what the files say.
  return 0
}

do_table() { node tools/gpu/table.mjs "$OUT"; }

# Seconds of each stage; together 540 where all are run. LIMIT_bench=200 and so on give another.
: "${LIMIT_env:=10}" "${LIMIT_build:=150}" "${LIMIT_tests:=90}" "${LIMIT_check:=15}" "${LIMIT_bench:=80}" "${LIMIT_ablation:=40}" "${LIMIT_peers:=90}"
: "${LIMIT_sanitize:=40}" "${LIMIT_ncu:=20}" "${LIMIT_table:=5}"
export LIMIT_bench LIMIT_ablation LIMIT_peers LIMIT_sanitize LIMIT_ncu
export -f have built do_env do_build do_tests do_check do_bench do_ablation do_peers do_sanitize do_ncu do_table

BAD=0
SAID=()
for stage in "${STAGES[@]}"; do
  limit=LIMIT_$stage; limit=${!limit}
  echo "=== $stage (at most $limit s)"
  begun=$(date +%s)
  timeout -k 5 "$limit" bash -c "do_$stage" > "$OUT/$stage.log" 2>&1
  rc=$?
  seconds=$(($(date +%s) - begun))
  [ $stage = build ] && after_build >> "$OUT/build.log"
  verdict=ok; [ $rc = 0 ] || verdict="FAILED with $rc"; [ $rc = 124 ] || [ $rc = 137 ] && verdict='LATE: what was done before its limit is kept'
  [ "$verdict" = ok ] || BAD=1
  tail -n "$([ $stage = table ] || [ $stage = bench ] || [ $stage = ablation ] || [ $stage = peers ] && echo 60 || echo 25)" "$OUT/$stage.log" | cut -c1-220
  grep -h '^skipped' "$OUT/$stage.log" | sort -u | sed "s/^/    /" | head -20
  echo "=== $stage: $verdict ($seconds s)"
  SAID+=("{\"stage\":\"$stage\",\"rc\":$rc,\"seconds\":$seconds}")
  (IFS=,; echo "[${SAID[*]}]") > "$OUT/stages.json"
  [ -z "$ARCHIVE" ] || tar -C "$OUT" -czf "$ARCHIVE" .
done
exit $BAD
