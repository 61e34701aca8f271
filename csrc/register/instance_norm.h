// Fills the parameters of the instance norm from torch's tensors; the CPU and the CUDA registration share it, so that
// both check alike and give outputs of the same shapes, types and strides. The schemas are those of
// imtrans/ops/instance_norm.py.
#pragma once

#include <tuple>

#include "common/instance_norm.h"
#include "register/tensors.h"

namespace imtrans {

using Optional = std::optional<Tensor>;

// `launch(parameters)` runs the kernel before the temporaries that the parameters point into are gone.
template <typename Launch>
std::tuple<Tensor, Tensor, Tensor> instance_norm(const Tensor& x, const Optional& weight, const Optional& bias,
                                                 const Optional& residual, double slope, double eps, int64_t pad,
                                                 const Launch& launch) {
  const FeatureMap map = describe(x);
  const bool each = per_image(weight) || per_image(bias);
  const int64_t count = parameter_count(map, each), border = border_of(residual, map);
  const Optional w = numbers(weight, x, map, count, "weight");
  const Optional b = numbers(bias, x, map, count, "bias");
  const Optional r = ordered_as(residual, x, map, "residual", border);
  Tensor y = new_padded(x, map, pad);
  Tensor mean = new_statistics(x, map), rstd = new_statistics(x, map);
  InstanceNormForward p{};
  p.map = map;
  p.x = pointer(x);
  p.weight = pointer(w);
  p.bias = pointer(b);
  p.residual = pointer(r);
  p.residual_pad = border;
  p.per_image = each;
  p.pad = pad;
  p.slope = slope;
  p.eps = eps;
  p.y = writable(y);
  p.mean = writable(mean);
  p.rstd = writable(rstd);
  launch(p);
  return {y, mean, rstd};
}

template <typename Launch>
std::tuple<Tensor, Tensor, Tensor, Tensor> instance_norm_backward(const Tensor& dy, const Tensor& x,
                                                                  const Optional& weight, const Optional& bias,
                                                                  const Tensor& mean, const Tensor& rstd, double slope,
                                                                  int64_t pad, bool wants_dresidual,
                                                                  const Launch& launch) {
  const FeatureMap map = describe(x);
  const bool each = per_image(weight) || per_image(bias);
  const int64_t count = parameter_count(map, each);
  const Tensor g = ordered_as(dy, x, map, "dy", pad);
  const Optional w = numbers(weight, x, map, count, "weight");
  const Optional b = numbers(bias, x, map, count, "bias");
  const Tensor mu = numbers(mean, x, map, map.batch * map.channels, "mean");
  const Tensor r = numbers(rstd, x, map, map.batch * map.channels, "rstd");
  Tensor dx = torch::stable::empty_like(x), dresidual = new_if(wants_dresidual, x);
  Tensor dweight = new_gradient(weight, x, map, each), dbias = new_gradient(bias, x, map, each);
  InstanceNormBackward p{};
  p.map = map;
  p.dy = pointer(g);
  p.x = pointer(x);
  p.weight = pointer(w);
  p.bias = pointer(b);
  p.mean = pointer(mu);
  p.rstd = pointer(r);
  p.per_image = each;
  p.pad = pad;
  p.slope = slope;
  p.dx = writable(dx);
  p.dresidual = writable(dresidual);
  p.dweight = writable(dweight);
  p.dbias = writable(dbias);
  launch(p);
  return {dx, dresidual, dweight, dbias};
}

template <typename Launch>
std::tuple<Tensor, Tensor, Tensor> instance_norm_backward_backward(const Tensor& ddx, const Optional& vresidual,
                                                                   const Optional& ddweight, const Optional& ddbias,
                                                                   const Tensor& dy, const Tensor& x,
                                                                   const Optional& weight, const Optional& bias,
                                                                   const Tensor& mean, const Tensor& rstd, double slope,
                                                                   int64_t pad, const Launch& launch) {
  const FeatureMap map = describe(x);
  const bool each = per_image(weight) || per_image(bias);
  const int64_t count = parameter_count(map, each);
  const Tensor v = ordered_as(ddx, x, map, "ddx"), g = ordered_as(dy, x, map, "dy", pad);
  const Optional vr = ordered_as(vresidual, x, map, "vresidual");
  const Optional vw = numbers(ddweight, x, map, count, "ddweight");
  const Optional vb = numbers(ddbias, x, map, count, "ddbias");
  const Optional w = numbers(weight, x, map, count, "weight");
  const Optional b = numbers(bias, x, map, count, "bias");
  const Tensor mu = numbers(mean, x, map, map.batch * map.channels, "mean");
  const Tensor r = numbers(rstd, x, map, map.batch * map.channels, "rstd");
  Tensor grad_dy = new_padded(x, map, pad), grad_x = torch::stable::empty_like(x);
  Tensor grad_weight = new_gradient(weight, x, map, each);
  InstanceNormBackwardBackward p{};
  p.map = map;
  p.ddx = pointer(v);
  p.ddweight = pointer(vw);
  p.ddbias = pointer(vb);
  p.dy = pointer(g);
  p.x = pointer(x);
  p.weight = pointer(w);
  p.bias = pointer(b);
  p.mean = pointer(mu);
  p.rstd = pointer(r);
  p.vresidual = pointer(vr);
  p.per_image = each;
  p.pad = pad;
  p.slope = slope;
  p.grad_dy = writable(grad_dy);
  p.grad_x = writable(grad_x);
  p.grad_weight = writable(grad_weight);
  launch(p);
  return {grad_dy, grad_x, grad_weight};
}

}  // namespace imtrans
