// Parameters of the three instance norm kernels, shared by the CPU and the CUDA side.
//
// The formula, with statistics over the pixels of one channel of one image:
//
//     mean = E[x]      rstd = 1 / sqrt(E[(x - mean)^2] + eps)
//     z = (x - mean) * rstd * weight + bias
//     y = pad((z > 0 ? z : slope * z) + residual)     slope: 1 no activation, 0 ReLU, else leaky ReLU
//
// pad(.) adds a border of `pad` reflected pixels on each side, as torch.nn.ReflectionPad2d does: y, dy and grad_dy have
// height + 2 pad rows of width + 2 pad pixels, every other map height rows of width. pad is less than both sides.
// The residual may be the interior of a larger map with `residual_pad` pixels around it; that border is never read.
//
// Types: maps (x, y, dy, dx, residual, ddx, grad_dy, grad_x) have FeatureMap::dtype; everything per channel or per
// (image, channel) has the statistics type: double where the maps are double, else float.
// Shapes: weight, bias and their gradients (channels,), or (batch, channels) where `per_image` (AdaIN); mean and rstd
// (batch, channels). Optional pointers may be null.
#pragma once

#include "common/feature_map.h"

namespace imtrans {

struct InstanceNormForward {
  FeatureMap map;
  const void* x;
  const void* weight;    // optional: 1
  const void* bias;      // optional: 0
  const void* residual;  // optional: 0
  int64_t residual_pad;
  bool per_image;
  int64_t pad;
  double slope;
  double eps;
  void* y;
  void* mean;
  void* rstd;
};

// With fold(.) the gradient of pad(.), which adds to each pixel what its reflections in the border were given,
// g = fold(dy) * (z > 0 ? 1 : slope) and xhat = (x - mean) * rstd:
//
//     dx = weight * rstd * (g - E[g] - xhat * E[g * xhat])
//     dweight = sum over images and pixels of g * xhat        dbias = the same of g       (not over images: per_image)
//     dresidual = fold(dy), wanted only where pad > 0: without a border it is dy itself and needs no kernel
//
struct InstanceNormBackward {
  FeatureMap map;
  const void* dy;
  const void* x;
  const void* weight;  // optional
  const void* bias;    // optional
  const void* mean;
  const void* rstd;
  bool per_image;
  int64_t pad;
  double slope;
  void* dx;
  void* dresidual;  // optional, height x width
  void* dweight;    // optional: null where weight is null
  void* dbias;      // optional: null where bias is null
};

// The gradient of L = <ddx, dx> + <ddweight, dweight> + <ddbias, dbias>, through mean and rstd as functions of x.
// With S(.) a sum over the pixels of one (image, channel), m their number, w the weight, r the rstd, v = ddx,
// vw = ddweight, vb = ddbias:
//
//     K  = S(v g) - S(v) S(g) / m - S(v xhat) S(g xhat) / m
//     H1 = -(w r / m) (S(v) S(g xhat) + S(g) S(v xhat)) + vw S(g)
//     H2 = -2 (w r / m) S(v xhat) S(g xhat) + vw S(g xhat)
//
//     grad_dy     = pad((z > 0 ? 1 : slope) * (w r v + (vw - w r S(v xhat) / m) xhat + vb - w r S(v) / m) + vresidual)
//     grad_x      = -(w r^2 S(g xhat) / m) v + r (vw - w r S(v xhat) / m) g - (r H2 + w r^2 K) / m xhat - r H1 / m
//     grad_weight = sum over images of r K                                                 (not summed: per_image)
//
// vresidual is what stands against dresidual in L; null where there is none.
// The bias only moves the kink of the activation, so its gradient is zero almost everywhere and is not computed.
struct InstanceNormBackwardBackward {
  FeatureMap map;
  const void* ddx;
  const void* ddweight;  // optional: 0
  const void* ddbias;    // optional: 0
  const void* dy;
  const void* x;
  const void* weight;  // optional
  const void* bias;    // optional
  const void* mean;
  const void* rstd;
  const void* vresidual;  // optional: 0, height x width
  bool per_image;
  int64_t pad;
  double slope;
  void* grad_dy;
  void* grad_x;
  void* grad_weight;  // optional: null where weight is null
};

}  // namespace imtrans
