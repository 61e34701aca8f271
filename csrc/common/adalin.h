// Parameters of the three AdaLIN kernels, shared by the CPU and the CUDA side, and the derivation of both gradients.
//
// Kim et al.: U-GAT-IT, 2020, equation 1, with the authors' unbiased variances. For one image, with mean_c and D_c the
// mean and the sum of squared deviations of channel c over its m pixels, and M = channels * m:
//
//     d    = x - mean_c                          e_c  = mean_c - mean of the whole image ("apart")
//     rI_c = 1 / sqrt(D_c / (m - 1) + eps)       xI   = d * rI_c
//     rL   = 1 / sqrt(D_L / (M - 1) + eps)       xL   = (d + e_c) * rL       D_L = sum over c of D_c + m e_c^2
//     xhat = rho_c xI + (1 - rho_c) xL           z    = gamma * xhat + beta
//     y    = pad((z > 0 ? z : slope * z) + residual)
//
// One element alone has a variance of 0 here, where torch.var has NaN: read m - 1 and M - 1 as at least 1.
//
// Within one channel of one image xhat = a d + b is affine in d, with a = rho rI + (1 - rho) rL and b = (1 - rho) rL e.
// So all three kernels add up and apply exactly what those of the instance norm do (common/instance_norm.h), and only
// the coefficients between the two steps differ. They couple the channels of an image through a few sums over channels,
// its totals. common/adalin_coefficients.h computes both, for the CPU and for CUDA.
//
// Types and shapes are those of common/instance_norm.h. rho and its gradients are (channels,); gamma, beta and their
// gradients (batch, channels) where `per_image` (AdaLIN), else (channels,) (LIN); statistics (4, batch, channels), see
// AdaLINStatistic.
#pragma once

#include "common/feature_map.h"

namespace imtrans {

// Rows of `statistics`. layer_rstd is the same for all channels of an image.
enum AdaLINStatistic : int { kAdaLINMean, kAdaLINRstd, kAdaLINApart, kAdaLINLayerRstd, kAdaLINStatistics };

struct AdaLINForward {
  FeatureMap map;
  const void* x;
  const void* rho;
  const void* gamma;
  const void* beta;
  const void* residual;  // optional: 0
  int64_t residual_pad;
  bool per_image;
  int64_t pad;
  double slope;
  double eps;
  void* y;
  void* statistics;
};

// With g = fold(dy) * (z > 0 ? 1 : slope), q = 1 - rho, S(.) a sum over the pixels of a channel and SL(.) one over the
// channels of an image:
//
//     T0 = SL(q gamma S(g))        T1 = SL(q gamma S(g xL))                                              (totals)
//     dx = A g + B d + C
//     A  = gamma a
//     B  = -rho gamma rI^2 S(g xI) / (m - 1) - rL^2 T1 / (M - 1)
//     C  = -rho gamma rI S(g) / m - rL T0 / M - rL^2 T1 e / (M - 1)
//     drho = sum over images of gamma (S(g xI) - S(g xL))       dgamma = S(g xhat)       dbeta = S(g)
//     dresidual = fold(dy), wanted only where pad > 0
//
// dgamma and dbeta are summed over the images unless `per_image`.
struct AdaLINBackward {
  FeatureMap map;
  const void* dy;
  const void* x;
  const void* rho;
  const void* gamma;
  const void* beta;
  const void* statistics;
  bool per_image;
  int64_t pad;
  double slope;
  void* dx;
  void* dresidual;  // optional, height x width
  void* drho;
  void* dgamma;
  void* dbeta;
};

// The gradient of L = <ddx, dx> + <ddrho, drho> + <ddgamma, dgamma> + <ddbeta, dbeta> + <vresidual, dresidual>.
//
// With v = ddx, vr = ddrho, vw = ddgamma, vb = ddbeta, L without its last term is, for each image, a function of sums:
//
//     L = SL( gamma a S(v g) - rho gamma rI^3 S(g d) S(v d) / (m - 1) - rho gamma rI S(g) S(v) / m
//             + vw S(g xhat) + vb S(g) + vr gamma (S(g xI) - S(g xL)) ) - rL T0 V0 / M - rL T1 V1 / (M - 1)
//     V0 = SL(S(v))      V1 = SL(S(v xL))
//
// Its partial derivatives, with W = rL V0 / M, W1 = rL V1 / (M - 1), X1 = rL T1 / (M - 1), u = q vw - gamma vr:
//
//     by S(v g)     P  = A                                                 by S(v d)    E = B
//     by S(g d)     Q  = -rho gamma rI^2 S(v xI) / (m - 1) - q gamma rL W1 + vw a + vr gamma (rI - rL)
//     by S(g)       R  = -rho gamma rI S(v) / m - q gamma (W + W1 rL e) + vw b + vb - vr gamma rL e
//     by rI         LI = rho gamma (S(v g) - 3 rI^2 S(g d) S(v d) / (m - 1) - S(g) S(v) / m)
//                        + (rho vw + gamma vr) S(g d)
//     by rL         LL = SL(q gamma S(v g) + u S(g (d + e))) - T0 V0 / M - 3 T1 V1 / (M - 1)
//     by e          Le = -q gamma rL W1 S(g) - rL X1 S(v) + u rL S(g)
//
// and those of the sums by an element of x are g - S(g) / m for S(g d), v - S(v) / m for S(v d), -rI^3 d / (m - 1) for
// rI, -rL^3 (d + e) / (M - 1) for rL and 1 / m less 1 / M over all channels for e. Together
//
//     grad_dy    = pad((z > 0 ? 1 : slope) * (P v + Q d + R) + vresidual)
//     grad_x     = E v + Q g + G d + H
//     G          = -rI^3 LI / (m - 1) - rL^3 LL / (M - 1)
//     H          = -Q S(g) / m - E S(v) / m + Le / m - SL(Le) / M - rL^3 LL e / (M - 1)
//     grad_gamma = a S(v g) - rho rI^3 S(g d) S(v d) / (m - 1) - rho rI S(g) S(v) / m - q (W S(g) + W1 S(g xL))
//                  + vr (S(g xI) - S(g xL))
//     grad_rho   = sum over images of gamma ((rI - rL) S(v g) - rI^3 S(g d) S(v d) / (m - 1) - rI S(g) S(v) / m
//                  + W S(g) + W1 S(g xL)) + vw (S(g xI) - S(g xL))
//
// beta only moves the kink of the activation: no gradient almost everywhere.
struct AdaLINBackwardBackward {
  FeatureMap map;
  const void* ddx;
  const void* ddrho;    // optional: 0
  const void* ddgamma;  // optional: 0
  const void* ddbeta;   // optional: 0
  const void* dy;
  const void* x;
  const void* rho;
  const void* gamma;
  const void* beta;
  const void* statistics;
  const void* vresidual;  // optional: 0, height x width
  bool per_image;
  int64_t pad;
  double slope;
  void* grad_dy;
  void* grad_x;
  void* grad_rho;
  void* grad_gamma;
};

}  // namespace imtrans
