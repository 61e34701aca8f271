// The two functions of reflection padding; arguments as in the schemas of imtrans/ops/reflect_pad.py.
#pragma once

#include "common/reflect_pad.h"
#include "python/arrays.h"

namespace imtrans {

inline void require_border(const FeatureMap& map, int64_t pad) {
  if (pad < 0 || pad >= map.height || pad >= map.width) throw py::value_error("the border is too wide");
}

template <class Device>
Array reflect_pad(const Array& x, int64_t pad, bool channels_last) {
  const FeatureMap map = describe(x, channels_last);
  require_border(map, pad);
  Array y = unwritten(x.dtype(), shape_of(map, pad));
  Device::run(ReflectPad{map, pad, checked(x, x.dtype(), shape_of(map), "x"), writable(y)});
  return y;
}

template <class Device>
Array reflect_fold(const Array& y, int64_t pad, bool channels_last) {
  FeatureMap map = describe(y, channels_last);
  const void* from = checked(y, y.dtype(), shape_of(map), "y");
  map.height -= 2 * pad;
  map.width -= 2 * pad;
  require_border(map, pad);
  Array x = unwritten(y.dtype(), shape_of(map));
  Device::run(ReflectFold{map, pad, from, writable(x)});
  return x;
}

template <class Device>
void define_reflect_pad(py::module_& module) {
  using py::arg;
  module.def("reflect_pad", reflect_pad<Device>, arg("x"), arg("pad"), arg("channels_last"));
  module.def("reflect_fold", reflect_fold<Device>, arg("y"), arg("pad"), arg("channels_last"));
}

}  // namespace imtrans
