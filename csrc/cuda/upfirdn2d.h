// Resampling with a filter on a GPU. Every pointer of the parameters is device memory; nothing here needs torch. A
// launch enqueues one kernel on the stream (a cudaStream_t) and returns: it allocates nothing and waits for nothing, so
// it may be captured into a CUDA graph.
#pragma once

#include "common/upfirdn2d.h"

namespace imtrans::cuda {

// Null, or what went wrong as one English phrase (a string with static storage).
using Status = const char*;

Status launch_upfirdn2d(const Upfirdn2d& parameters, void* stream);

}  // namespace imtrans::cuda
