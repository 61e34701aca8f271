// Picks the kernel of AdaLIN for the machine and for the type of the maps.
#include "cpu/adalin.h"

#include "common/adalin_coefficients.h"
#include "cpu/dispatch.h"
#include "cpu/kernel_includes.h"

#define IMTRANS_KERNELS "cpu/adalin_kernels.h"
#include "cpu/foreach_isa.h"

namespace imtrans::cpu {

void launch_adalin(const AdaLINForward& parameters, ParallelFor run) { IMTRANS_DISPATCH(forward, parameters, run) }

void launch_adalin_backward(const AdaLINBackward& parameters, ParallelFor run) {
  IMTRANS_DISPATCH(backward, parameters, run)
}

void launch_adalin_backward_backward(const AdaLINBackwardBackward& parameters, ParallelFor run) {
  IMTRANS_DISPATCH(backward_backward, parameters, run)
}

}  // namespace imtrans::cpu
