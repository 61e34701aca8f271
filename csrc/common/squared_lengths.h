// How long the kernels of a convolution are when a style scales their channels: for each image n and output channel o
//
//     y[n, o] = sum over i of squares[n, i] * (sum over k of weight[o, i, k]^2)
//
// which demodulates StyleGAN2's convolution (imtrans/ops/demodulation.py).
#pragma once

#include "common/feature_map.h"

namespace imtrans {

struct SquaredLengths {
  FeatureMap map;  // of the weight: an output channel for an image, the taps of a kernel for pixels
  const void* weight;
  int64_t images;
  const void* squares;  // (images, channels), float32 (float64 for a float64 weight), as is y
  void* y;              // (images, batch)
};

}  // namespace imtrans
