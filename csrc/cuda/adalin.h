// AdaLIN on a GPU. What a launch does and needs is as for the instance norm, see cuda/instance_norm.h.
#pragma once

#include <cstdint>

#include "common/adalin.h"

namespace imtrans::cuda {

using Status = const char*;

// Call it with every pointer of the parameters filled in: the tiling depends on their alignment.
int64_t workspace_bytes(const AdaLINForward& parameters);
int64_t workspace_bytes(const AdaLINBackward& parameters);
int64_t workspace_bytes(const AdaLINBackwardBackward& parameters);

Status launch_adalin(const AdaLINForward& parameters, void* workspace, void* stream);
Status launch_adalin_backward(const AdaLINBackward& parameters, void* workspace, void* stream);
Status launch_adalin_backward_backward(const AdaLINBackwardBackward& parameters, void* workspace, void* stream);

}  // namespace imtrans::cuda
