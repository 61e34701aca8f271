// The function that resamples; arguments as in the schema of imtrans/ops/upfirdn2d.py.
#pragma once

#include "common/upfirdn2d.h"
#include "python/arrays.h"

namespace imtrans {

inline ResampledAxis resampled(int64_t size, int64_t taps, int64_t up, int64_t down, int64_t before, int64_t after) {
  const int64_t padded = size * up + before + after;
  if (up < 1 || down < 1 || padded < taps) throw py::value_error("the filter does not fit into the padded map");
  return {size, (padded - taps) / down + 1, taps, up, down, before};
}

template <class Device>
Array upfirdn2d(const Array& x, const Array& f, int64_t up_x, int64_t up_y, int64_t down_x, int64_t down_y,
                int64_t left, int64_t right, int64_t top, int64_t bottom, bool flip, double gain, bool channels_last) {
  const FeatureMap map = describe(x, channels_last);
  if (f.ndim() != 2) throw py::value_error("a filter has two dimensions");
  const ResampledAxis rows = resampled(map.height, f.shape(0), up_y, down_y, top, bottom);
  const ResampledAxis columns = resampled(map.width, f.shape(1), up_x, down_x, left, right);
  FeatureMap to = map;
  to.height = rows.resized;
  to.width = columns.resized;
  Array y = unwritten(x.dtype(), shape_of(to));
  Device::run(Upfirdn2d{map, rows, columns, checked(x, x.dtype(), shape_of(map), "x"),
                        checked(f, statistics_type(map), shape_of(f), "f"), flip, gain, writable(y)});
  return y;
}

template <class Device>
void define_upfirdn2d(py::module_& module) {
  using py::arg;
  module.def("upfirdn2d", upfirdn2d<Device>, arg("x"), arg("f"), arg("up_x"), arg("up_y"), arg("down_x"), arg("down_y"),
             arg("left"), arg("right"), arg("top"), arg("bottom"), arg("flip"), arg("gain"), arg("channels_last"));
}

}  // namespace imtrans
