// Fills the parameters of the instance norm from torch's tensors; the CPU and the CUDA registration share it, so that
// both check alike and give outputs of the same shapes, types and strides. The schemas are those of
// imtrans/ops/instance_norm.py.
#pragma once

#include <tuple>

#include "common/instance_norm.h"
#include "register/tensors.h"

namespace imtrans {

using Outputs = std::tuple<Tensor, Tensor, Tensor>;
using Optional = std::optional<Tensor>;

// `launch(parameters)` runs the kernel before the temporaries that the parameters point into are gone.
template <typename Launch>
Outputs instance_norm(const Tensor& x, const Optional& weight, const Optional& bias, const Optional& residual,
                      double slope, double eps, const Launch& launch) {
  const FeatureMap map = describe(x);
  const Optional w = numbers(weight, x, map, map.channels, "weight");
  const Optional b = numbers(bias, x, map, map.channels, "bias");
  Optional r;
  if (residual.has_value()) r = ordered_as(*residual, x, map, "residual");
  Tensor y = torch::stable::empty_like(x);
  Tensor mean = new_statistics(x, map), rstd = new_statistics(x, map);
  launch(InstanceNormForward{map, pointer(x), pointer(w), pointer(b), pointer(r), 0, false, 0, slope, eps, writable(y),
                             writable(mean), writable(rstd)});
  return {y, mean, rstd};
}

template <typename Launch>
Outputs instance_norm_backward(const Tensor& dy, const Tensor& x, const Optional& weight, const Optional& bias,
                               const Tensor& mean, const Tensor& rstd, double slope, const Launch& launch) {
  const FeatureMap map = describe(x);
  const Tensor g = ordered_as(dy, x, map, "dy");
  const Optional w = numbers(weight, x, map, map.channels, "weight");
  const Optional b = numbers(bias, x, map, map.channels, "bias");
  const Tensor mu = numbers(mean, x, map, map.batch * map.channels, "mean");
  const Tensor r = numbers(rstd, x, map, map.batch * map.channels, "rstd");
  Tensor dx = torch::stable::empty_like(x);
  Tensor dweight = new_gradient(weight, x, map), dbias = new_gradient(bias, x, map);
  launch(InstanceNormBackward{map, pointer(g), pointer(x), pointer(w), pointer(b), pointer(mu), pointer(r), false, 0,
                              slope, writable(dx), nullptr, writable(dweight), writable(dbias)});
  return {dx, dweight, dbias};
}

template <typename Launch>
Outputs instance_norm_backward_backward(const Tensor& ddx, const Optional& ddweight, const Optional& ddbias,
                                        const Tensor& dy, const Tensor& x, const Optional& weight, const Optional& bias,
                                        const Tensor& mean, const Tensor& rstd, double slope, const Launch& launch) {
  const FeatureMap map = describe(x);
  const Tensor v = ordered_as(ddx, x, map, "ddx"), g = ordered_as(dy, x, map, "dy");
  const Optional vw = numbers(ddweight, x, map, map.channels, "ddweight");
  const Optional vb = numbers(ddbias, x, map, map.channels, "ddbias");
  const Optional w = numbers(weight, x, map, map.channels, "weight");
  const Optional b = numbers(bias, x, map, map.channels, "bias");
  const Tensor mu = numbers(mean, x, map, map.batch * map.channels, "mean");
  const Tensor r = numbers(rstd, x, map, map.batch * map.channels, "rstd");
  Tensor grad_dy = torch::stable::empty_like(x), grad_x = torch::stable::empty_like(x);
  Tensor grad_weight = new_gradient(weight, x, map);
  launch(InstanceNormBackwardBackward{map, pointer(v), pointer(vw), pointer(vb), pointer(g), pointer(x), pointer(w),
                                      pointer(b), pointer(mu), pointer(r), nullptr, false, 0, slope, writable(grad_dy),
                                      writable(grad_x), writable(grad_weight)});
  return {grad_dy, grad_x, grad_weight};
}

}  // namespace imtrans
