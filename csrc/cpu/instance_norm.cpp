// Picks the instance norm kernel for the machine and for the type of the maps.
#include "cpu/instance_norm.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "common/bfloat16.h"
#include "cpu/capability.h"

#define IMTRANS_KERNELS "cpu/instance_norm_kernels.h"
#include "cpu/foreach_isa.h"

namespace imtrans::cpu {
namespace {

// Calls kernel<T> of the namespace that fits the machine, T being the type of the maps.
#define IMTRANS_CALL(isa, kernel, parameters, run)              \
  switch ((parameters).map.dtype) {                             \
    case DType::kFloat32:                                       \
      return isa::kernel<float>(parameters, run);               \
    case DType::kFloat64:                                       \
      return isa::kernel<double>(parameters, run);              \
    case DType::kBFloat16:                                      \
      return isa::kernel<BFloat16>(parameters, run);            \
    default:                                                    \
      throw std::invalid_argument("no CPU kernel for float16"); \
  }

#if defined(__x86_64__)
#define IMTRANS_DISPATCH(kernel, parameters, run)        \
  switch (cpu_capability()) {                            \
    case Capability::kAvx512Bf16:                        \
      IMTRANS_CALL(avx512_bf16, kernel, parameters, run) \
    case Capability::kAvx512:                            \
      IMTRANS_CALL(avx512, kernel, parameters, run)      \
    case Capability::kAvx2:                              \
      IMTRANS_CALL(avx2, kernel, parameters, run)        \
    default:                                             \
      IMTRANS_CALL(baseline, kernel, parameters, run)    \
  }
#else
#define IMTRANS_DISPATCH(kernel, parameters, run) IMTRANS_CALL(baseline, kernel, parameters, run)
#endif

}  // namespace

void launch_instance_norm(const InstanceNormForward& parameters, ParallelFor run) {
  IMTRANS_DISPATCH(forward, parameters, run)
}

void launch_instance_norm_backward(const InstanceNormBackward& parameters, ParallelFor run) {
  IMTRANS_DISPATCH(backward, parameters, run)
}

void launch_instance_norm_backward_backward(const InstanceNormBackwardBackward& parameters, ParallelFor run) {
  IMTRANS_DISPATCH(backward_backward, parameters, run)
}

}  // namespace imtrans::cpu
