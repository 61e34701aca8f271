// Fills the parameters of AdaLIN from torch's tensors, for the CPU and the CUDA registration alike. The schemas are
// those of imtrans/ops/adalin.py.
#pragma once

#include <tuple>

#include "common/adalin.h"
#include "register/tensors.h"

namespace imtrans {

using Optional = std::optional<Tensor>;

// rho, gamma and beta of a call, checked, and whether the last two are those of each image.
struct AdaLINTensors {
  AdaLINTensors(const Tensor& x, const FeatureMap& map, const Tensor& rho, const Tensor& gamma, const Tensor& beta)
      : each(per_image(gamma)),
        rho(numbers(rho, x, map, map.channels, "rho")),
        gamma(numbers(gamma, x, map, parameter_count(map, each), "gamma")),
        beta(numbers(beta, x, map, parameter_count(map, each), "beta")) {}

  template <class Parameters>
  void fill(Parameters& p) const {
    p.rho = pointer(rho);
    p.gamma = pointer(gamma);
    p.beta = pointer(beta);
    p.per_image = each;
  }

  bool each;
  Tensor rho, gamma, beta;
};

// `launch(parameters)` runs the kernel before the temporaries that the parameters point into are gone.
template <typename Launch>
std::tuple<Tensor, Tensor> adalin(const Tensor& x, const Tensor& rho, const Tensor& gamma, const Tensor& beta,
                                  const Optional& residual, double slope, double eps, int64_t pad,
                                  const Launch& launch) {
  const FeatureMap map = describe(x);
  const AdaLINTensors own(x, map, rho, gamma, beta);
  const int64_t border = border_of(residual, map);
  const Optional r = ordered_as(residual, x, map, "residual", border);
  const int64_t sizes[] = {kAdaLINStatistics, map.batch, map.channels};
  Tensor y = new_padded(x, map, pad), statistics = torch::stable::new_empty(x, {sizes, 3}, statistics_type(map));
  AdaLINForward p{};
  p.map = map;
  p.x = pointer(x);
  own.fill(p);
  p.residual = pointer(r);
  p.residual_pad = border;
  p.pad = pad;
  p.slope = slope;
  p.eps = eps;
  p.y = writable(y);
  p.statistics = writable(statistics);
  launch(p);
  return {y, statistics};
}

template <typename Launch>
std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> adalin_backward(const Tensor& dy, const Tensor& x, const Tensor& rho,
                                                                   const Tensor& gamma, const Tensor& beta,
                                                                   const Tensor& statistics, double slope, int64_t pad,
                                                                   bool wants_dresidual, const Launch& launch) {
  const FeatureMap map = describe(x);
  const AdaLINTensors own(x, map, rho, gamma, beta);
  const Tensor g = ordered_as(dy, x, map, "dy", pad);
  const Tensor saved = numbers(statistics, x, map, kAdaLINStatistics * map.batch * map.channels, "statistics");
  Tensor dx = torch::stable::empty_like(x), dresidual = new_if(wants_dresidual, x);
  Tensor drho = new_gradient(x, map, false);
  Tensor dgamma = new_gradient(x, map, own.each), dbeta = new_gradient(x, map, own.each);
  AdaLINBackward p{};
  p.map = map;
  p.dy = pointer(g);
  p.x = pointer(x);
  own.fill(p);
  p.statistics = pointer(saved);
  p.pad = pad;
  p.slope = slope;
  p.dx = writable(dx);
  p.dresidual = writable(dresidual);
  p.drho = writable(drho);
  p.dgamma = writable(dgamma);
  p.dbeta = writable(dbeta);
  launch(p);
  return {dx, dresidual, drho, dgamma, dbeta};
}

template <typename Launch>
std::tuple<Tensor, Tensor, Tensor, Tensor> adalin_backward_backward(
    const Tensor& ddx, const Optional& vresidual, const Optional& ddrho, const Optional& ddgamma,
    const Optional& ddbeta, const Tensor& dy, const Tensor& x, const Tensor& rho, const Tensor& gamma,
    const Tensor& beta, const Tensor& statistics, double slope, int64_t pad, const Launch& launch) {
  const FeatureMap map = describe(x);
  const AdaLINTensors own(x, map, rho, gamma, beta);
  const int64_t count = parameter_count(map, own.each);
  const Tensor v = ordered_as(ddx, x, map, "ddx"), g = ordered_as(dy, x, map, "dy", pad);
  const Optional vresidual_ = ordered_as(vresidual, x, map, "vresidual");
  const Optional vr = numbers(ddrho, x, map, map.channels, "ddrho");
  const Optional vw = numbers(ddgamma, x, map, count, "ddgamma"), vb = numbers(ddbeta, x, map, count, "ddbeta");
  const Tensor saved = numbers(statistics, x, map, kAdaLINStatistics * map.batch * map.channels, "statistics");
  Tensor grad_dy = new_padded(x, map, pad), grad_x = torch::stable::empty_like(x);
  Tensor grad_rho = new_gradient(x, map, false), grad_gamma = new_gradient(x, map, own.each);
  AdaLINBackwardBackward p{};
  p.map = map;
  p.ddx = pointer(v);
  p.ddrho = pointer(vr);
  p.ddgamma = pointer(vw);
  p.ddbeta = pointer(vb);
  p.dy = pointer(g);
  p.x = pointer(x);
  own.fill(p);
  p.statistics = pointer(saved);
  p.vresidual = pointer(vresidual_);
  p.pad = pad;
  p.slope = slope;
  p.grad_dy = writable(grad_dy);
  p.grad_x = writable(grad_x);
  p.grad_rho = writable(grad_rho);
  p.grad_gamma = writable(grad_gamma);
  launch(p);
  return {grad_dy, grad_x, grad_rho, grad_gamma};
}

}  // namespace imtrans
