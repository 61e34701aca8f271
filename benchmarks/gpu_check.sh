#!/usr/bin/env bash
# Everything that needs a GPU, in one go: builds the kernels, tests them, looks for memory errors and races, measures.
#
#   benchmarks/gpu_check.sh [python]
#
# Needs an environment with a CUDA build of torch, imtrans with its extras dev and bench, and the CUDA toolkit of torch's
# major version (nvcc, compute-sanitizer). Writes benchmarks/results/gpu-<name of the GPU>.txt, benchmarks/results/*-cuda.json
# and docs/benchmarks.md, and leaves with 1 if a step failed.
set -uo pipefail
cd "$(dirname "$0")/.."
python=${1:-python}

if ! gpu=$("$python" -c 'import torch; print(torch.cuda.get_device_name().replace(" ", "-"))' 2> /dev/null); then
  echo "$python has no torch that sees a CUDA device" >&2
  exit 2
fi
mkdir -p benchmarks/results
report=benchmarks/results/gpu-$gpu.txt
failed=()

# step TITLE COMMAND...: runs a command into the report and remembers whether it failed
step() {
  local title=$1
  shift
  printf '\n== %s\n$ %s\n' "$title" "$*"
  "$@" || failed+=("$title")
}

sanitize() {
  # The tests of large maps take hours under the sanitizer; one shape in every layout and type reaches every kernel.
  compute-sanitizer --tool "$1" --error-exitcode 1 "$python" -m pytest -q -p no:cacheprovider -x \
    tests/ops/test_instance_norm_gpu.py -k "agrees_with_float64 and leaky_relu and (13 or 520)"
}

main() {
  date -u
  git rev-parse HEAD
  nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,memory.total --format=csv
  "$python" -c 'import torch; print("torch", torch.__version__, "CUDA", torch.version.cuda)'
  nvcc --version | tail -n 2

  step "build" "$python" -m imtrans kernels build --cuda
  step "self-check of the operators" "$python" -m imtrans doctor --ops
  step "tests" "$python" -m pytest -q -m gpu tests
  if command -v compute-sanitizer > /dev/null; then
    for tool in memcheck racecheck initcheck synccheck; do
      step "compute-sanitizer $tool" sanitize "$tool"
    done
  else
    echo "compute-sanitizer is not to be found; its steps are left out"
    failed+=("compute-sanitizer")
  fi
  # What the targets of docs/benchmarks.md speak of; every script's own defaults measure more and take longer.
  for script in benchmarks/ops/*.py; do
    step "benchmark $script" "$python" "$script" --device cuda --seconds 0.1 --dtypes bf16 --layouts nhwc \
      --directions "forward,backward,forward+backward,double backward"
  done
  step "benchmark of the generator" "$python" benchmarks/models/generator.py --device cuda --batch 1,16 --seconds 5
  step "report" "$python" benchmarks/report.py

  if ((${#failed[@]})); then
    printf '\nfailed:'
    printf ' %s;' "${failed[@]}"
    printf '\n'
    return 1
  fi
  printf '\neverything passed\n'
}

main 2>&1 | tee "$report"
