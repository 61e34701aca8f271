// Picks the kernel that resamples for the machine and for the type of the maps.
#include "cpu/upfirdn2d.h"

#include "cpu/dispatch.h"
#include "cpu/kernel_includes.h"
#include "cpu/scratch.h"

#define IMTRANS_KERNELS "cpu/upfirdn2d_kernels.h"
#include "cpu/foreach_isa.h"

namespace imtrans::cpu {

void launch_upfirdn2d(const Upfirdn2d& parameters, ParallelFor run) { IMTRANS_DISPATCH(upfirdn2d, parameters, run) }

}  // namespace imtrans::cpu
