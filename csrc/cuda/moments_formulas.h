// The moments of each channel: a pass that only adds up, and two gradients that are passes of the norms with other
// coefficients. The formulas stand in common/moments.h.
#pragma once

#include "common/cuda_norm_passes.h"
#include "common/moments.h"

namespace imtrans::cuda {

template <typename T>
struct MomentsPass {
  using Element = T;
  using R = Real<T>;
  using Total = Moments<R>;
  using ImageTotal = Nothing;
  using Channel = Nothing;
  using Coefficients = Nothing;
  template <int Vec>
  using Running = RunningMoments<R, Vec>;
  enum Map : int { kX, kMaps, kReduced = kMaps };
  static constexpr bool kWritesMaps = false;
  static constexpr int kUnroll = 4;

  const T* x;
  R *mean, *std;
  int64_t channels;
  R freedom, eps;

  explicit MomentsPass(const MomentsForward& p)
      : x(in<T>(p.x)),
        mean(out<R>(p.mean)),
        std(out<R>(p.std)),
        channels(p.map.channels),
        freedom(R(std::max<int64_t>(p.map.pixels() - 1, 1))),
        eps(R(p.eps)) {}

  __host__ __device__ int maps() const { return kMaps; }
  __device__ const T* source(int, const Spot& spot) const { return x + spot.offset; }
  __device__ Channel channel(int64_t, int64_t) const { return {}; }

  template <int Vec, int Count, int Columns>
  __device__ void accumulate(Running<Vec>& running, const Channel (&)[Columns], const Accesses<Count>& some,
                             const Packs<T, Vec, kMaps> (&inputs)[Count]) const {
    add_rows(running, some, inputs);
  }

  __device__ Coefficients coefficients(int64_t image, int64_t c, const Total& total, Nothing, bool writes) const {
    if (writes) {
      mean[image * channels + c] = total.mean;
      std[image * channels + c] = sqrt(total.m2 / freedom + eps);
    }
    return {};
  }

  template <int Vec, int Columns>
  __device__ void apply(const Spot&, const Coefficients (&)[Columns], const Packs<T, Vec, kMaps>&) const {}
};

// What both gradients know from the forward pass.
template <typename T>
struct MomentsKnown {
  using Element = T;
  using ImageTotal = Nothing;
  using R = Real<T>;

  const R *dstd, *mean, *std;
  int64_t channels;
  R pixels, freedom;

  template <class Parameters>
  explicit MomentsKnown(const Parameters& p)
      : dstd(in<R>(p.dstd)),
        mean(in<R>(p.mean)),
        std(in<R>(p.std)),
        channels(p.map.channels),
        pixels(R(p.map.pixels())),
        freedom(R(std::max<int64_t>(p.map.pixels() - 1, 1))) {}

  // dstd / ((m - 1) std)
  __device__ R by_deviation(int64_t i) const { return dstd == nullptr ? R(0) : dstd[i] / (freedom * std[i]); }
};

// Of a ForwardPass, which computes dx = (x - mean) * scale + offset and needs no totals for that.
template <typename T>
struct MomentsBackwardFormula : MomentsKnown<T> {
  using R = Real<T>;

  const R* dmean;

  explicit MomentsBackwardFormula(const MomentsBackward& p) : MomentsKnown<T>(p), dmean(in<R>(p.dmean)) {}

  __device__ Normaliser<R> coefficients(int64_t image, int64_t c, const Moments<R>&, Nothing, bool) const {
    const int64_t i = image * this->channels + c;
    return {this->mean[i], this->by_deviation(i), dmean == nullptr ? R(0) : dmean[i] / this->pixels};
  }
};

// Of a BackwardPass, which computes grad_x = scale v + b d + c from v in the place of dy.
template <typename T>
struct MomentsBackwardBackwardFormula : MomentsKnown<T> {
  using R = Real<T>;

  R *grad_dmean, *grad_dstd;

  explicit MomentsBackwardBackwardFormula(const MomentsBackwardBackward& p)
      : MomentsKnown<T>(p), grad_dmean(out<R>(p.grad_dmean)), grad_dstd(out<R>(p.grad_dstd)) {}

  __device__ Normaliser<R> normaliser(int64_t image, int64_t c) const {
    const int64_t i = image * this->channels + c;
    return {this->mean[i], this->by_deviation(i), R(0)};
  }

  __device__ GradientCoefficients<R> coefficients(int64_t image, int64_t c, const Sums<R, 2>& total, Nothing,
                                                  bool writes) const {
    const int64_t i = image * this->channels + c;
    const Normaliser<R> own = normaliser(image, c);
    const R mean_v = total.value[0] / this->pixels, by_std = total.value[1] / (this->freedom * this->std[i]);
    if (writes) {
      grad_dmean[i] = mean_v;
      grad_dstd[i] = by_std;
    }
    return {own, -own.scale * (by_std / this->std[i]), -own.scale * mean_v};
  }
};

}  // namespace imtrans::cuda
