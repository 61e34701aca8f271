// The lengths of kernels, for the CPU half of the module; the weight is (O, kH, kW, I) where channels_last.
#pragma once

#include "cpu/squared_lengths.h"
#include "python/arrays.h"

namespace imtrans {

inline Array squared_lengths(const Array& weight, const Array& squares, bool channels_last) {
  const FeatureMap map = describe(weight, channels_last);
  if (squares.ndim() != 2) throw py::value_error("the squares have two dimensions");
  const py::dtype real = statistics_type(map);
  const int64_t images = squares.shape(0);
  Array y = unwritten(real, {images, map.batch});
  cpu::launch_squared_lengths({map, checked(weight, weight.dtype(), shape_of(map), "weight"), images,
                               checked(squares, real, {images, map.channels}, "squares"), writable(y)},
                              serial_for);
  return y;
}

inline void define_squared_lengths(py::module_& cpu) {
  using py::arg;
  cpu.def("squared_lengths", squared_lengths, arg("weight"), arg("squares"), arg("channels_last"));
}

}  // namespace imtrans
