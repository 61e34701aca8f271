// Resampling with a filter. Every thread computes some neighbouring elements of y and gathers what they need; nothing
// is added atomically. Pixels that several threads want are read from the caches: with taps that all of the neighbours
// share, each line of x comes from memory once.
//
// NHWC  Neighbouring threads take neighbouring accesses of a pixel's channels, then of the next pixel; all elements of
//       an access have the same taps.
// NCHW  Neighbouring threads take neighbouring pixels of a row.
//
// A thread goes through kRows rows of y, a column of them, so that it computes the taps across once.
#include "common/cuda_run.h"
#include "cuda/upfirdn2d.h"

namespace imtrans::cuda {
namespace {

// Rows of y of one thread.
constexpr int kRows = 4;
// The largest filter that stands in shared memory; StyleGAN's have 12 x 12 taps at most.
constexpr int kMostTaps = 1024;

// How the accesses of y are dealt out.
struct Deal {
  int64_t packs;   // accesses of a pixel
  int64_t length;  // accesses of a row of y
  int64_t groups;  // of kRows rows, of one image or plane
  int64_t count;   // threads that have something to do
};

Deal deal_out(const Upfirdn2d& p, int vec) {
  const bool nhwc = p.map.layout == Layout::kNHWC;
  Deal deal{};
  deal.packs = nhwc ? p.map.channels / vec : 1;
  deal.length = p.columns.resized * deal.packs;
  deal.groups = ceil_divide(p.rows.resized, kRows);
  deal.count = p.map.batch * (nhwc ? 1 : p.map.channels) * deal.groups * deal.length;
  return deal;
}

// The filter as it meets the pixels, times the gain, for the whole block to read.
template <typename R>
__device__ void load_weights(const Upfirdn2d& p, R* weights) {
  const int taps = int(p.rows.taps * p.columns.taps);
  for (int i = threadIdx.x; i < taps; i += kThreads) {
    const int row = i / int(p.columns.taps), column = i % int(p.columns.taps);
    weights[i] = static_cast<const R*>(p.f)[filter_at(p, row, column)] * R(p.gain);
  }
  __syncthreads();
}

template <typename T, int Vec>
__global__ void __launch_bounds__(kThreads) resample_kernel(const Upfirdn2d p, const Deal deal) {
  using R = Real<T>;
  SHARED_ARRAY(R, weights, kMostTaps);
  load_weights(p, weights);

  const int64_t index = int64_t(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= deal.count) return;
  const int64_t place = index % deal.length, group = index / deal.length;
  const int64_t plane = group / deal.groups, column = place / deal.packs, pack = place % deal.packs;
  const int64_t first = (group - plane * deal.groups) * kRows;
  const T* x = static_cast<const T*>(p.x) + (plane * p.rows.size * p.columns.size * deal.packs + pack) * Vec;
  T* y = static_cast<T*>(p.y) + (plane * p.rows.resized * deal.length + place) * Vec;
  const Taps across = taps_at(p.columns, column);
  for (int64_t row = first; row < first + kRows && row < p.rows.resized; ++row) {
    const Taps down = taps_at(p.rows, row);
    R sums[Vec]{};
    for (int64_t i = 0; i < down.count; ++i) {
      const T* from = x + ((down.index + i) * p.columns.size + across.index) * deal.packs * Vec;
      const R* own = weights + (down.tap + i * p.rows.up) * p.columns.taps + across.tap;
#pragma unroll 4
      for (int64_t j = 0; j < across.count; ++j) {
        const Pack<T, Vec> held = load<Vec>(from + j * deal.packs * Vec);
        const R weight = own[j * p.columns.up];
#pragma unroll
        for (int v = 0; v < Vec; ++v) sums[v] += weight * held[v];
      }
    }
    Pack<T, Vec> to;
#pragma unroll
    for (int v = 0; v < Vec; ++v) to.set(v, sums[v]);
    store(y + row * deal.length * Vec, to);
  }
}

// Elements of one access: a full vector where every pixel begins at a multiple of 16 bytes, else one.
template <typename T>
int vector_of(const Upfirdn2d& p) {
  return p.map.layout == Layout::kNHWC ? choose_vector<T>(p.map, false, {p.x, p.y}) : 1;
}

template <typename T, int Vec>
Status run_with(const Upfirdn2d& p, void* stream) {
  const Deal deal = deal_out(p, Vec);
  return launch(resample_kernel<T, Vec>, ceil_divide(deal.count, kThreads), kThreads, stream, p, deal);
}

}  // namespace

Status launch_upfirdn2d(const Upfirdn2d& p, void* stream) {
  if (p.rows.taps * p.columns.taps > kMostTaps) return "the filter has more than 1024 taps";
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    if constexpr (kVector<T> > 1) {
      if (vector_of<T>(p) > 1) return run_with<T, kVector<T>>(p, stream);
    }
    return run_with<T, 1>(p, stream);
  });
}

}  // namespace imtrans::cuda
