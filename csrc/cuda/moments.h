// The moments on a GPU. What a launch does and needs is as for the instance norm, see cuda/instance_norm.h.
#pragma once

#include <cstdint>

#include "common/moments.h"

namespace imtrans::cuda {

using Status = const char*;

// Call it with every pointer of the parameters filled in: the tiling depends on their alignment.
int64_t workspace_bytes(const MomentsForward& parameters);
int64_t workspace_bytes(const MomentsBackward& parameters);
int64_t workspace_bytes(const MomentsBackwardBackward& parameters);

Status launch_moments(const MomentsForward& parameters, void* workspace, void* stream);
Status launch_moments_backward(const MomentsBackward& parameters, void* workspace, void* stream);
Status launch_moments_backward_backward(const MomentsBackwardBackward& parameters, void* workspace, void* stream);

}  // namespace imtrans::cuda
