// Launches the kernels of the instance norm for the maps' type, layout and alignment.
#include <array>

#include "cuda/instance_norm.h"
#include "cuda/instance_norm_passes.h"

namespace imtrans::cuda {
namespace {

// out[k][c] = sum over the rows of value k of the (rows, channels) matrix; a null out[k] is left out.
template <typename R, int K>
struct Outputs {
  R* to[K];
};

constexpr int kSumWidth = 32;

template <typename R, int K>
__global__ void __launch_bounds__(kThreads)
    sum_rows_kernel(const Sums<R, K>* matrix, int64_t rows, int64_t channels, const Outputs<R, K> out) {
  using Total = Sums<R, K>;
  SHARED_ARRAY(Total, shared, kThreads);
  const int64_t first = int64_t(blockIdx.x) * kSumWidth;
  merge_rows(matrix, rows, channels, first, kSumWidth, shared);
  const int64_t channel = first + threadIdx.x;
  if (threadIdx.x >= kSumWidth || channel >= channels) return;
  for (int k = 0; k < K; ++k) {
    if (out.to[k] != nullptr) out.to[k][channel] = shared[threadIdx.x].value[k];
  }
}

template <typename R, int K>
Status sum_rows(const Sums<R, K>* matrix, int64_t rows, int64_t channels, const Outputs<R, K>& out, void* stream) {
  return launch(sum_rows_kernel<R, K>, ceil_divide(channels, kSumWidth), kThreads, stream, matrix, rows, channels, out);
}

template <class Pass, Layout layout, int Vec>
Status reduce_and_apply(const Pass& pass, const Tiling& tiling, typename Pass::Total* partials, void* stream) {
  const int64_t blocks = tiling.blocks();
  const Status status = launch(reduce_kernel<Pass, layout, Vec>, blocks, kThreads, stream, pass, tiling, partials);
  if (status != nullptr) return status;
  return launch(apply_kernel<Pass, layout, Vec>, blocks, kThreads, stream, pass, tiling, partials);
}

// Every map of a call, for the alignment of their first elements.
std::array<const void*, 3> maps_of(const InstanceNormForward& p) { return {p.x, p.residual, p.y}; }
std::array<const void*, 3> maps_of(const InstanceNormBackward& p) { return {p.dy, p.x, p.dx}; }
std::array<const void*, 5> maps_of(const InstanceNormBackwardBackward& p) {
  return {p.ddx, p.dy, p.x, p.grad_dy, p.grad_x};
}

// Elements of one access: a full vector where every row of every map begins at a multiple of 16 bytes, else one.
template <typename T, class Parameters>
int choose_vector(const Parameters& parameters) {
  const FeatureMap& map = parameters.map;
  const int64_t row = map.layout == Layout::kNHWC ? map.channels : map.pixels();
  bool aligned = row % kVector<T> == 0;
  for (const void* first : maps_of(parameters)) {
    aligned = aligned && reinterpret_cast<uintptr_t>(first) % sizeof(Pack<T, kVector<T>>) == 0;
  }
  return aligned ? kVector<T> : 1;
}

template <typename T, class Parameters>
Tiling tiling_of(const Parameters& parameters) {
  return make_tiling(parameters.map, choose_vector<T>(parameters), sizeof(T));
}

// Both kernels, compiled for the layout and for the width of access.
template <class Pass, class Parameters>
Status run(const Pass& pass, const Parameters& parameters, void* partials, void* stream) {
  using T = typename Pass::Element;
  const Tiling tiling = tiling_of<T>(parameters);
  auto* totals = static_cast<typename Pass::Total*>(partials);
  const bool nhwc = parameters.map.layout == Layout::kNHWC;
  if constexpr (kVector<T> > 1) {
    if (choose_vector<T>(parameters) > 1) {
      return nhwc ? reduce_and_apply<Pass, Layout::kNHWC, kVector<T>>(pass, tiling, totals, stream)
                  : reduce_and_apply<Pass, Layout::kNCHW, kVector<T>>(pass, tiling, totals, stream);
    }
  }
  return nhwc ? reduce_and_apply<Pass, Layout::kNHWC, 1>(pass, tiling, totals, stream)
              : reduce_and_apply<Pass, Layout::kNCHW, 1>(pass, tiling, totals, stream);
}

// Bytes of the partial totals of a pass, (batch, splits, channels) of them, rounded up so that more may follow.
template <template <typename> class Pass, typename T, class Parameters>
int64_t partial_bytes(const Parameters& parameters) {
  const Tiling tiling = tiling_of<T>(parameters);
  const int64_t bytes = sizeof(typename Pass<T>::Total) * tiling.batch * tiling.splits * tiling.channels;
  return ceil_divide(bytes, 16) * 16;
}

// Calls f with a value of the maps' element type.
template <typename F>
auto for_type(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kFloat64:
      return f(double{});
    case DType::kBFloat16:
      return f(BFloat16{});
    case DType::kFloat16:
      return f(Float16{});
    default:
      return f(float{});
  }
}

}  // namespace

int64_t workspace_bytes(const InstanceNormForward& p) {
  return for_type(p.map.dtype, [&](auto element) { return partial_bytes<ForwardPass, decltype(element)>(p); });
}

int64_t workspace_bytes(const InstanceNormBackward& p) {
  return for_type(p.map.dtype, [&](auto element) { return partial_bytes<BackwardPass, decltype(element)>(p); });
}

int64_t workspace_bytes(const InstanceNormBackwardBackward& p) {
  return for_type(p.map.dtype, [&](auto element) {
    using T = decltype(element);
    const int64_t for_weight = p.grad_weight == nullptr ? 0 : p.map.batch * p.map.channels * sizeof(Sums<Real<T>, 1>);
    return partial_bytes<BackwardBackwardPass, T>(p) + for_weight;
  });
}

Status launch_instance_norm(const InstanceNormForward& p, void* workspace, void* stream) {
  return for_type(p.map.dtype,
                  [&](auto element) { return run(ForwardPass<decltype(element)>(p), p, workspace, stream); });
}

Status launch_instance_norm_backward(const InstanceNormBackward& p, void* workspace, void* stream) {
  return for_type(p.map.dtype, [&](auto element) -> Status {
    using T = decltype(element);
    using R = Real<T>;
    const Status status = run(BackwardPass<T>(p), p, workspace, stream);
    if (status != nullptr || (p.dweight == nullptr && p.dbias == nullptr)) return status;
    const Outputs<R, 2> out{{static_cast<R*>(p.dbias), static_cast<R*>(p.dweight)}};
    const int64_t rows = p.map.batch * tiling_of<T>(p).splits;
    return sum_rows(static_cast<const Sums<R, 2>*>(workspace), rows, p.map.channels, out, stream);
  });
}

Status launch_instance_norm_backward_backward(const InstanceNormBackwardBackward& p, void* workspace, void* stream) {
  return for_type(p.map.dtype, [&](auto element) -> Status {
    using T = decltype(element);
    using R = Real<T>;
    void* after_partials = static_cast<char*>(workspace) + partial_bytes<BackwardBackwardPass, T>(p);
    auto* grad_weights = p.grad_weight == nullptr ? nullptr : static_cast<Sums<R, 1>*>(after_partials);
    const Status status = run(BackwardBackwardPass<T>(p, grad_weights), p, workspace, stream);
    if (status != nullptr || grad_weights == nullptr) return status;
    const Outputs<R, 1> out{{static_cast<R*>(p.grad_weight)}};
    return sum_rows<R, 1>(grad_weights, p.map.batch, p.map.channels, out, stream);
  });
}

}  // namespace imtrans::cuda
