// The part of CUDA's language that the kernels use, for a C++ compiler and no GPU.
//
// A block's threads are fibers of one OS thread; blocks run one after another, those of a cluster by turns. A fiber
// runs until it has to wait at a barrier or a shuffle. Shared memory is a fresh heap allocation for each block, filled
// with 0xff (a NaN in every floating type), so reading what nobody wrote shows in the result and reading past its end
// shows to AddressSanitizer.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

struct Index3 {
  unsigned x, y, z;
};

// Set by the scheduler before it resumes a fiber. Kernels use the x axis only.
extern Index3 threadIdx, blockIdx;

// Every array has a key of its own: the address of a variable that belongs to the line of its declaration.
#define SHARED_ARRAY(Type, name, size) \
  static char name##_key = 0;          \
  Type* const name = static_cast<Type*>(::imtrans::cuda::host::shared_memory(&name##_key, sizeof(Type) * (size)))

#define LAUNCH_SHARED_MEMORY(name) \
  static char name##_key = 0;      \
  char* const name = static_cast<char*>(::imtrans::cuda::host::launch_shared_memory(&name##_key))

namespace imtrans::cuda::host {

constexpr int kMostSharedBytes = 227 * 1024;

// Runs `thread` once for every thread of every block, `cluster` blocks at a time. Returns null, or what was wrong with
// the launch or the kernel: a barrier or a shuffle that some threads never reach, or a look into the shared memory of a
// block that has ended (undefined behaviour on a GPU) is found and told.
const char* run_grid(int64_t blocks, int cluster, int threads, int shared_bytes, const std::function<void()>& thread);

void* launch_shared_memory(const void* key);
void* shared_memory(const void* key, size_t bytes);
// The same place as `own` in the shared memory of block `rank` of the cluster.
void* shared_memory_of(const void* own, int rank);
void sync_threads();
void sync_cluster();
uint32_t shuffle_down(uint32_t value, unsigned offset);

}  // namespace imtrans::cuda::host

inline void __syncthreads() { imtrans::cuda::host::sync_threads(); }

inline uint32_t __shfl_down_sync(uint32_t /*mask*/, uint32_t value, unsigned offset) {
  return imtrans::cuda::host::shuffle_down(value, offset);
}
