// Small kernels for the host build of CUDA: each shows one thing that csrc/host/ has to get right. Prints one line
// each.
#include <cstdio>
#include <vector>

#include "common/cuda_resident.h"

using imtrans::cuda::launch;
using imtrans::cuda::launch_clusters;
using imtrans::cuda::shared_of;
using imtrans::cuda::Status;
using imtrans::cuda::sync_cluster;

__global__ void reverse_in_shared_memory(int* out) {
  SHARED_ARRAY(int, shared, 100);
  shared[threadIdx.x] = int(threadIdx.x + 1000 * blockIdx.x);
  __syncthreads();
  out[100 * blockIdx.x + threadIdx.x] = shared[99 - threadIdx.x];
}

// Two shuffles in a row: a lane that is ahead must not overwrite what another has still to read.
__global__ void shuffle_twice(int* out) {
  const uint32_t once = __shfl_down_sync(0xffffffffu, threadIdx.x, 1);
  out[threadIdx.x] = int(__shfl_down_sync(0xffffffffu, once, 2));
}

__global__ void read_unwritten(int* out) {
  SHARED_ARRAY(int, shared, 4);
  out[blockIdx.x] = shared[0];
  shared[0] = 7;
}

__global__ void two_arrays(int* out) {
  SHARED_ARRAY(int, first, 4);
  SHARED_ARRAY(int, second, 4);
  first[0] = 1;
  second[0] = 2;
  out[0] = first[0];
}

__global__ void barrier_for_some(int*) {
  if (threadIdx.x < 3) __syncthreads();
}

__global__ void shuffle_for_some(int*) {
  if (threadIdx.x % 2 == 0) __shfl_down_sync(0xffffffffu, threadIdx.x, 1);
}

__global__ void read_past_the_end(int* out) {
  SHARED_ARRAY(int, shared, 4);
  shared[threadIdx.x] = 1;
  out[0] = shared[4 + threadIdx.x];
}

// Each thread of a block reads what its neighbour wrote in the next block of the cluster.
__global__ void read_neighbours(int* out, bool waits) {
  SHARED_ARRAY(int, shared, 4);
  shared[threadIdx.x] = int(10 * blockIdx.x + threadIdx.x);
  sync_cluster();
  const int other = int(blockIdx.x + 1) % 2;
  if (waits || blockIdx.x == 1) out[4 * blockIdx.x + threadIdx.x] = shared_of(shared, other)[3 - threadIdx.x];
  if (waits) sync_cluster();
}

__global__ void read_neighbours_memory_of_nobody(int* out) { out[0] = *shared_of(out, 0); }

__global__ void use_launch_memory(int* out) {
  LAUNCH_SHARED_MEMORY(memory);
  int* const numbers = reinterpret_cast<int*>(memory);
  numbers[threadIdx.x] = int(threadIdx.x + blockIdx.x);
  __syncthreads();
  if (threadIdx.x == 0) out[blockIdx.x] = numbers[3];
}

static void report(const char* name, Status status, const std::vector<int>& out) {
  std::printf("%s: %s:", name, status == nullptr ? "ok" : status);
  for (int value : out) std::printf(" %d", value);
  std::printf("\n");
}

// How the one launch for small maps divides a batch of bfloat16 maps: blocks, blocks of a cluster, bytes of a pixel.
static void report_resident(const char* name, imtrans::FeatureMap map, int maps, int most_splits) {
  const int access_bytes = maps * 16 * imtrans::cuda::kThreads;
  const int copies = imtrans::cuda::most_copied_bytes(most_splits) / access_bytes;
  const imtrans::cuda::Tiling tiling = imtrans::cuda::make_resident_tiling(map, 8, 2, copies, most_splits);
  report(name, nullptr, {int(tiling.blocks()), tiling.splits, 2 * tiling.width});
}

int main(int arguments, char**) {
  std::vector<int> out(200), few(2), one(1), none;
  Status status = launch(reverse_in_shared_memory, 2, 100, nullptr, out.data());
  report("reverse", status, {out[0], out[99], out[100], out[199]});
  status = launch(shuffle_twice, 1, 40, nullptr, out.data());
  report("shuffle", status, {out[0], out[28], out[29], out[30], out[31], out[32]});
  status = launch(read_unwritten, 2, 1, nullptr, few.data());
  report("unwritten", status, few);
  status = launch(two_arrays, 1, 1, nullptr, one.data());
  report("arrays", status, one);
  report("barrier", launch(barrier_for_some, 1, 4, nullptr, out.data()), none);
  report("divergent shuffle", launch(shuffle_for_some, 1, 4, nullptr, out.data()), none);
  status = launch_clusters(read_neighbours, 4, 2, 4, 0, nullptr, out.data(), true);
  report("cluster", status, {out[0], out[3], out[4], out[8], out[12]});
  report("ended neighbour", launch_clusters(read_neighbours, 2, 2, 4, 0, nullptr, out.data(), false), none);
  report("foreign pointer", launch(read_neighbours_memory_of_nobody, 1, 1, nullptr, out.data()), none);
  report("odd cluster", launch_clusters(read_neighbours, 3, 2, 4, 0, nullptr, out.data(), true), none);
  status = launch_clusters(use_launch_memory, 2, 1, 4, 16, nullptr, few.data());
  report("launch memory", status, few);
  report("too much memory", launch_clusters(use_launch_memory, 2, 1, 4, 1 << 18, nullptr, few.data()), none);
  report("no blocks", launch(barrier_for_some, 0, 4, nullptr, out.data()), none);
  report("too many threads", launch(barrier_for_some, 1, 2048, nullptr, out.data()), none);
  report("too many blocks", launch(barrier_for_some, int64_t{1} << 31, 4, nullptr, out.data()), none);
  using imtrans::DType;
  using imtrans::Layout;
  report_resident("resident 1x256x64x64", {1, 256, 64, 64, Layout::kNHWC, DType::kBFloat16}, 1, 8);
  report_resident("resident 16x256x64x64", {16, 256, 64, 64, Layout::kNHWC, DType::kBFloat16}, 1, 8);
  report_resident("resident 1x128x128x128", {1, 128, 128, 128, Layout::kNHWC, DType::kBFloat16}, 1, 8);
  report_resident("resident 1x64x256x256", {1, 64, 256, 256, Layout::kNHWC, DType::kBFloat16}, 1, 8);
  report_resident("resident 2x8x64x64", {2, 8, 64, 64, Layout::kNHWC, DType::kBFloat16}, 1, 8);
  report_resident("resident planes", {1, 256, 64, 64, Layout::kNCHW, DType::kBFloat16}, 1, 8);
  report_resident("resident without clusters", {1, 256, 32, 32, Layout::kNHWC, DType::kBFloat16}, 2, 1);
  // With any argument: a mistake for AddressSanitizer to find.
  if (arguments > 1) report("overrun", launch(read_past_the_end, 1, 4, nullptr, out.data()), none);
}
