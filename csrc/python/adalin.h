// The three functions of AdaLIN; arguments as in the schemas of imtrans/ops/adalin.py.
#pragma once

#include "common/adalin.h"
#include "python/arrays.h"

namespace imtrans {

template <class Device>
py::tuple adalin(const Array& x, const Array& rho, const Array& gamma, const Array& beta, const Optional& residual,
                 double slope, double eps, int64_t pad, bool channels_last) {
  const FeatureMap map = describe(x, channels_last);
  const py::dtype real = statistics_type(map), element = x.dtype();
  const Shape parameters = parameter_shape(map, per_image(gamma));
  const int64_t border = border_of(residual, map);
  Array y = unwritten(element, shape_of(map, pad));
  Array statistics = unwritten(real, {kAdaLINStatistics, map.batch, map.channels});
  AdaLINForward p{};
  p.map = map;
  p.x = checked(x, element, shape_of(map), "x");
  p.rho = checked(rho, real, {map.channels}, "rho");
  p.gamma = checked(gamma, real, parameters, "gamma");
  p.beta = checked(beta, real, parameters, "beta");
  p.residual = checked(residual, element, shape_of(map, border), "residual");
  p.residual_pad = border;
  p.per_image = per_image(gamma);
  p.pad = pad;
  p.slope = slope;
  p.eps = eps;
  p.y = writable(y);
  p.statistics = writable(statistics);
  Device::run(p);
  return py::make_tuple(y, statistics);
}

template <class Device>
py::tuple adalin_backward(const Array& dy, const Array& x, const Array& rho, const Array& gamma, const Array& beta,
                          const Array& statistics, double slope, int64_t pad, bool wants_dresidual,
                          bool channels_last) {
  const FeatureMap map = describe(x, channels_last);
  const py::dtype real = statistics_type(map), element = x.dtype();
  const Shape parameters = parameter_shape(map, per_image(gamma));
  Array dx = unwritten(element, shape_of(map)), dresidual = unwritten_if(wants_dresidual, element, shape_of(map));
  Array drho = unwritten(real, {map.channels});
  Array dgamma = unwritten(real, parameters), dbeta = unwritten(real, parameters);
  AdaLINBackward p{};
  p.map = map;
  p.dy = checked(dy, element, shape_of(map, pad), "dy");
  p.x = checked(x, element, shape_of(map), "x");
  p.rho = checked(rho, real, {map.channels}, "rho");
  p.gamma = checked(gamma, real, parameters, "gamma");
  p.beta = checked(beta, real, parameters, "beta");
  p.statistics = checked(statistics, real, {kAdaLINStatistics, map.batch, map.channels}, "statistics");
  p.per_image = per_image(gamma);
  p.pad = pad;
  p.slope = slope;
  p.dx = writable(dx);
  p.dresidual = writable(dresidual);
  p.drho = writable(drho);
  p.dgamma = writable(dgamma);
  p.dbeta = writable(dbeta);
  Device::run(p);
  return py::make_tuple(dx, dresidual, drho, dgamma, dbeta);
}

template <class Device>
py::tuple adalin_backward_backward(const Array& ddx, const Optional& vresidual, const Optional& ddrho,
                                   const Optional& ddgamma, const Optional& ddbeta, const Array& dy, const Array& x,
                                   const Array& rho, const Array& gamma, const Array& beta, const Array& statistics,
                                   double slope, int64_t pad, bool channels_last) {
  const FeatureMap map = describe(x, channels_last);
  const py::dtype real = statistics_type(map), element = x.dtype();
  const Shape parameters = parameter_shape(map, per_image(gamma));
  Array grad_dy = unwritten(element, shape_of(map, pad)), grad_x = unwritten(element, shape_of(map));
  Array grad_rho = unwritten(real, {map.channels}), grad_gamma = unwritten(real, parameters);
  AdaLINBackwardBackward p{};
  p.map = map;
  p.ddx = checked(ddx, element, shape_of(map), "ddx");
  p.ddrho = checked(ddrho, real, {map.channels}, "ddrho");
  p.ddgamma = checked(ddgamma, real, parameters, "ddgamma");
  p.ddbeta = checked(ddbeta, real, parameters, "ddbeta");
  p.dy = checked(dy, element, shape_of(map, pad), "dy");
  p.x = checked(x, element, shape_of(map), "x");
  p.rho = checked(rho, real, {map.channels}, "rho");
  p.gamma = checked(gamma, real, parameters, "gamma");
  p.beta = checked(beta, real, parameters, "beta");
  p.statistics = checked(statistics, real, {kAdaLINStatistics, map.batch, map.channels}, "statistics");
  p.vresidual = checked(vresidual, element, shape_of(map), "vresidual");
  p.per_image = per_image(gamma);
  p.pad = pad;
  p.slope = slope;
  p.grad_dy = writable(grad_dy);
  p.grad_x = writable(grad_x);
  p.grad_rho = writable(grad_rho);
  p.grad_gamma = writable(grad_gamma);
  Device::run(p);
  return py::make_tuple(grad_dy, grad_x, grad_rho, grad_gamma);
}

template <class Device>
void define_adalin(py::module_& module) {
  using py::arg;
  module.def("adalin", adalin<Device>, arg("x"), arg("rho"), arg("gamma"), arg("beta"), arg("residual"), arg("slope"),
             arg("eps"), arg("pad"), arg("channels_last"));
  module.def("adalin_backward", adalin_backward<Device>, arg("dy"), arg("x"), arg("rho"), arg("gamma"), arg("beta"),
             arg("statistics"), arg("slope"), arg("pad"), arg("wants_dresidual"), arg("channels_last"));
  module.def("adalin_backward_backward", adalin_backward_backward<Device>, arg("ddx"), arg("vresidual"), arg("ddrho"),
             arg("ddgamma"), arg("ddbeta"), arg("dy"), arg("x"), arg("rho"), arg("gamma"), arg("beta"),
             arg("statistics"), arg("slope"), arg("pad"), arg("channels_last"));
}

}  // namespace imtrans
