// Picks the kernel of the moments for the machine and for the type of the maps.
#include "cpu/moments.h"

#include "cpu/dispatch.h"
#include "cpu/kernel_includes.h"

#define IMTRANS_KERNELS "cpu/moments_kernels.h"
#include "cpu/foreach_isa.h"

namespace imtrans::cpu {

void launch_moments(const MomentsForward& parameters, ParallelFor run) { IMTRANS_DISPATCH(forward, parameters, run) }

void launch_moments_backward(const MomentsBackward& parameters, ParallelFor run) {
  IMTRANS_DISPATCH(backward, parameters, run)
}

void launch_moments_backward_backward(const MomentsBackwardBackward& parameters, ParallelFor run) {
  IMTRANS_DISPATCH(backward_backward, parameters, run)
}

}  // namespace imtrans::cpu
