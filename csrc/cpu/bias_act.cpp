// Picks the kernel of the pointwise pass for the machine and for the type of the maps.
#include "cpu/bias_act.h"

#include "cpu/dispatch.h"
#include "cpu/kernel_includes.h"

#define IMTRANS_KERNELS "cpu/bias_act_kernels.h"
#include "cpu/foreach_isa.h"

namespace imtrans::cpu {

void launch_bias_act(const BiasActForward& parameters, ParallelFor run) { IMTRANS_DISPATCH(forward, parameters, run) }

void launch_bias_act_backward(const BiasActBackward& parameters, ParallelFor run) {
  IMTRANS_DISPATCH(backward, parameters, run)
}

void launch_bias_act_backward_backward(const BiasActBackwardBackward& parameters, ParallelFor run) {
  IMTRANS_DISPATCH(backward_backward, parameters, run)
}

}  // namespace imtrans::cpu
