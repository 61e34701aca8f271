// The instance norm on the CPU. Every pointer of the parameters is host memory; float16 is not among the types.
#pragma once

#include "common/instance_norm.h"
#include "common/parallel.h"

namespace imtrans::cpu {

void launch_instance_norm(const InstanceNormForward& parameters, ParallelFor run);
void launch_instance_norm_backward(const InstanceNormBackward& parameters, ParallelFor run);
void launch_instance_norm_backward_backward(const InstanceNormBackwardBackward& parameters, ParallelFor run);

}  // namespace imtrans::cpu
