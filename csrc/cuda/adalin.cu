// Launches the kernels of AdaLIN for the maps' type, layout and alignment.
#include "common/cuda_run.h"
#include "cuda/adalin.h"
#include "cuda/adalin_formulas.h"

namespace imtrans::cuda {
namespace {

template <typename T>
int vector_of(const AdaLINForward& p) {
  return choose_vector<T>(p.map, p.pad > 0 || (p.residual != nullptr && p.residual_pad > 0), {p.x, p.residual, p.y});
}

template <typename T>
int vector_of(const AdaLINBackward& p) {
  return choose_vector<T>(p.map, p.pad > 0, {p.dy, p.x, p.dx, p.dresidual});
}

template <typename T>
int vector_of(const AdaLINBackwardBackward& p) {
  return choose_vector<T>(p.map, p.pad > 0, {p.ddx, p.dy, p.x, p.vresidual, p.grad_dy, p.grad_x});
}

template <typename T>
using Forward = ForwardPass<AdaLINForwardFormula<T>>;
template <typename T>
using Backward = BackwardPass<AdaLINBackwardFormula<T>>;
template <typename T>
using BackwardBackward = BackwardBackwardPass<AdaLINBackwardBackwardFormula<T>>;

}  // namespace

int64_t workspace_bytes(const AdaLINForward& p) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return handover_bytes<Forward<T>>(p.map, vector_of<T>(p));
  });
}

int64_t workspace_bytes(const AdaLINBackward& p) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return bytes_with_gradients<Backward<T>>(p.map, vector_of<T>(p));
  });
}

int64_t workspace_bytes(const AdaLINBackwardBackward& p) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return bytes_with_gradients<BackwardBackward<T>>(p.map, vector_of<T>(p));
  });
}

Status launch_adalin(const AdaLINForward& p, void* workspace, void* stream) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return run(Forward<T>(p, AdaLINForwardFormula<T>(p)), p.map, vector_of<T>(p), workspace, stream);
  });
}

Status launch_adalin_backward(const AdaLINBackward& p, void* workspace, void* stream) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    const bool summed = !p.per_image;
    return run_with_gradients<Backward<T>, AdaLINBackwardFormula<T>>(
        p, vector_of<T>(p), {{p.drho, true}, {p.dgamma, summed}, {p.dbeta, summed}}, workspace, stream);
  });
}

Status launch_adalin_backward_backward(const AdaLINBackwardBackward& p, void* workspace, void* stream) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return run_with_gradients<BackwardBackward<T>, AdaLINBackwardBackwardFormula<T>>(
        p, vector_of<T>(p), {{p.grad_rho, true}, {p.grad_gamma, !p.per_image}}, workspace, stream);
  });
}

}  // namespace imtrans::cuda
