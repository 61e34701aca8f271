// Parameters of the kernels for everything pointwise between two convolutions of StyleGAN2.
//
// For image n, channel c, pixel p, with d = scale, w = strength, b = bias and s = style:
//
//     z = x d[n,c] + w noise[n,p] + b[c]
//     t = gain z where z > 0, gain slope z elsewhere
//     u = t clamped to [-clamp, clamp]
//     y = u s[n,c]
//
// u is linear in z but for its kinks. Let m = du/dz: gain or gain slope, and 0 where t is beyond the clamp. Numbers of
// each channel, and all sums, are float32 (float64 for maps of float64); maps without a border, all dense alike.
#pragma once

#include "common/feature_map.h"

namespace imtrans {

struct BiasAct {
  FeatureMap map;
  const void* x;
  const void* scale;     // optional: 1, (batch, channels)
  const void* bias;      // optional: 0, (channels,)
  const void* noise;     // optional: 0, (noises, height, width)
  int64_t noises;        // 1 or batch
  const void* strength;  // optional: 1, one number
  const void* style;     // optional: 1, (batch, channels)
  double slope;          // 1 no activation, 0 ReLU, else leaky ReLU
  double gain;
  double clamp;  // infinity for none
};

struct BiasActForward : BiasAct {
  void* y;
};

// With a = d s and e = m dy, and S(.) a sum over the pixels of a channel of an image:
//
//     dx = a e        sums = S(e), S(e x), S(e noise), S(u dy)
//
// of which the gradients of the parameters are made, in as many numbers as these have:
//
//     dd = s S(e x)      db = sum over n of s S(e)      dw = sum over n, c of s S(e noise)      ds = S(u dy)
struct BiasActBackward : BiasAct {
  const void* dy;
  void* dx;
  void* sums;  // (4, batch, channels)
};

// dx and the sums are linear in dy. With v what dx is multiplied by and k[0..3] what the sums are, the gradient of
// S(v dx) + k[0] S(e) + k[1] S(e x) + k[2] S(e noise) + k[3] S(u dy):
//
//     by dy:  m (a v + k[0] + k[1] x + k[2] noise) + k[3] u
//     by x:   e (k[1] + k[3] d)
//
//     sums = S(e), S(e x), S(e noise), S(e v)
//
// give the gradients of the parameters: by a, S(e v); through u, by b, d and w, k[3] times S(e), S(e x), S(e noise).
// Without k, as in R1, that by x is zero.
struct BiasActBackwardBackward : BiasAct {
  const void* ddx;
  const void* dsums;  // optional: 0, (4, batch, channels)
  const void* dy;
  void* grad_dy;
  void* grad_x;  // null without dsums
  void* sums;    // (4, batch, channels)
};

constexpr int kBiasActSums = 4;

}  // namespace imtrans
