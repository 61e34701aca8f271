// The moments on the CPU. Every pointer of the parameters is host memory; float16 is not among the types.
#pragma once

#include "common/moments.h"
#include "common/parallel.h"

namespace imtrans::cpu {

void launch_moments(const MomentsForward& parameters, ParallelFor run);
void launch_moments_backward(const MomentsBackward& parameters, ParallelFor run);
void launch_moments_backward_backward(const MomentsBackwardBackward& parameters, ParallelFor run);

}  // namespace imtrans::cpu
