// Picks the packed convolution for the machine and for the type of the maps.
#include "cpu/convolution.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "common/bfloat16.h"
#include "cpu/capability.h"
#include "cpu/scratch.h"

#define IMTRANS_KERNELS "cpu/convolution_kernels.h"
#include "cpu/foreach_isa.h"

namespace imtrans::cpu {
namespace {

// Calls function(isa namespace's kernel<T>) as a macro, because a namespace is no template argument.
#if defined(__x86_64__)
#define IMTRANS_DISPATCH(dtype, kernel, ...)                                                               \
  const Capability capability = cpu_capability();                                                          \
  if ((dtype) == DType::kBFloat16 && capability == Capability::kAvx512Bf16) {                              \
    return avx512_bf16::kernel<BFloat16>(__VA_ARGS__);                                                     \
  }                                                                                                        \
  if ((dtype) != DType::kFloat32) throw std::invalid_argument("no packed convolution for this type here"); \
  if (capability >= Capability::kAvx512) return avx512::kernel<float>(__VA_ARGS__);                        \
  if (capability == Capability::kAvx2) return avx2::kernel<float>(__VA_ARGS__);                            \
  return baseline::kernel<float>(__VA_ARGS__);
#else
#define IMTRANS_DISPATCH(dtype, kernel, ...)                                                               \
  if ((dtype) != DType::kFloat32) throw std::invalid_argument("no packed convolution for this type here"); \
  return baseline::kernel<float>(__VA_ARGS__);
#endif

int64_t packed_elements(const ConvolutionLayer& layer) { IMTRANS_DISPATCH(layer.dtype, packed_elements, layer) }

}  // namespace

bool multiplies(DType dtype) {
  return dtype == DType::kFloat32 || (dtype == DType::kBFloat16 && cpu_capability() == Capability::kAvx512Bf16);
}

int64_t packed_bytes(const ConvolutionLayer& layer) {
  return packed_elements(layer) * (layer.dtype == DType::kBFloat16 ? 2 : 4);
}

void pack_convolution(const ConvolutionLayer& layer, const float* weight, void* packed) {
  IMTRANS_DISPATCH(layer.dtype, pack, layer, weight, packed)
}

void launch_convolution(const Convolution& parameters, ParallelFor run) {
  IMTRANS_DISPATCH(parameters.layer.dtype, convolve, parameters, run)
}

}  // namespace imtrans::cpu
