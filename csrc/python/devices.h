// How a launch runs on each kind of kernel: parameters in, an exception if it fails.
#pragma once

#include <cstring>
#include <memory>
#include <stdexcept>

#include "cpu/adalin.h"
#include "cpu/bias_act.h"
#include "cpu/instance_norm.h"
#include "cpu/moments.h"
#include "cpu/reflect_pad.h"
#include "cpu/upfirdn2d.h"
#include "cuda/adalin.h"
#include "cuda/bias_act.h"
#include "cuda/instance_norm.h"
#include "cuda/moments.h"
#include "cuda/reflect_pad.h"
#include "cuda/upfirdn2d.h"

namespace imtrans {

struct OnCpu {
  static void run(const InstanceNormForward& p) { cpu::launch_instance_norm(p, serial_for); }
  static void run(const InstanceNormBackward& p) { cpu::launch_instance_norm_backward(p, serial_for); }
  static void run(const InstanceNormBackwardBackward& p) { cpu::launch_instance_norm_backward_backward(p, serial_for); }
  static void run(const AdaLINForward& p) { cpu::launch_adalin(p, serial_for); }
  static void run(const AdaLINBackward& p) { cpu::launch_adalin_backward(p, serial_for); }
  static void run(const AdaLINBackwardBackward& p) { cpu::launch_adalin_backward_backward(p, serial_for); }
  static void run(const MomentsForward& p) { cpu::launch_moments(p, serial_for); }
  static void run(const MomentsBackward& p) { cpu::launch_moments_backward(p, serial_for); }
  static void run(const MomentsBackwardBackward& p) { cpu::launch_moments_backward_backward(p, serial_for); }
  static void run(const ReflectPad& p) { cpu::launch_reflect_pad(p, serial_for); }
  static void run(const ReflectFold& p) { cpu::launch_reflect_fold(p, serial_for); }
  static void run(const BiasActForward& p) { cpu::launch_bias_act(p, serial_for); }
  static void run(const BiasActBackward& p) { cpu::launch_bias_act_backward(p, serial_for); }
  static void run(const BiasActBackwardBackward& p) { cpu::launch_bias_act_backward_backward(p, serial_for); }
  static void run(const Upfirdn2d& p) { cpu::launch_upfirdn2d(p, serial_for); }
};

struct OnCuda {
  static void require(cuda::Status status) {
    if (status != nullptr) throw std::runtime_error(status);
  }
  template <class Parameters, class Launch>
  static void run(const Parameters& p, const Launch& launch) {
    const std::unique_ptr<char[]> workspace(new char[cuda::workspace_bytes(p)]);
    std::memset(workspace.get(), 0xff, cuda::workspace_bytes(p));
    require(launch(p, workspace.get(), nullptr));
  }
  static void run(const InstanceNormForward& p) { run(p, cuda::launch_instance_norm); }
  static void run(const InstanceNormBackward& p) { run(p, cuda::launch_instance_norm_backward); }
  static void run(const InstanceNormBackwardBackward& p) { run(p, cuda::launch_instance_norm_backward_backward); }
  static void run(const AdaLINForward& p) { run(p, cuda::launch_adalin); }
  static void run(const AdaLINBackward& p) { run(p, cuda::launch_adalin_backward); }
  static void run(const AdaLINBackwardBackward& p) { run(p, cuda::launch_adalin_backward_backward); }
  static void run(const MomentsForward& p) { run(p, cuda::launch_moments); }
  static void run(const MomentsBackward& p) { run(p, cuda::launch_moments_backward); }
  static void run(const MomentsBackwardBackward& p) { run(p, cuda::launch_moments_backward_backward); }
  static void run(const ReflectPad& p) { require(cuda::launch_reflect_pad(p, nullptr)); }
  static void run(const ReflectFold& p) { require(cuda::launch_reflect_fold(p, nullptr)); }
  static void run(const BiasActForward& p) { run(p, cuda::launch_bias_act); }
  static void run(const BiasActBackward& p) { run(p, cuda::launch_bias_act_backward); }
  static void run(const BiasActBackwardBackward& p) { run(p, cuda::launch_bias_act_backward_backward); }
  static void run(const Upfirdn2d& p) { require(cuda::launch_upfirdn2d(p, nullptr)); }
};

}  // namespace imtrans
