// Picks the kernel of the instance norm for the machine and for the type of the maps.
#include "cpu/instance_norm.h"

#include "cpu/dispatch.h"
#include "cpu/kernel_includes.h"

#define IMTRANS_KERNELS "cpu/instance_norm_kernels.h"
#include "cpu/foreach_isa.h"

namespace imtrans::cpu {

void launch_instance_norm(const InstanceNormForward& parameters, ParallelFor run) {
  IMTRANS_DISPATCH(forward, parameters, run)
}

void launch_instance_norm_backward(const InstanceNormBackward& parameters, ParallelFor run) {
  IMTRANS_DISPATCH(backward, parameters, run)
}

void launch_instance_norm_backward_backward(const InstanceNormBackwardBackward& parameters, ParallelFor run) {
  IMTRANS_DISPATCH(backward_backward, parameters, run)
}

}  // namespace imtrans::cpu
