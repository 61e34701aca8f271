// Launches the kernels of the moments for the maps' type, layout and alignment.
#include "common/cuda_run.h"
#include "common/instance_norm.h"
#include "cuda/moments.h"
#include "cuda/moments_formulas.h"

namespace imtrans::cuda {
namespace {

template <typename T>
int vector_of(const MomentsForward& p) {
  return choose_vector<T>(p.map, false, {p.x});
}

template <typename T>
int vector_of(const MomentsBackward& p) {
  return choose_vector<T>(p.map, false, {p.x, p.dx});
}

template <typename T>
int vector_of(const MomentsBackwardBackward& p) {
  return choose_vector<T>(p.map, false, {p.ddx, p.x, p.grad_x});
}

template <typename T>
using Backward = ForwardPass<MomentsBackwardFormula<T>>;
template <typename T>
using BackwardBackward = BackwardPass<MomentsBackwardBackwardFormula<T>>;

// The maps of both gradients, as those of norms without activation and border.
InstanceNormForward as_forward(const MomentsBackward& p) {
  InstanceNormForward maps{};
  maps.map = p.map;
  maps.x = p.x;
  maps.slope = 1;
  maps.y = p.dx;
  return maps;
}

InstanceNormBackward as_backward(const MomentsBackwardBackward& p) {
  InstanceNormBackward maps{};
  maps.map = p.map;
  maps.dy = p.ddx;
  maps.x = p.x;
  maps.slope = 1;
  maps.dx = p.grad_x;
  return maps;
}

}  // namespace

int64_t workspace_bytes(const MomentsForward& p) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return handover_bytes<MomentsPass<T>>(p.map, vector_of<T>(p));
  });
}

int64_t workspace_bytes(const MomentsBackward&) { return 0; }

int64_t workspace_bytes(const MomentsBackwardBackward& p) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return handover_bytes<BackwardBackward<T>>(p.map, vector_of<T>(p));
  });
}

Status launch_moments(const MomentsForward& p, void* workspace, void* stream) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    return run(MomentsPass<T>(p), p.map, vector_of<T>(p), workspace, stream);
  });
}

Status launch_moments_backward(const MomentsBackward& p, void*, void* stream) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    const Backward<T> pass(as_forward(p), MomentsBackwardFormula<T>(p));
    return apply_only(pass, p.map, vector_of<T>(p), stream);
  });
}

Status launch_moments_backward_backward(const MomentsBackwardBackward& p, void* workspace, void* stream) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    const BackwardBackward<T> pass(as_backward(p), MomentsBackwardBackwardFormula<T>(p));
    return run(pass, p.map, vector_of<T>(p), workspace, stream);
  });
}

}  // namespace imtrans::cuda
