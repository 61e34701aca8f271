// How a kernel is launched and how it asks for shared memory, by nvcc on a GPU or by a C++ compiler on the host.
//
// The host build (csrc/host/) runs the very same kernel source without a GPU, so that tests reach its index arithmetic.
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#include <cuda_runtime.h>

#define SHARED_ARRAY(Type, name, size) __shared__ Type name[size]
#else
#include "host/cuda_on_host.h"
#endif

namespace imtrans::cuda {

// What a launch returns: null, or what went wrong as one English phrase (a string with static storage).
using Status = const char*;

#ifdef __CUDACC__
template <typename... Parameters, typename... Arguments>
Status launch(void (*kernel)(Parameters...), int64_t blocks, int threads, void* stream, const Arguments&... arguments) {
  if (blocks == 0) return nullptr;
  if (blocks > INT32_MAX) return "the tensor needs more thread blocks than one launch can have";
  kernel<<<static_cast<unsigned>(blocks), threads, 0, static_cast<cudaStream_t>(stream)>>>(arguments...);
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}
#else
template <typename... Parameters, typename... Arguments>
Status launch(void (*kernel)(Parameters...), int64_t blocks, int threads, void*, const Arguments&... arguments) {
  return host::run_grid(blocks, threads, [&] { kernel(arguments...); });
}
#endif

}  // namespace imtrans::cuda
