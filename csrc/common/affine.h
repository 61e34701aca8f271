// y = act(x * scale + shift) + residual, for channels-last maps with a scale and a shift for each image and channel:
// the end of a residual block, where the packed convolutions (common/convolution.h) leave a normalisation to whoever
// reads their output.
#pragma once

#include "common/feature_map.h"

namespace imtrans {

struct Affine {
  FeatureMap map;  // NHWC, float32 or bfloat16
  const void* x;
  const float* scale;  // optional: 1, (batch, channels), with shift
  const float* shift;
  float slope;           // 1 no activation, 0 ReLU, else leaky ReLU
  const void* residual;  // optional: 0, as x
  void* y;               // as x, and may be x or the residual
};

}  // namespace imtrans
