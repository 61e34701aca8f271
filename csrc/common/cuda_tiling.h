// Which block and which thread works on which elements of a batch of feature maps.
//
//   NHWC  A block owns `width` neighbouring channels of a run of pixels of one image. `lanes` threads side by side take
//         one pixel, each of them Vec channels; the rows of threads take one pixel after another.
//   NCHW  A block owns a run of pixels of one channel of one image; every thread takes Vec pixels at a time.
#pragma once

#include <algorithm>
#include <cmath>

#include "common/cuda_reduce.h"

namespace imtrans::cuda {

// Enough blocks to fill any GPU up to twice the size of an H100. It is no property of the GPU at hand on purpose: the
// order of summation, and so every bit of the result, is the same on all of them.
constexpr int64_t kTargetBlocks = 512;
// The bytes of one pixel that a block takes: a whole cache line where there are blocks enough, one sector at least.
constexpr int kLineBytes = 128;
constexpr int kSectorBytes = 32;
// Most channels of a block: a cache line of 2-byte elements.
constexpr int kMaxWidth = kLineBytes / 2;

struct Tiling {
  int64_t batch, channels, pixels;
  int64_t split_pixels;  // pixels of a block; a split is one of the runs into which an image's pixels are divided
  int splits;
  int slabs;  // groups of `width` channels
  int lanes;
  int width;

  int64_t blocks() const { return batch * slabs * splits; }
};

// Every block of the second pass merges the splits' sums of its channels again: beyond about sqrt(pixels) / 4 splits,
// that would read more bytes than it saves.
inline int64_t most_splits(int64_t pixels) { return std::max<int64_t>(1, int64_t(std::sqrt(double(pixels)) / 4)); }

inline int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Lanes for NHWC maps: a cache line's worth, halved while that leaves too few blocks, and no more than there are
// channels.
inline int choose_lanes(const FeatureMap& map, int vec, int element_bytes) {
  const int pack_bytes = vec * element_bytes;
  const int least = std::max(1, kSectorBytes / pack_bytes);
  const int64_t packs = ceil_divide(map.channels, vec);
  int lanes = std::min(kWarp, kLineBytes / pack_bytes);
  auto blocks = [&] { return map.batch * ceil_divide(packs, lanes) * most_splits(map.pixels()); };
  while (lanes > 1 && lanes / 2 >= packs) lanes /= 2;
  while (lanes > least && blocks() < kTargetBlocks) lanes /= 2;
  return lanes;
}

inline Tiling make_tiling(const FeatureMap& map, int vec, int element_bytes) {
  const bool nhwc = map.layout == Layout::kNHWC;
  Tiling tiling{};
  tiling.batch = map.batch;
  tiling.channels = map.channels;
  tiling.pixels = map.pixels();
  tiling.lanes = nhwc ? choose_lanes(map, vec, element_bytes) : 1;
  tiling.width = nhwc ? tiling.lanes * vec : 1;
  tiling.slabs = int(ceil_divide(map.channels, tiling.width));
  const int64_t groups = std::max<int64_t>(1, map.batch * tiling.slabs);
  const int64_t wanted = std::min(ceil_divide(kTargetBlocks, groups), most_splits(map.pixels()));
  // A multiple of vec, so that no access of an NCHW map straddles two splits.
  tiling.split_pixels = std::max<int64_t>(1, ceil_divide(ceil_divide(map.pixels(), wanted), vec) * vec);
  tiling.splits = int(ceil_divide(map.pixels(), tiling.split_pixels));
  return tiling;
}

// What one thread works on: Vec elements at offset(p), for p = begin, begin + step, ... below end.
struct Place {
  int64_t image, split;
  int64_t first_channel;  // of the block
  int column;             // of the thread's first element within the block's channels
  int64_t begin, end, step;
  int64_t base, pitch;

  __device__ int64_t offset(int64_t p) const { return base + p * pitch; }
};

template <Layout layout, int Vec>
__device__ Place locate(const Tiling& tiling) {
  Place place;
  const int64_t slab = blockIdx.x % tiling.slabs;
  const unsigned rest = blockIdx.x / tiling.slabs;
  place.split = rest % tiling.splits;
  place.image = rest / tiling.splits;
  place.first_channel = slab * tiling.width;
  const int64_t first_pixel = place.split * tiling.split_pixels;
  const int64_t last_pixel = first_pixel + tiling.split_pixels;
  place.end = last_pixel < tiling.pixels ? last_pixel : tiling.pixels;
  if constexpr (layout == Layout::kNHWC) {
    place.column = threadIdx.x % tiling.lanes * Vec;
    place.begin = first_pixel + threadIdx.x / tiling.lanes;
    place.step = kThreads / tiling.lanes;
    place.pitch = tiling.channels;
    place.base = place.image * tiling.pixels * tiling.channels + place.first_channel + place.column;
    if (place.first_channel + place.column >= tiling.channels) place.end = place.begin;
  } else {
    place.column = 0;
    place.begin = first_pixel + threadIdx.x * Vec;
    place.step = kThreads * Vec;
    place.pitch = 1;
    place.base = (place.image * tiling.channels + place.first_channel) * tiling.pixels;
  }
  return place;
}

}  // namespace imtrans::cuda
