// Launches the kernels of the pointwise pass for the maps' type, layout and alignment.
#include "common/cuda_run.h"
#include "cuda/bias_act.h"
#include "cuda/bias_act_formulas.h"

namespace imtrans::cuda {
namespace {

template <typename T>
int vector_of(const BiasActForward& p) {
  return choose_vector<T>(p.map, false, {p.x, p.y});
}

template <typename T>
int vector_of(const BiasActBackward& p) {
  return choose_vector<T>(p.map, false, {p.x, p.dy, p.dx});
}

template <typename T>
int vector_of(const BiasActBackwardBackward& p) {
  return choose_vector<T>(p.map, false, {p.x, p.dy, p.ddx, p.grad_dy, p.grad_x});
}

}  // namespace

int64_t workspace_bytes(const BiasActForward&) { return 0; }

int64_t workspace_bytes(const BiasActBackward& p) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return handover_bytes<BiasActBackwardPass<T>>(p.map, vector_of<T>(p));
  });
}

int64_t workspace_bytes(const BiasActBackwardBackward& p) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return handover_bytes<BiasActBackwardBackwardPass<T>>(p.map, vector_of<T>(p));
  });
}

Status launch_bias_act(const BiasActForward& p, void*, void* stream) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return apply_only(BiasActForwardPass<T>(p), p.map, vector_of<T>(p), stream);
  });
}

Status launch_bias_act_backward(const BiasActBackward& p, void* workspace, void* stream) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return reduce_only(BiasActBackwardPass<T>(p), p.map, vector_of<T>(p), workspace, stream);
  });
}

Status launch_bias_act_backward_backward(const BiasActBackwardBackward& p, void* workspace, void* stream) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return reduce_only(BiasActBackwardBackwardPass<T>(p), p.map, vector_of<T>(p), workspace, stream);
  });
}

}  // namespace imtrans::cuda
