// Sums over pixels: what is summed, and how the parts that threads and blocks hold are merged.
//
// Every merge follows a fixed order, without atomic additions, so a kernel gives the same bits in every run.
#pragma once

#include <cstring>

#include "common/cuda_types.h"

namespace imtrans::cuda {

constexpr int kThreads = 256;
constexpr int kWarp = 32;
constexpr int kWarps = kThreads / kWarp;

// Number, mean and sum of squared deviations of some values. Merging by Chan, Golub and LeVeque, "Updating formulae and
// a pairwise algorithm for computing sample variances", 1979: unlike E[x^2] - E[x]^2 it cancels nothing when the mean
// is large, whichever pixel is the odd one out. All zero is the moments of no values.
template <typename R>
struct Moments {
  R count, mean, m2;

  __device__ void merge(const Moments& other) {
    if (other.count == 0) return;
    const R total = count + other.count;
    const R share = other.count / total;
    const R delta = other.mean - mean;
    mean += delta * share;
    m2 += other.m2 + delta * delta * count * share;
    count = total;
  }
};

// `K` plain sums.
template <typename R, int K>
struct Sums {
  R value[K];

  __device__ void merge(const Sums& other) {
    for (int k = 0; k < K; ++k) value[k] += other.value[k];
  }
};

// The moments of `Vec` neighbouring columns of elements. The count is the same for all, so one division serves all.
template <typename R, int Vec>
struct RunningMoments {
  R count, mean[Vec], m2[Vec];

  // Adds the first `number` of `Count` rows, at least one. Within them the first value serves as a shift; a constant
  // column thus gives exactly m2 = 0.
  template <int Count, typename T>
  __device__ void add(const Pack<T, Vec> (&rows)[Count], int number) {
    const R added = R(number), total = count + added;
    const R share = added / total, between = count * share, each = R(1) / added;
#pragma unroll
    for (int v = 0; v < Vec; ++v) {
      const R shift = rows[0][v];
      R sum = 0, squares = 0;
#pragma unroll
      for (int i = 1; i < Count; ++i) {
        const R deviation = i < number ? rows[i][v] - shift : R(0);
        sum += deviation;
        squares += deviation * deviation;
      }
      const R delta = shift + sum * each - mean[v];
      mean[v] += delta * share;
      m2[v] += squares - sum * sum * each + delta * delta * between;
    }
    count = total;
  }

  __device__ Moments<R> total(int v) const { return {count, mean[v], m2[v]}; }
};

// The totals of the lane `offset` places up in the warp.
template <typename Total>
__device__ Total shuffle_down(const Total& own, int offset) {
  constexpr int kWords = sizeof(Total) / sizeof(uint32_t);
  uint32_t words[kWords];
  memcpy(words, &own, sizeof(Total));
#pragma unroll
  for (int i = 0; i < kWords; ++i) words[i] = __shfl_down_sync(0xffffffffu, words[i], offset);
  Total other;
  memcpy(&other, words, sizeof(Total));
  return other;
}

// Merges `groups` (a power of two) rows of `width` totals each into the first row, for the whole block to read.
template <typename Total>
__device__ void merge_groups(Total* shared, int groups, int width) {
  for (int half = groups / 2; half > 0; half /= 2) {
    __syncthreads();
    for (int i = threadIdx.x; i < half * width; i += kThreads) shared[i].merge(shared[half * width + i]);
  }
  __syncthreads();
}

// Merges what all threads of a block hold. The thread at lane l of `lanes` (a power of two, at most a warp) owns
// `Columns` neighbouring columns from l * Columns on; afterwards shared[column] is that column's total.
// `shared` has room for kWarps * lanes * Columns.
template <int Columns, typename Total>
__device__ void merge_block(Total (&own)[Columns], int lanes, Total* shared) {
  for (int offset = kWarp / 2; offset >= lanes; offset /= 2) {
#pragma unroll
    for (int v = 0; v < Columns; ++v) own[v].merge(shuffle_down(own[v], offset));
  }
  const int lane = threadIdx.x % kWarp;
  if (lane < lanes) {
    Total* row = shared + (threadIdx.x / kWarp * lanes + lane) * Columns;
#pragma unroll
    for (int v = 0; v < Columns; ++v) row[v] = own[v];
  }
  merge_groups(shared, kWarps, lanes * Columns);
}

// Merges `rows` rows of a (rows, channels) matrix of totals, for `width` (a power of two) channels from `first` on;
// afterwards shared[c] is the total of channel first + c. `shared` has room for kThreads.
template <typename Total>
__device__ void merge_rows(const Total* matrix, int64_t rows, int64_t channels, int64_t first, int width,
                           Total* shared) {
  int groups = 1;
  while (groups < rows && 2 * groups * width <= kThreads) groups *= 2;
  const int group = threadIdx.x / width;
  const int64_t channel = first + threadIdx.x % width;
  if (group < groups) {
    Total own{};
    if (channel < channels) {
      for (int64_t row = group; row < rows; row += groups) own.merge(matrix[row * channels + channel]);
    }
    shared[threadIdx.x] = own;
  }
  merge_groups(shared, groups, width);
}

}  // namespace imtrans::cuda
