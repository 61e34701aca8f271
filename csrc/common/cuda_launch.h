// How a kernel is launched and how it asks for shared memory, by nvcc on a GPU or by a C++ compiler on the host.
//
// The host build (csrc/host/) runs the very same kernel source without a GPU, so that tests reach its index arithmetic.
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#include <cuda_pipeline_primitives.h>
#include <cuda_runtime.h>

#define SHARED_ARRAY(Type, name, size) __shared__ Type name[size]
// The shared memory whose size the launch gives, aligned to 16 bytes.
#define LAUNCH_SHARED_MEMORY(name) extern __shared__ __align__(16) char name[]
#else
#include <cstring>

#include "host/cuda_on_host.h"
#endif

namespace imtrans::cuda {

// What a launch returns: null, or what went wrong as one English phrase (a string with static storage).
using Status = const char*;

// Blocks that may form a cluster on every GPU that has clusters (compute capability 9.0 and later).
constexpr int kClusterBlocks = 8;

#ifdef __CUDACC__
// Launches clusters of `cluster` neighbouring blocks: they run at the same time, and each can read the shared memory of
// the others. Each block has `shared_bytes` of LAUNCH_SHARED_MEMORY.
template <typename... Parameters, typename... Arguments>
Status launch_clusters(void (*kernel)(Parameters...), int64_t blocks, int cluster, int threads, int shared_bytes,
                       void* stream, const Arguments&... arguments) {
  if (blocks == 0) return nullptr;
  if (blocks > INT32_MAX) return "the tensor needs more thread blocks than one launch can have";
  if (shared_bytes > 0) {  // more than 48 KiB have to be asked for
    const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
    if (error != cudaSuccess) return cudaGetErrorString(error);
  }
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim = {static_cast<unsigned>(cluster), 1, 1};
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(blocks));
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = shared_bytes;
  config.stream = static_cast<cudaStream_t>(stream);
  config.attrs = &attribute;
  config.numAttrs = cluster > 1 ? 1 : 0;
  const cudaError_t error = cudaLaunchKernelEx(&config, kernel, arguments...);
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

// An attribute of the current device; 0 where it is not known.
inline int attribute_of_device(cudaDeviceAttr attribute) {
  int device = 0, value = 0;
  const bool known =
      cudaGetDevice(&device) == cudaSuccess && cudaDeviceGetAttribute(&value, attribute, device) == cudaSuccess;
  return known ? value : 0;
}

// Blocks that a cluster of `kernel` may have on the current device: 1 where there are no clusters, or where the kernel
// was compiled for GPUs without them. Kernels of one type are compiled alike, so one of them tells for all.
template <typename... Parameters>
int most_cluster_blocks(void (*kernel)(Parameters...)) {
  static const bool compiled = [kernel] {
    cudaFuncAttributes attributes{};
    return cudaFuncGetAttributes(&attributes, kernel) == cudaSuccess && attributes.ptxVersion >= 90;
  }();
  return compiled && attribute_of_device(cudaDevAttrComputeCapabilityMajor) >= 9 ? kClusterBlocks : 1;
}

// Bytes of shared memory that a block may have on the current device.
inline int most_shared_bytes() { return attribute_of_device(cudaDevAttrMaxSharedMemoryPerBlockOptin); }

// Copies 16 bytes to shared memory without passing through registers; they are there after await_copies() of the same
// thread.
__device__ inline void copy_to_shared(void* to, const void* from) { __pipeline_memcpy_async(to, from, 16); }

__device__ inline void await_copies() {
  __pipeline_commit();
  __pipeline_wait_prior(0);
}

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
// Waits for every thread of the cluster; what they wrote to shared memory is then visible to all of them.
__device__ inline void sync_cluster() {
  __cluster_barrier_arrive();
  __cluster_barrier_wait();
}

// The same place as `own` in the shared memory of block `rank` of the cluster.
template <typename T>
__device__ const T* shared_of(const T* own, int rank) {
  return static_cast<const T*>(__cluster_map_shared_rank(own, rank));
}
#else
// A cluster of one block.
__device__ inline void sync_cluster() { __syncthreads(); }

template <typename T>
__device__ const T* shared_of(const T* own, int) {
  return own;
}
#endif
#else
template <typename... Parameters, typename... Arguments>
Status launch_clusters(void (*kernel)(Parameters...), int64_t blocks, int cluster, int threads, int shared_bytes, void*,
                       const Arguments&... arguments) {
  return host::run_grid(blocks, cluster, threads, shared_bytes, [&] { kernel(arguments...); });
}

template <typename... Parameters>
int most_cluster_blocks(void (*)(Parameters...)) {
  return kClusterBlocks;
}

inline int most_shared_bytes() { return host::kMostSharedBytes; }

inline void copy_to_shared(void* to, const void* from) { std::memcpy(to, from, 16); }
inline void await_copies() {}

inline void sync_cluster() { host::sync_cluster(); }

template <typename T>
const T* shared_of(const T* own, int rank) {
  return static_cast<const T*>(host::shared_memory_of(own, rank));
}
#endif

// Launches `blocks` independent blocks.
template <typename... Parameters, typename... Arguments>
Status launch(void (*kernel)(Parameters...), int64_t blocks, int threads, void* stream, const Arguments&... arguments) {
  return launch_clusters(kernel, blocks, 1, threads, 0, stream, arguments...);
}

}  // namespace imtrans::cuda
