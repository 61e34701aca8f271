// Launches the kernels of the instance norm for the maps' type, layout and alignment.
#include "common/cuda_run.h"
#include "cuda/instance_norm.h"
#include "cuda/instance_norm_formulas.h"

namespace imtrans::cuda {
namespace {

template <typename T>
int vector_of(const InstanceNormForward& p) {
  return choose_vector<T>(p.map, p.pad > 0 || (p.residual != nullptr && p.residual_pad > 0), {p.x, p.residual, p.y});
}

template <typename T>
int vector_of(const InstanceNormBackward& p) {
  return choose_vector<T>(p.map, p.pad > 0, {p.dy, p.x, p.dx, p.dresidual});
}

template <typename T>
int vector_of(const InstanceNormBackwardBackward& p) {
  return choose_vector<T>(p.map, p.pad > 0, {p.ddx, p.dy, p.x, p.vresidual, p.grad_dy, p.grad_x});
}

template <typename T>
using Forward = ForwardPass<InstanceNormForwardFormula<T>>;
template <typename T>
using Backward = BackwardPass<InstanceNormBackwardFormula<T>>;
template <typename T>
using BackwardBackward = BackwardBackwardPass<InstanceNormBackwardBackwardFormula<T>>;

}  // namespace

int64_t workspace_bytes(const InstanceNormForward& p) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return handover_bytes<Forward<T>>(p.map, vector_of<T>(p));
  });
}

int64_t workspace_bytes(const InstanceNormBackward& p) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return bytes_with_gradients<Backward<T>>(p.map, vector_of<T>(p));
  });
}

int64_t workspace_bytes(const InstanceNormBackwardBackward& p) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return bytes_with_gradients<BackwardBackward<T>>(p.map, vector_of<T>(p));
  });
}

Status launch_instance_norm(const InstanceNormForward& p, void* workspace, void* stream) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return run(Forward<T>(p, InstanceNormForwardFormula<T>(p)), p.map, vector_of<T>(p), workspace, stream);
  });
}

Status launch_instance_norm_backward(const InstanceNormBackward& p, void* workspace, void* stream) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return run_with_gradients<Backward<T>, InstanceNormBackwardFormula<T>>(
        p, vector_of<T>(p), {{p.dweight, !p.per_image}, {p.dbias, !p.per_image}}, workspace, stream);
  });
}

Status launch_instance_norm_backward_backward(const InstanceNormBackwardBackward& p, void* workspace, void* stream) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return run_with_gradients<BackwardBackward<T>, InstanceNormBackwardBackwardFormula<T>>(
        p, vector_of<T>(p), {{p.grad_weight, !p.per_image}}, workspace, stream);
  });
}

}  // namespace imtrans::cuda
