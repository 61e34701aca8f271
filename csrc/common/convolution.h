// Parameters of the CPU convolutions that run networks: weights packed ahead of time, maps channels-last, the
// normalisation of the layer before applied while its maps are read, the statistics of this layer taken while its maps
// are written. Forward only.
//
//     in = act(x * scale + shift)                    per image and channel; scale null: in = x
//     y  = conv(bordered in) + bias
//     mean, var of y per image and channel, and from them, where y_scale is not null,
//     y_scale = gamma / sqrt(var + eps)              y_shift = beta - mean * y_scale
//
// so that y_scale and y_shift are the scale and shift with which the next layer reads y: an instance norm costs no pass
// of its own.
#pragma once

#include "common/feature_map.h"

namespace imtrans {

// What a convolution sees beyond the border of its map.
enum class Border : int { kZero, kReflect, kReplicate };

// A layer: everything about it but its numbers. `kernel` is square. A transposed convolution is PyTorch's
// ConvTranspose2d with this stride, padding and output_padding, over a map whose border goes on as `border` says.
struct ConvolutionLayer {
  int64_t in_channels;
  int64_t out_channels;
  int64_t kernel;
  int64_t stride;
  int64_t padding;
  int64_t output_padding;
  bool transposed;
  Border border;
  DType dtype;  // of x and of the packed weights: float32 or bfloat16

  int64_t out_size(int64_t in) const {
    if (transposed) return (in - 1) * stride - 2 * padding + kernel + output_padding;
    return (in + 2 * padding - kernel) / stride + 1;
  }
};

struct Convolution {
  ConvolutionLayer layer;
  FeatureMap map;  // of x, NHWC
  const void* x;
  const float* scale;  // optional, (batch, in_channels), with shift
  const float* shift;
  float slope;  // of act: 1 none, 0 ReLU, else leaky ReLU
  const void* packed;
  const float* bias;   // optional, (out_channels)
  DType y_dtype;       // float32, or that of the layer
  void* y;             // (batch, out_size(height), out_size(width), out_channels)
  const float* gamma;  // optional: 1, (out_channels)
  const float* beta;   // optional: 0
  double eps;
  float* y_scale;  // optional, (batch, out_channels), with y_shift
  float* y_shift;
};

}  // namespace imtrans
