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
  int step;                     // pixels from one access of a thread to its next
  int map_width;                // of the maps, in pixels
  int step_rows, step_columns;  // the same step in rows and pixels of a row

  __host__ __device__ int64_t blocks() const { return batch * slabs * splits; }
};

// Every block of the second pass merges the splits' sums of its channels again: beyond about sqrt(pixels) / 4 splits,
// that would read more bytes than it saves.
inline int64_t most_splits(int64_t pixels) { return std::max<int64_t>(1, int64_t(std::sqrt(double(pixels)) / 4)); }

__host__ __device__ inline int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }

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

// A tiling in `splits` runs at most, for blocks that are `lanes` wide.
inline Tiling tile(const FeatureMap& map, int vec, int lanes, int64_t splits) {
  const bool nhwc = map.layout == Layout::kNHWC;
  Tiling tiling{};
  tiling.batch = map.batch;
  tiling.channels = map.channels;
  tiling.pixels = map.pixels();
  tiling.lanes = lanes;
  tiling.width = nhwc ? lanes * vec : 1;
  tiling.slabs = int(ceil_divide(map.channels, tiling.width));
  // A multiple of vec, so that no access of an NCHW map straddles two splits.
  tiling.split_pixels = std::max<int64_t>(1, ceil_divide(ceil_divide(map.pixels(), splits), vec) * vec);
  tiling.splits = int(ceil_divide(map.pixels(), tiling.split_pixels));
  tiling.step = nhwc ? kThreads / lanes : kThreads * vec;
  tiling.map_width = int(map.width);
  tiling.step_rows = tiling.step / tiling.map_width;
  tiling.step_columns = tiling.step % tiling.map_width;
  return tiling;
}

inline Tiling make_tiling(const FeatureMap& map, int vec, int element_bytes) {
  const bool nhwc = map.layout == Layout::kNHWC;
  const int lanes = nhwc ? choose_lanes(map, vec, element_bytes) : 1;
  const int64_t slabs = nhwc ? ceil_divide(map.channels, lanes * vec) : map.channels;
  const int64_t groups = std::max<int64_t>(1, map.batch * slabs);
  return tile(map, vec, lanes, std::min(ceil_divide(kTargetBlocks, groups), most_splits(map.pixels())));
}

// One access of a thread: Vec neighbouring elements that begin at a channel of a pixel.
struct Spot {
  int64_t image, channel;
  int64_t offset;   // in a map without a border
  int row, column;  // of the pixel
};

// What one thread works on: the accesses at pixels begin, begin + step, ... below end.
struct Place {
  int64_t image, split;
  int64_t first_channel;  // of the block
  int column;             // of the thread's first element within the block's channels
  int64_t begin, end;
  int64_t base, pitch;
};

// Goes through a thread's accesses. Rows and columns are counted along, because a division at each access would cost
// more than what it is there for.
class Cursor {
 public:
  __device__ Cursor(const Place& place, const Tiling& tiling)
      : pixel_(place.begin),
        row_(int(place.begin / tiling.map_width)),
        column_(int(place.begin - int64_t(row_) * tiling.map_width)) {}

  __device__ int64_t pixel() const { return pixel_; }

  __device__ Spot spot(const Place& place) const {
    return {place.image, place.first_channel + place.column, place.base + pixel_ * place.pitch, row_, column_};
  }

  __device__ void advance(const Tiling& tiling) {
    pixel_ += tiling.step;
    row_ += tiling.step_rows;
    column_ += tiling.step_columns;
    if (column_ >= tiling.map_width) {
      column_ -= tiling.map_width;
      ++row_;
    }
  }

 private:
  int64_t pixel_;
  int row_, column_;
};

// What the threads of block `split` of image `image` and of group `slab` of channels work on.
template <Layout layout, int Vec>
__device__ Place locate(const Tiling& tiling, int64_t image, int64_t slab, int64_t split) {
  Place place;
  place.image = image;
  place.split = split;
  place.first_channel = slab * tiling.width;
  const int64_t first_pixel = split * tiling.split_pixels;
  const int64_t last_pixel = first_pixel + tiling.split_pixels;
  place.end = last_pixel < tiling.pixels ? last_pixel : tiling.pixels;
  if constexpr (layout == Layout::kNHWC) {
    place.column = threadIdx.x % tiling.lanes * Vec;
    place.begin = first_pixel + threadIdx.x / tiling.lanes;
    place.pitch = tiling.channels;
    place.base = image * tiling.pixels * tiling.channels + place.first_channel + place.column;
    if (place.first_channel + place.column >= tiling.channels) place.end = place.begin;
  } else {
    place.column = 0;
    place.begin = first_pixel + threadIdx.x * Vec;
    place.pitch = 1;
    place.base = (image * tiling.channels + place.first_channel) * tiling.pixels;
  }
  return place;
}

// Block `index` of a launch in which neighbouring blocks take neighbouring channels, and so neighbouring memory.
template <Layout layout, int Vec>
__device__ Place locate(const Tiling& tiling, unsigned index) {
  const unsigned slabs = unsigned(tiling.slabs), splits = unsigned(tiling.splits), rest = index / slabs;
  return locate<layout, Vec>(tiling, rest / splits, index % slabs, rest % splits);
}

}  // namespace imtrans::cuda
