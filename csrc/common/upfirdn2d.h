// Resampling with a filter: enlarge with zeros, pad, convolve, shrink; shared by the CPU and the CUDA side.
//
// Along each axis, with the filter h of `taps` taps and x[i] = 0 outside of its `size` pixels:
//
//     y[o] = sum of h[k] x[i] over the k and i with i up = o down - pad + k
//
// where h is the filter turned round, or as it is with `flip`. Of the taps only every up-th meets a pixel. Its gradient
// is of the same form, with up and down exchanged and the filter the other way round, so this one kernel holds the
// derivatives of every order.
#pragma once

#include <cstdint>

#include "common/feature_map.h"
#include "common/host_device.h"

namespace imtrans {

// One of the two axes.
struct ResampledAxis {
  int64_t size;     // of x
  int64_t resized;  // of y
  int64_t taps;
  int64_t up, down;
  int64_t pad;  // before the first pixel of the enlarged map; a negative one crops
};

struct Upfirdn2d {
  FeatureMap map;  // of x; y is of the same order and type
  ResampledAxis rows, columns;
  const void* x;
  const void* f;  // (rows.taps, columns.taps), float32 (float64 for maps of float64)
  bool flip;
  double gain;
  void* y;
};

// The taps that meet pixels at one place of y: `count` of them, from `tap` on in steps of `up`, and from pixel `index`
// on in steps of one.
struct Taps {
  int64_t tap, index, count;
};

IMTRANS_HOST_DEVICE int64_t ceil_of(int64_t a, int64_t b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }
IMTRANS_HOST_DEVICE int64_t floor_of(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

IMTRANS_HOST_DEVICE Taps taps_at(const ResampledAxis& axis, int64_t place) {
  const int64_t start = place * axis.down - axis.pad;
  const int64_t first = ceil_of(start, axis.up);
  const int64_t index = first > 0 ? first : 0, tap = index * axis.up - start;
  const int64_t by_taps = tap < axis.taps ? (axis.taps - 1 - tap) / axis.up + 1 : 0, by_size = axis.size - index;
  const int64_t count = by_taps < by_size ? by_taps : by_size;
  return {tap, index, count > 0 ? count : 0};
}

// The element of the filter that stands at tap (row, column), turned round as convolution does unless `flip`.
IMTRANS_HOST_DEVICE int64_t filter_at(const Upfirdn2d& p, int64_t row, int64_t column) {
  return p.flip ? row * p.columns.taps + column
                : (p.rows.taps - 1 - row) * p.columns.taps + (p.columns.taps - 1 - column);
}

}  // namespace imtrans
