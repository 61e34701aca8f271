// Lengths of kernels on the CPU. Every pointer of the parameters is host memory; float16 is not among the types.
#pragma once

#include "common/parallel.h"
#include "common/squared_lengths.h"

namespace imtrans::cpu {

void launch_squared_lengths(const SquaredLengths& parameters, ParallelFor run);

}  // namespace imtrans::cpu
