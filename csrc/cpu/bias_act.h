// The pointwise pass of StyleGAN2 on the CPU. Every pointer of the parameters is host memory; float16 is not among the
// types.
#pragma once

#include "common/bias_act.h"
#include "common/parallel.h"

namespace imtrans::cpu {

void launch_bias_act(const BiasActForward& parameters, ParallelFor run);
void launch_bias_act_backward(const BiasActBackward& parameters, ParallelFor run);
void launch_bias_act_backward_backward(const BiasActBackwardBackward& parameters, ParallelFor run);

}  // namespace imtrans::cpu
