// The pointwise pass of StyleGAN2 on a GPU. What a launch does and needs is as for the instance norm, see
// cuda/instance_norm.h; the gradients sum while they write, and a second, small kernel merges the sums.
#pragma once

#include <cstdint>

#include "common/bias_act.h"

namespace imtrans::cuda {

using Status = const char*;

// Call it with every pointer of the parameters filled in: the tiling depends on their alignment.
int64_t workspace_bytes(const BiasActForward& parameters);
int64_t workspace_bytes(const BiasActBackward& parameters);
int64_t workspace_bytes(const BiasActBackwardBackward& parameters);

Status launch_bias_act(const BiasActForward& parameters, void* workspace, void* stream);
Status launch_bias_act_backward(const BiasActBackward& parameters, void* workspace, void* stream);
Status launch_bias_act_backward_backward(const BiasActBackwardBackward& parameters, void* workspace, void* stream);

}  // namespace imtrans::cuda
