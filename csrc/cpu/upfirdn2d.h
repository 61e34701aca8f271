// Resampling with a filter on the CPU. Every pointer of the parameters is host memory; float16 is not among the types.
#pragma once

#include "common/parallel.h"
#include "common/upfirdn2d.h"

namespace imtrans::cpu {

void launch_upfirdn2d(const Upfirdn2d& parameters, ParallelFor run);

}  // namespace imtrans::cpu
