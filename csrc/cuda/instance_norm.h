// The instance norm on a GPU. Every pointer of the parameters is device memory; nothing here needs torch.
//
// A launch enqueues kernels on the stream and returns: it allocates nothing and waits for nothing, so it may be
// captured into a CUDA graph. The caller gives `workspace`, device memory of workspace_bytes(parameters), aligned to 16
// bytes. `stream` is a cudaStream_t.
#pragma once

#include <cstdint>

#include "common/instance_norm.h"

namespace imtrans::cuda {

// What a launch returns: null, or what went wrong as one English phrase (a string with static storage).
using Status = const char*;

// Call it with every pointer of the parameters filled in: the tiling depends on their alignment.
int64_t workspace_bytes(const InstanceNormForward& parameters);
int64_t workspace_bytes(const InstanceNormBackward& parameters);
int64_t workspace_bytes(const InstanceNormBackwardBackward& parameters);

Status launch_instance_norm(const InstanceNormForward& parameters, void* workspace, void* stream);
Status launch_instance_norm_backward(const InstanceNormBackward& parameters, void* workspace, void* stream);
Status launch_instance_norm_backward_backward(const InstanceNormBackwardBackward& parameters, void* workspace,
                                              void* stream);

}  // namespace imtrans::cuda
