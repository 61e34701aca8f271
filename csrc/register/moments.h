// Fills the parameters of the moments from torch's tensors, for the CPU and the CUDA registration alike. The schemas
// are those of imtrans/ops/moments.py.
#pragma once

#include <tuple>

#include "common/moments.h"
#include "register/tensors.h"

namespace imtrans {

using Optional = std::optional<Tensor>;

// `launch(parameters)` runs the kernel before the temporaries that the parameters point into are gone.
template <typename Launch>
std::tuple<Tensor, Tensor> moments(const Tensor& x, double eps, const Launch& launch) {
  const FeatureMap map = describe(x);
  Tensor mean = new_statistics(x, map), std = new_statistics(x, map);
  launch(MomentsForward{map, pointer(x), eps, writable(mean), writable(std)});
  return {mean, std};
}

template <typename Launch>
Tensor moments_backward(const Optional& dmean, const Optional& dstd, const Tensor& x, const Tensor& mean,
                        const Tensor& std, const Launch& launch) {
  const FeatureMap map = describe(x);
  const int64_t count = map.batch * map.channels;
  const Optional gm = numbers(dmean, x, map, count, "dmean"), gs = numbers(dstd, x, map, count, "dstd");
  const Tensor mu = numbers(mean, x, map, count, "mean"), sigma = numbers(std, x, map, count, "std");
  Tensor dx = torch::stable::empty_like(x);
  launch(MomentsBackward{map, pointer(gm), pointer(gs), pointer(x), pointer(mu), pointer(sigma), writable(dx)});
  return dx;
}

template <typename Launch>
std::tuple<Tensor, Tensor, Tensor> moments_backward_backward(const Tensor& ddx, const Optional& dstd, const Tensor& x,
                                                             const Tensor& mean, const Tensor& std,
                                                             const Launch& launch) {
  const FeatureMap map = describe(x);
  const int64_t count = map.batch * map.channels;
  const Tensor v = ordered_as(ddx, x, map, "ddx");
  const Optional gs = numbers(dstd, x, map, count, "dstd");
  const Tensor mu = numbers(mean, x, map, count, "mean"), sigma = numbers(std, x, map, count, "std");
  Tensor grad_dmean = new_statistics(x, map), grad_dstd = new_statistics(x, map);
  Tensor grad_x = torch::stable::empty_like(x);
  launch(MomentsBackwardBackward{map, pointer(v), pointer(gs), pointer(x), pointer(mu), pointer(sigma),
                                 writable(grad_dmean), writable(grad_dstd), writable(grad_x)});
  return {grad_dmean, grad_dstd, grad_x};
}

}  // namespace imtrans
