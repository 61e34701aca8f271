// The three functions of the moments; arguments as in the schemas of imtrans/ops/moments.py.
#pragma once

#include "common/moments.h"
#include "python/arrays.h"

namespace imtrans {

template <class Device>
py::tuple moments(const Array& x, double eps, bool channels_last) {
  const FeatureMap map = describe(x, channels_last);
  const py::dtype real = statistics_type(map);
  Array mean = unwritten(real, {map.batch, map.channels}), std = unwritten(real, {map.batch, map.channels});
  Device::run(MomentsForward{map, checked(x, x.dtype(), shape_of(map), "x"), eps, writable(mean), writable(std)});
  return py::make_tuple(mean, std);
}

template <class Device>
Array moments_backward(const Optional& dmean, const Optional& dstd, const Array& x, const Array& mean, const Array& std,
                       bool channels_last) {
  const FeatureMap map = describe(x, channels_last);
  const py::dtype real = statistics_type(map);
  const Shape statistics{map.batch, map.channels};
  Array dx = unwritten(x.dtype(), shape_of(map));
  Device::run(MomentsBackward{map, checked(dmean, real, statistics, "dmean"), checked(dstd, real, statistics, "dstd"),
                              checked(x, x.dtype(), shape_of(map), "x"), checked(mean, real, statistics, "mean"),
                              checked(std, real, statistics, "std"), writable(dx)});
  return dx;
}

template <class Device>
py::tuple moments_backward_backward(const Array& ddx, const Optional& dstd, const Array& x, const Array& mean,
                                    const Array& std, bool channels_last) {
  const FeatureMap map = describe(x, channels_last);
  const py::dtype real = statistics_type(map);
  const Shape statistics{map.batch, map.channels};
  Array grad_dmean = unwritten(real, statistics), grad_dstd = unwritten(real, statistics);
  Array grad_x = unwritten(x.dtype(), shape_of(map));
  Device::run(MomentsBackwardBackward{
      map, checked(ddx, x.dtype(), shape_of(map), "ddx"), checked(dstd, real, statistics, "dstd"),
      checked(x, x.dtype(), shape_of(map), "x"), checked(mean, real, statistics, "mean"),
      checked(std, real, statistics, "std"), writable(grad_dmean), writable(grad_dstd), writable(grad_x)});
  return py::make_tuple(grad_dmean, grad_dstd, grad_x);
}

template <class Device>
void define_moments(py::module_& module) {
  using py::arg;
  module.def("moments", moments<Device>, arg("x"), arg("eps"), arg("channels_last"));
  module.def("moments_backward", moments_backward<Device>, arg("dmean"), arg("dstd"), arg("x"), arg("mean"), arg("std"),
             arg("channels_last"));
  module.def("moments_backward_backward", moments_backward_backward<Device>, arg("ddx"), arg("dstd"), arg("x"),
             arg("mean"), arg("std"), arg("channels_last"));
}

}  // namespace imtrans
