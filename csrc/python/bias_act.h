// The three functions of the pointwise pass; arguments as in the schemas of imtrans/ops/bias_act.py.
#pragma once

#include "common/bias_act.h"
#include "python/arrays.h"

namespace imtrans {

inline BiasAct bias_act_parameters(const Array& x, const Optional& scale, const Optional& bias, const Optional& noise,
                                   const Optional& strength, const Optional& style, double slope, double gain,
                                   double clamp, bool channels_last) {
  const FeatureMap map = describe(x, channels_last);
  const py::dtype real = statistics_type(map);
  const Shape each{map.batch, map.channels};
  const int64_t noises = noise.has_value() && noise->ndim() == 3 ? noise->shape(0) : 1;
  if (noises != 1 && noises != map.batch) throw py::value_error("noise: neither one nor one for each image");
  return {map,
          checked(x, x.dtype(), shape_of(map), "x"),
          checked(scale, real, each, "scale"),
          checked(bias, real, {map.channels}, "bias"),
          checked(noise, real, {noises, map.height, map.width}, "noise"),
          noises,
          checked(strength, real, {1}, "strength"),
          checked(style, real, each, "style"),
          slope,
          gain,
          clamp};
}

inline Shape sums_shape(const FeatureMap& map) { return {kBiasActSums, map.batch, map.channels}; }

template <class Device>
Array bias_act(const Array& x, const Optional& scale, const Optional& bias, const Optional& noise,
               const Optional& strength, const Optional& style, double slope, double gain, double clamp,
               bool channels_last) {
  const BiasAct own = bias_act_parameters(x, scale, bias, noise, strength, style, slope, gain, clamp, channels_last);
  Array y = unwritten(x.dtype(), shape_of(own.map));
  Device::run(BiasActForward{{own}, writable(y)});
  return y;
}

template <class Device>
py::tuple bias_act_backward(const Array& dy, const Array& x, const Optional& scale, const Optional& bias,
                            const Optional& noise, const Optional& strength, const Optional& style, double slope,
                            double gain, double clamp, bool channels_last) {
  const BiasAct own = bias_act_parameters(x, scale, bias, noise, strength, style, slope, gain, clamp, channels_last);
  Array dx = unwritten(x.dtype(), shape_of(own.map)), sums = unwritten(statistics_type(own.map), sums_shape(own.map));
  Device::run(BiasActBackward{{own}, checked(dy, x.dtype(), shape_of(own.map), "dy"), writable(dx), writable(sums)});
  return py::make_tuple(dx, sums);
}

template <class Device>
py::tuple bias_act_backward_backward(const Array& ddx, const Optional& dsums, const Array& dy, const Array& x,
                                     const Optional& scale, const Optional& bias, const Optional& noise,
                                     const Optional& strength, const Optional& style, double slope, double gain,
                                     double clamp, bool channels_last) {
  const BiasAct own = bias_act_parameters(x, scale, bias, noise, strength, style, slope, gain, clamp, channels_last);
  const py::dtype real = statistics_type(own.map);
  const Shape shape = shape_of(own.map);
  Array grad_dy = unwritten(x.dtype(), shape), grad_x = unwritten_if(dsums.has_value(), x.dtype(), shape);
  Array sums = unwritten(real, sums_shape(own.map));
  Device::run(BiasActBackwardBackward{{own},
                                      checked(ddx, x.dtype(), shape, "ddx"),
                                      checked(dsums, real, sums_shape(own.map), "dsums"),
                                      checked(dy, x.dtype(), shape, "dy"),
                                      writable(grad_dy),
                                      writable(grad_x),
                                      writable(sums)});
  return py::make_tuple(grad_dy, grad_x, sums);
}

template <class Device>
void define_bias_act(py::module_& module) {
  using py::arg;
  module.def("bias_act", bias_act<Device>, arg("x"), arg("scale"), arg("bias"), arg("noise"), arg("strength"),
             arg("style"), arg("slope"), arg("gain"), arg("clamp"), arg("channels_last"));
  module.def("bias_act_backward", bias_act_backward<Device>, arg("dy"), arg("x"), arg("scale"), arg("bias"),
             arg("noise"), arg("strength"), arg("style"), arg("slope"), arg("gain"), arg("clamp"),
             arg("channels_last"));
  module.def("bias_act_backward_backward", bias_act_backward_backward<Device>, arg("ddx"), arg("dsums"), arg("dy"),
             arg("x"), arg("scale"), arg("bias"), arg("noise"), arg("strength"), arg("style"), arg("slope"),
             arg("gain"), arg("clamp"), arg("channels_last"));
}

}  // namespace imtrans
