// AdaLIN on the CPU. Every pointer of the parameters is host memory; float16 is not among the types.
#pragma once

#include "common/adalin.h"
#include "common/parallel.h"

namespace imtrans::cpu {

void launch_adalin(const AdaLINForward& parameters, ParallelFor run);
void launch_adalin_backward(const AdaLINBackward& parameters, ParallelFor run);
void launch_adalin_backward_backward(const AdaLINBackwardBackward& parameters, ParallelFor run);

}  // namespace imtrans::cpu
