// Picks the kernel of the lengths for the machine and for the type of the weight.
#include "cpu/squared_lengths.h"

#include "cpu/dispatch.h"
#include "cpu/kernel_includes.h"
#include "cpu/scratch.h"

#define IMTRANS_KERNELS "cpu/squared_lengths_kernels.h"
#include "cpu/foreach_isa.h"

namespace imtrans::cpu {

void launch_squared_lengths(const SquaredLengths& parameters, ParallelFor run) {
  IMTRANS_DISPATCH(squared_lengths, parameters, run)
}

}  // namespace imtrans::cpu
