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

template <typename T>
using Gradients = ParameterGradients<Real<T>, InstanceNormBackwardFormula<T>::kGradients>;
template <typename T>
using SecondGradients = ParameterGradients<Real<T>, InstanceNormBackwardBackwardFormula<T>::kGradients>;

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
    return handover_bytes<Backward<T>>(p.map, vector_of<T>(p)) + Gradients<T>::workspace_bytes(p.map);
  });
}

int64_t workspace_bytes(const InstanceNormBackwardBackward& p) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return handover_bytes<BackwardBackward<T>>(p.map, vector_of<T>(p)) + SecondGradients<T>::workspace_bytes(p.map);
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
    const int vec = vector_of<T>(p);
    void* const rows = static_cast<char*>(workspace) + handover_bytes<Backward<T>>(p.map, vec);
    const Gradients<T> gradients(p.map, {{p.dweight, !p.per_image}, {p.dbias, !p.per_image}}, rows);
    const Backward<T> pass(p, InstanceNormBackwardFormula<T>(p, gradients.rows()));
    const Status status = run(pass, p.map, vec, workspace, stream);
    return status != nullptr ? status : gradients.sum(stream);
  });
}

Status launch_instance_norm_backward_backward(const InstanceNormBackwardBackward& p, void* workspace, void* stream) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    const int vec = vector_of<T>(p);
    void* const rows = static_cast<char*>(workspace) + handover_bytes<BackwardBackward<T>>(p.map, vec);
    const SecondGradients<T> gradients(p.map, {{p.grad_weight, !p.per_image}}, rows);
    const BackwardBackward<T> pass(p, InstanceNormBackwardBackwardFormula<T>(p, gradients.rows()));
    const Status status = run(pass, p.map, vec, workspace, stream);
    return status != nullptr ? status : gradients.sum(stream);
  });
}

}  // namespace imtrans::cuda
