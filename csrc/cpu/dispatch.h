// IMTRANS_DISPATCH(kernel, parameters, run) calls kernel<T>(parameters, run) of the namespace that fits the machine
// (cpu/foreach_isa.h), T being the type of the maps.
#pragma once

#include <stdexcept>

#include "common/bfloat16.h"
#include "cpu/capability.h"

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
