// Where a CUDA kernel of ours runs: on the device of its tensor, on torch's current stream, in memory of torch's pool.
//
// Only torch's stable C interface is used. Its headers hide the one function for streams unless torch itself is built
// with CUDA, so it is declared here; the file then compiles against any torch. The declaration is weak, so that a
// library with CUDA kernels also loads beside a torch without CUDA, where nobody calls it.
#pragma once

#include <torch/csrc/stable/accelerator.h>

#include <string>

#include "register/tensors.h"

extern "C" __attribute__((weak)) AOTITorchError aoti_torch_get_current_cuda_stream(int32_t device_index,
                                                                                   void** ret_stream);

namespace imtrans {

// The workspace may be freed when this returns: torch's allocator gives it to nobody but later work on the same stream.
template <class Parameters, class Launch>
void launch_on_device_of(const Tensor& x, const Parameters& parameters, int64_t workspace_bytes, const Launch& launch) {
  const auto device = x.get_device_index();
  const torch::stable::accelerator::DeviceGuard guard(device);
  void* stream = nullptr;
  STABLE_TORCH_ERROR_CODE_CHECK(aoti_torch_get_current_cuda_stream(device, &stream));
  const Tensor workspace = torch::stable::new_empty(x, {&workspace_bytes, 1}, ScalarType::Byte);
  const char* wrong = launch(parameters, workspace.mutable_data_ptr(), stream);
  require(wrong == nullptr, std::string("the CUDA kernel did not start: ") + (wrong == nullptr ? "" : wrong) + ".");
}

}  // namespace imtrans
