// Maps with a border of reflected pixels: where they lie, what writes them and what sums their gradient.
//
// No kernel runs over the border. The thread that owns a pixel also writes its reflections, and the thread that wants a
// pixel's gradient also reads them. So every access is the channels of one pixel, as wide and as aligned as in a map
// without a border; a border costs its own bytes and some integers a pixel; and each sum has one owner and one order,
// which a scatter with atomic additions has not.
#pragma once

#include "common/cuda_tiling.h"

namespace imtrans::cuda {

// A map that is larger than the maps of the call by `pad` pixels on each side, 0 included. Distances in elements.
struct BorderedMap {
  int64_t image, channel, row, column;
  int height, width, pad;  // height and width without the border

  BorderedMap(const FeatureMap& map, int64_t border)
      : height(int(map.height)), width(int(map.width)), pad(int(border)) {
    const bool nhwc = map.layout == Layout::kNHWC;
    column = nhwc ? map.channels : 1;
    row = column * (map.width + 2 * border);
    channel = nhwc ? 1 : row * (map.height + 2 * border);
    image = nhwc ? row * (map.height + 2 * border) : channel * map.channels;
  }

  __device__ int64_t at(const Spot& spot, int y, int x) const {
    return spot.image * image + spot.channel * channel + y * row + x * column;
  }

  // The offset of a pixel itself.
  __device__ int64_t inner(const Spot& spot) const { return at(spot, spot.row + pad, spot.column + pad); }

  // Calls f(offset) for each pixel of the border that reflects `spot`: at most eight, and none for most pixels. A
  // coordinate i < n has up to three places: i + pad, its reflection pad - i at the near edge unless it is the edge
  // itself, and 2 (n - 1) - i + pad at the far one likewise.
  template <typename F>
  __device__ void for_reflections(const Spot& spot, const F& f) const {
    const bool top = spot.row >= 1 && spot.row <= pad, left = spot.column >= 1 && spot.column <= pad;
    const bool bottom = spot.row <= height - 2 && spot.row >= height - 1 - pad;
    const bool right = spot.column <= width - 2 && spot.column >= width - 1 - pad;
    if (!(top || bottom || left || right)) return;
#pragma unroll 1
    for (int i = 0; i < 3; ++i) {
      if ((i == 1 && !top) || (i == 2 && !bottom)) continue;
      const int y = i == 0 ? spot.row + pad : i == 1 ? pad - spot.row : 2 * (height - 1) - spot.row + pad;
#pragma unroll 1
      for (int j = 0; j < 3; ++j) {
        if ((j == 1 && !left) || (j == 2 && !right) || i + j == 0) continue;
        const int x = j == 0 ? spot.column + pad : j == 1 ? pad - spot.column : 2 * (width - 1) - spot.column + pad;
        f(at(spot, y, x));
      }
    }
  }
};

// Writes a pixel and its reflections.
template <int Vec, typename T>
__device__ void store_reflected(T* to, const BorderedMap& map, const Spot& spot, const Pack<T, Vec>& pack) {
  store(to + map.inner(spot), pack);
  map.for_reflections(spot, [&](int64_t offset) { store(to + offset, pack); });
}

// A pixel of a gradient, `inner`, plus what the pixel's reflections were given. `inner` is loaded before, with the
// loads of other pixels; the few that lie near an edge read the rest here.
template <int Vec, typename T>
__device__ void fold(const T* from, const BorderedMap& map, const Spot& spot, const Pack<T, Vec>& inner,
                     Real<T> (&sum)[Vec]) {
#pragma unroll
  for (int v = 0; v < Vec; ++v) sum[v] = inner[v];
  map.for_reflections(spot, [&](int64_t offset) {
    const Pack<T, Vec> more = load<Vec>(from + offset);
#pragma unroll
    for (int v = 0; v < Vec; ++v) sum[v] += more[v];
  });
}

}  // namespace imtrans::cuda
