#include "cpu/affine.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "common/bfloat16.h"
#include "cpu/capability.h"

#define IMTRANS_KERNELS "cpu/affine_kernels.h"
#include "cpu/foreach_isa.h"

namespace imtrans::cpu {
namespace {

#define IMTRANS_CALL(isa)                                                                      \
  if (parameters.map.dtype == DType::kBFloat16) return isa::affine<BFloat16>(parameters, run); \
  return isa::affine<float>(parameters, run);

}  // namespace

void launch_affine(const Affine& parameters, ParallelFor run) {
  if (parameters.map.dtype != DType::kFloat32 && parameters.map.dtype != DType::kBFloat16) {
    throw std::invalid_argument("affine maps are float32 or bfloat16");
  }
#if defined(__x86_64__)
  switch (cpu_capability()) {
    case Capability::kAvx512Bf16:
      IMTRANS_CALL(avx512_bf16)
    case Capability::kAvx512:
      IMTRANS_CALL(avx512)
    case Capability::kAvx2:
      IMTRANS_CALL(avx2)
    default:
      break;
  }
#endif
  IMTRANS_CALL(baseline)
}

}  // namespace imtrans::cpu
