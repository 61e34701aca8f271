// Parameters of the three kernels that take the moments of each channel of each image, for AdaIN and style losses.
//
//     mean = E[x]      std = sqrt(D / (m - 1) + eps)      D = sum of (x - mean)^2 over the m pixels; m - 1 at least 1
//
// Huang and Belongie: Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization, 2017, with the
// unbiased variance of the authors' code. mean, std and what stands against them are (batch, channels), of the
// statistics type (common/instance_norm.h).
#pragma once

#include "common/feature_map.h"

namespace imtrans {

struct MomentsForward {
  FeatureMap map;
  const void* x;
  double eps;
  void* mean;
  void* std;
};

// With d = x - mean:
//
//     dx = dmean / m + dstd d / ((m - 1) std)
struct MomentsBackward {
  FeatureMap map;
  const void* dmean;  // optional: 0
  const void* dstd;   // optional: 0
  const void* x;
  const void* mean;
  const void* std;
  void* dx;
};

// The gradient of <ddx, dx>, with v = ddx and S(.) a sum over the pixels of a channel:
//
//     grad_dmean = S(v) / m        grad_dstd = S(v d) / ((m - 1) std)
//     grad_x = k (v - S(v) / m - grad_dstd / std * d)      k = dstd / ((m - 1) std)
struct MomentsBackwardBackward {
  FeatureMap map;
  const void* ddx;
  const void* dstd;  // optional: 0
  const void* x;
  const void* mean;
  const void* std;
  void* grad_dmean;
  void* grad_dstd;
  void* grad_x;
};

}  // namespace imtrans
