// The three functions of the instance norm; arguments as in the schemas of imtrans/ops/instance_norm.py.
#pragma once

#include "common/instance_norm.h"
#include "python/arrays.h"

namespace imtrans {

template <class Device>
py::tuple instance_norm(const Array& x, const Optional& weight, const Optional& bias, const Optional& residual,
                        double slope, double eps, int64_t pad, bool channels_last) {
  const FeatureMap map = describe(x, channels_last);
  const py::dtype real = statistics_type(map), element = x.dtype();
  const bool each = per_image(weight) || per_image(bias);
  const Shape parameters = parameter_shape(map, each);
  const int64_t border = border_of(residual, map);
  Array y = unwritten(element, shape_of(map, pad));
  Array mean = unwritten(real, {map.batch, map.channels}), rstd = unwritten(real, {map.batch, map.channels});
  InstanceNormForward p{};
  p.map = map;
  p.x = checked(x, element, shape_of(map), "x");
  p.weight = checked(weight, real, parameters, "weight");
  p.bias = checked(bias, real, parameters, "bias");
  p.residual = checked(residual, element, shape_of(map, border), "residual");
  p.residual_pad = border;
  p.per_image = each;
  p.pad = pad;
  p.slope = slope;
  p.eps = eps;
  p.y = writable(y);
  p.mean = writable(mean);
  p.rstd = writable(rstd);
  Device::run(p);
  return py::make_tuple(y, mean, rstd);
}

template <class Device>
py::tuple instance_norm_backward(const Array& dy, const Array& x, const Optional& weight, const Optional& bias,
                                 const Array& mean, const Array& rstd, double slope, int64_t pad, bool wants_dresidual,
                                 bool channels_last) {
  const FeatureMap map = describe(x, channels_last);
  const py::dtype real = statistics_type(map), element = x.dtype();
  const bool each = per_image(weight) || per_image(bias);
  const Shape parameters = parameter_shape(map, each), statistics{map.batch, map.channels};
  Array dx = unwritten(element, shape_of(map)), dresidual = unwritten_if(wants_dresidual, element, shape_of(map));
  Array dweight = unwritten_if(weight.has_value(), real, parameters);
  Array dbias = unwritten_if(bias.has_value(), real, parameters);
  InstanceNormBackward p{};
  p.map = map;
  p.dy = checked(dy, element, shape_of(map, pad), "dy");
  p.x = checked(x, element, shape_of(map), "x");
  p.weight = checked(weight, real, parameters, "weight");
  p.bias = checked(bias, real, parameters, "bias");
  p.mean = checked(mean, real, statistics, "mean");
  p.rstd = checked(rstd, real, statistics, "rstd");
  p.per_image = each;
  p.pad = pad;
  p.slope = slope;
  p.dx = writable(dx);
  p.dresidual = writable(dresidual);
  p.dweight = writable(dweight);
  p.dbias = writable(dbias);
  Device::run(p);
  return py::make_tuple(dx, dresidual, dweight, dbias);
}

template <class Device>
py::tuple instance_norm_backward_backward(const Array& ddx, const Optional& vresidual, const Optional& ddweight,
                                          const Optional& ddbias, const Array& dy, const Array& x,
                                          const Optional& weight, const Optional& bias, const Array& mean,
                                          const Array& rstd, double slope, int64_t pad, bool channels_last) {
  const FeatureMap map = describe(x, channels_last);
  const py::dtype real = statistics_type(map), element = x.dtype();
  const bool each = per_image(weight) || per_image(bias);
  const Shape parameters = parameter_shape(map, each), statistics{map.batch, map.channels};
  Array grad_dy = unwritten(element, shape_of(map, pad)), grad_x = unwritten(element, shape_of(map));
  Array grad_weight = unwritten_if(weight.has_value(), real, parameters);
  InstanceNormBackwardBackward p{};
  p.map = map;
  p.ddx = checked(ddx, element, shape_of(map), "ddx");
  p.ddweight = checked(ddweight, real, parameters, "ddweight");
  p.ddbias = checked(ddbias, real, parameters, "ddbias");
  p.dy = checked(dy, element, shape_of(map, pad), "dy");
  p.x = checked(x, element, shape_of(map), "x");
  p.weight = checked(weight, real, parameters, "weight");
  p.bias = checked(bias, real, parameters, "bias");
  p.mean = checked(mean, real, statistics, "mean");
  p.rstd = checked(rstd, real, statistics, "rstd");
  p.vresidual = checked(vresidual, element, shape_of(map), "vresidual");
  p.per_image = each;
  p.pad = pad;
  p.slope = slope;
  p.grad_dy = writable(grad_dy);
  p.grad_x = writable(grad_x);
  p.grad_weight = writable(grad_weight);
  Device::run(p);
  return py::make_tuple(grad_dy, grad_x, grad_weight);
}

template <class Device>
void define_instance_norm(py::module_& module) {
  using py::arg;
  module.def("instance_norm", instance_norm<Device>, arg("x"), arg("weight"), arg("bias"), arg("residual"),
             arg("slope"), arg("eps"), arg("pad"), arg("channels_last"));
  module.def("instance_norm_backward", instance_norm_backward<Device>, arg("dy"), arg("x"), arg("weight"), arg("bias"),
             arg("mean"), arg("rstd"), arg("slope"), arg("pad"), arg("wants_dresidual"), arg("channels_last"));
  module.def("instance_norm_backward_backward", instance_norm_backward_backward<Device>, arg("ddx"), arg("vresidual"),
             arg("ddweight"), arg("ddbias"), arg("dy"), arg("x"), arg("weight"), arg("bias"), arg("mean"), arg("rstd"),
             arg("slope"), arg("pad"), arg("channels_last"));
}

}  // namespace imtrans
