#!/usr/bin/env bash
# Everything that needs a GPU, in one go and in under ten minutes: builds the kernels, tests them, looks for memory errors
# and races, measures operators and the generator.
#
#   benchmarks/gpu_check.sh [python]
#
# Needs an environment with a CUDA build of torch, imtrans with its extras dev and bench, and the CUDA toolkit of torch's major
# version (nvcc, compute-sanitizer). Writes gpu-<name of the GPU>.txt to benchmarks/results (or to $RESULTS), and there the
# JSON file of every benchmark. Each step has a time limit, so that one that hangs does not cost the others. Leaves with 1 if a step
# failed, with 2 if there is no GPU.
set -uo pipefail
cd "$(dirname "$0")/.."
python=${1:-python}
export PYTHONUNBUFFERED=1 PYTHONPATH="$PWD:$PWD/plugins${PYTHONPATH:+:$PYTHONPATH}"

if ! gpu=$("$python" -c 'import torch; print(torch.cuda.get_device_name().replace(" ", "-"))' 2> /dev/null); then
  echo "$python has no torch that sees a CUDA device" >&2
  exit 2
fi
results=${RESULTS:-benchmarks/results}
report=$results/gpu-$gpu.txt
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
mkdir -p "$results"
failed=()

# step SECONDS TITLE COMMAND...: runs a command for at most so long, and remembers whether it failed
step() {
  local limit=$1 title=$2 begin=$SECONDS status=0
  shift 2
  printf '\n== %s\n$ %s\n' "$title" "$*"
  timeout --kill-after=5 "$limit" "$@" || status=$?
  outcome "$title" "$status" "$limit" $((SECONDS - begin))
}

outcome() {
  local title=$1 status=$2 limit=$3 took=$4
  case $status in
    0) printf -- '-- %s: passed in %s s\n' "$title" "$took" ;;
    124 | 137) printf -- '-- %s: stopped at its limit of %s s\n' "$title" "$limit" && failed+=("$title (time)") ;;
    *) printf -- '-- %s: failed with %s after %s s\n' "$title" "$status" "$took" && failed+=("$title") ;;
  esac
}

# Steps that do not disturb one another run side by side: start LOG SECONDS TITLE COMMAND..., then collect.
names=()
start() {
  local log=$1 limit=$2 title=$3
  shift 3
  names+=("$log")
  (
    begin=$SECONDS status=0
    printf '\n== %s\n$ %s\n' "$title" "$*" > "$logs/$log"
    timeout --kill-after=5 "$limit" "$@" >> "$logs/$log" 2>&1 || status=$?
    printf '%s\n' "$title" "$status" "$limit" $((SECONDS - begin)) > "$logs/$log.outcome"
  ) &
  pids+=($!)
}

pids=()
collect() {
  wait "${pids[@]}"
  for log in "${names[@]}"; do
    tail -n 60 "$logs/$log"
    mapfile -t what < "$logs/$log.outcome"
    outcome "${what[@]}"
  done
}

# sanitize TOOL COMMAND-PREFIX...: one test of each operator reaches every kernel; those of large maps would take hours.
sanitize() {
  local tool=$1
  shift
  start "$tool" 150 "compute-sanitizer $tool" "$@" "$python" -m pytest -q -p no:cacheprovider -x tests/ops -m gpu \
    -k "every_kernel_once or (reflect and agrees_with_float64 and 13)"
}

start_sanitizers() {
  if ! command -v compute-sanitizer > /dev/null; then
    echo "compute-sanitizer is not to be found; its steps are left out"
    failed+=("compute-sanitizer")
    return
  fi
  # Only kernels of imtrans are watched where the tool can choose; initcheck has to see who wrote their inputs, too.
  local ours=()
  if compute-sanitizer --help 2>&1 | grep -q -- --kernel-regex; then ours=(--kernel-regex kns=imtrans); fi
  # Without torch's cache an access beyond a tensor is one beyond an allocation.
  local uncached=(env PYTORCH_NO_CUDA_MEMORY_CACHING=1) check=(compute-sanitizer --error-exitcode 1 --tool)
  sanitize memcheck "${uncached[@]}" "${check[@]}" memcheck "${ours[@]}"
  sanitize initcheck "${uncached[@]}" "${check[@]}" initcheck
  sanitize racecheck "${check[@]}" racecheck "${ours[@]}"
  sanitize synccheck "${check[@]}" synccheck "${ours[@]}"
}

# benchmark SECONDS SCRIPT OPTIONS...: left out, and said so, where there is no such script
benchmark() {
  local limit=$1 script=benchmarks/$2
  shift 2
  if [[ ! -f $script ]]; then
    printf '\n== %s: there is none\n' "$script"
    failed+=("$script")
    return
  fi
  local name=${script##*/}
  step "$limit" "$script" "$python" "$script" --device cuda --output "$results/${name%.py}-cuda.json" "$@"
}

main() {
  date -u
  git rev-parse HEAD
  nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,memory.total --format=csv
  "$python" -c 'import torch; print("torch", torch.__version__, "CUDA", torch.version.cuda)'
  nvcc --version | tail -n 2

  step 150 "build" "$python" -m imtrans kernels build --cuda
  start doctor 60 "self-check of the operators" "$python" -m imtrans doctor --ops
  start tests 160 "tests" "$python" -m pytest -q -p no:cacheprovider -m gpu tests/ops
  start_sanitizers
  collect

  # Alone on the GPU. The smallest and the largest maps of a CycleGAN, in the type and the layout that it is trained in.
  local maps=1x256x64x64,16x256x64x64,16x64x256x256
  # A file of results is written after each case, so a benchmark that meets its limit keeps what it has.
  local common=(--seconds 0.1 --dtypes bf16 --layouts nhwc --shapes "$maps")
  benchmark 50 ops/instance_norm.py "${common[@]}" --variants relu+pad
  benchmark 50 ops/adalin.py "${common[@]}" --variants relu
  benchmark 50 ops/adain.py "${common[@]}" --variants style
  benchmark 30 ops/reflect_conv2d.py "${common[@]}"
  # And of a StyleGAN2, whose layers have up to 512 channels.
  local style=(--seconds 0.1 --dtypes bf16 --layouts nhwc --shapes 8x512x32x32,8x128x256x256 --no-compile)
  benchmark 20 ops/bias_act.py "${style[@]}" --variants layer
  benchmark 20 ops/upfirdn2d.py "${style[@]}"
  benchmark 30 ops/modulated_conv2d.py "${style[@]}"
  benchmark 80 models/generator.py --seconds 5 --batch 1,16 \
    --only "eager bf16,torch.compile bf16 channels-last,imtrans layers bf16"
  if [[ $results -ef benchmarks/results ]]; then
    step 30 "docs/benchmarks.md" "$python" benchmarks/report.py
  fi

  if ((${#failed[@]})); then
    printf '\nfailed:'
    printf ' %s;' "${failed[@]}"
    printf '\n'
    return 1
  fi
  printf '\neverything passed\n'
}

main 2>&1 | tee "$report"
