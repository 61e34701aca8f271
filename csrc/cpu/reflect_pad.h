// Reflection padding and its gradient on the CPU. Every pointer of the parameters is host memory. Padding copies
// elements of any type; folding adds them, and float16 is not among its types.
#pragma once

#include "common/parallel.h"
#include "common/reflect_pad.h"

namespace imtrans::cpu {

void launch_reflect_pad(const ReflectPad& parameters, ParallelFor run);
void launch_reflect_fold(const ReflectFold& parameters, ParallelFor run);

}  // namespace imtrans::cpu
