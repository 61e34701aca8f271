// Numbers that belong to a channel, of one image or of all: how kernels read them, and how their gradients are summed.
#pragma once

#include "common/cuda_run.h"

namespace imtrans::cuda {

// A parameter (channels,), or (batch, channels) where it is given for each image; `absent` everywhere where it is null.
template <typename R>
struct PerChannel {
  const R* values;
  int64_t image_stride;
  R absent;

  PerChannel(const void* pointer, const FeatureMap& map, bool per_image, R absent)
      : values(static_cast<const R*>(pointer)), image_stride(per_image ? map.channels : 0), absent(absent) {}

  __device__ R at(int64_t image, int64_t channel) const {
    return values == nullptr ? absent : values[image * image_stride + channel];
  }
};

// Where a pass writes the gradients of its K parameters, for each image and channel. A null row is not wanted.
template <typename R, int K>
struct GradientRows {
  R* rows[K];
  int64_t channels;

  __device__ void write(int k, int64_t image, int64_t channel, R value) const {
    if (rows[k] != nullptr) rows[k][image * channels + channel] = value;
  }
};

template <typename R, int K>
struct ImageSums {
  const R* from[K];
  R* to[K];
};

constexpr int kSumWidth = 32;

// to[k][c] = sum over the images, in a fixed order, of from[k][image][c]. Null targets are left out.
template <typename R, int K>
__global__ void __launch_bounds__(kThreads)
    sum_images_kernel(const ImageSums<R, K> sums, int64_t batch, int64_t channels) {
  using Total = Sums<R, 1>;
  SHARED_ARRAY(Total, shared, kThreads);
  const int64_t first = int64_t(blockIdx.x) * kSumWidth, channel = first + threadIdx.x;
#pragma unroll
  for (int k = 0; k < K; ++k) {
    if (sums.to[k] == nullptr) continue;
    merge_rows(reinterpret_cast<const Total*>(sums.from[k]), batch, channels, first, kSumWidth, shared);
    if (threadIdx.x < kSumWidth && channel < channels) sums.to[k][channel] = shared[threadIdx.x].value[0];
    __syncthreads();
  }
}

struct Wanted {
  void* to;          // null: not wanted
  bool over_images;  // (channels,) rather than (batch, channels)
};

// The gradients of K parameters on their way: a pass writes them where they belong when that is (batch, channels), or
// when there is one image; else into the workspace, from where sum() adds the images up.
template <typename R, int K>
class ParameterGradients {
 public:
  static int64_t workspace_bytes(const FeatureMap& map) { return K * map.batch * map.channels * int64_t(sizeof(R)); }

  ParameterGradients(const FeatureMap& map, const Wanted (&wanted)[K], void* workspace) : map_(map) {
    rows_.channels = map.channels;
    for (int k = 0; k < K; ++k) {
      R* const to = static_cast<R*>(wanted[k].to);
      const bool summed = to != nullptr && wanted[k].over_images && map.batch > 1;
      rows_.rows[k] = summed ? static_cast<R*>(workspace) + k * map.batch * map.channels : to;
      sums_.from[k] = rows_.rows[k];
      sums_.to[k] = summed ? to : nullptr;
      any_ = any_ || summed;
    }
  }

  const GradientRows<R, K>& rows() const { return rows_; }

  Status sum(void* stream) const {
    if (!any_) return nullptr;
    return launch(sum_images_kernel<R, K>, ceil_divide(map_.channels, kSumWidth), kThreads, stream, sums_, map_.batch,
                  map_.channels);
  }

 private:
  FeatureMap map_;
  GradientRows<R, K> rows_{};
  ImageSums<R, K> sums_{};
  bool any_ = false;
};

// Memory for a pass whose formula has Formula::kGradients gradients of parameters.
template <class Pass>
int64_t bytes_with_gradients(const FeatureMap& map, int vec) {
  using Gradients = ParameterGradients<Real<typename Pass::Element>, Pass::kGradients>;
  return handover_bytes<Pass>(map, vec) + Gradients::workspace_bytes(map);
}

// Enqueues such a pass, and the sums over the images that it needs.
template <class Pass, class Formula, class Parameters>
Status run_with_gradients(const Parameters& p, int vec, const Wanted (&wanted)[Formula::kGradients], void* workspace,
                          void* stream) {
  void* const rows = static_cast<char*>(workspace) + handover_bytes<Pass>(p.map, vec);
  const ParameterGradients<Real<typename Pass::Element>, Formula::kGradients> gradients(p.map, wanted, rows);
  const Pass pass(p, Formula(p, gradients.rows()));
  const Status status = run(pass, p.map, vec, workspace, stream);
  return status != nullptr ? status : gradients.sum(stream);
}

}  // namespace imtrans::cuda
