// Reflection padding and its gradient, shared by the CPU and the CUDA side.
//
// pad(x) surrounds each map of height rows of width pixels with `pad` reflected pixels on each side, without repeating
// the edge itself, as torch.nn.ReflectionPad2d does. With p = pad, along either axis of length n:
//
//     pad(x)[k] = x[reflected(k)]        k = 0 ... n + 2p - 1
//
// fold(y) is its transpose, and so its gradient: each pixel gathers what the places that show it hold,
//
//     fold(y)[i] = sum of y[k] over the k with reflected(k) = i
//
// which are at most three along each axis, so at most nine. Both are linear and each is the other's transpose, which is
// why the two of them hold the derivatives of every order. Nothing is added atomically: each output is written once.
//
// pad is at most height - 1 and width - 1; then no place is reflected twice.
#pragma once

#include <cstdint>

#include "common/feature_map.h"
#include "common/host_device.h"

namespace imtrans {

// `from` has the sizes of `map`, `to` a border around these.
struct ReflectPad {
  FeatureMap map;
  int64_t pad;
  const void* from;
  void* to;
};

// `from` has a border around the sizes of `map`, `to` has these.
struct ReflectFold {
  FeatureMap map;
  int64_t pad;
  const void* from;
  void* to;
};

// Padding works on whole pixels, and so sees one order in memory: `count` pictures of height x width pixels, each of
// `unit` neighbouring elements. These are the channels of a channels-last map, and one element of a contiguous one.
struct Planes {
  int64_t count, height, width, unit;
};

inline Planes planes_of(const FeatureMap& map) {
  if (map.layout == Layout::kNHWC) return {map.batch, map.height, map.width, map.channels};
  return {map.batch * map.channels, map.height, map.width, 1};
}

// Which element of an axis of `size` elements the place `place` of the padded axis shows.
IMTRANS_HOST_DEVICE int64_t reflected(int64_t place, int64_t size, int64_t pad) {
  const int64_t i = place < pad ? pad - place : place - pad;
  return i < size ? i : 2 * (size - 1) - i;
}

// The places of the padded axis that show one element: its own, and its reflections before and behind the edges, or -1
// where it has none. An array would be indexed at run time, which a GPU can only do in memory.
struct Copies {
  int64_t own, before, behind;

  IMTRANS_HOST_DEVICE bool alone() const { return before < 0 && behind < 0; }
  IMTRANS_HOST_DEVICE int64_t operator[](int i) const { return i == 0 ? own : i == 1 ? before : behind; }
};

IMTRANS_HOST_DEVICE Copies copies_of(int64_t i, int64_t size, int64_t pad) {
  return {pad + i, i >= 1 && i <= pad ? pad - i : -1,
          i <= size - 2 && i >= size - 1 - pad ? pad + 2 * (size - 1) - i : -1};
}

}  // namespace imtrans
