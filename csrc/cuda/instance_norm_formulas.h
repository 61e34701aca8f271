// The step of the instance norm between adding up and applying; the formulas stand in common/instance_norm.h.
#pragma once

#include "common/cuda_norm_passes.h"
#include "common/cuda_parameters.h"
#include "common/instance_norm.h"

namespace imtrans::cuda {

template <typename T>
struct InstanceNormForwardFormula {
  using Element = T;
  using ImageTotal = Nothing;
  using R = Real<T>;

  PerChannel<R> weight, bias;
  R *mean, *rstd;
  int64_t channels;
  R eps;

  explicit InstanceNormForwardFormula(const InstanceNormForward& p)
      : weight(p.weight, p.map, p.per_image, R(1)),
        bias(p.bias, p.map, p.per_image, R(0)),
        mean(out<R>(p.mean)),
        rstd(out<R>(p.rstd)),
        channels(p.map.channels),
        eps(R(p.eps)) {}

  __device__ Normaliser<R> coefficients(int64_t image, int64_t c, const Moments<R>& total, Nothing, bool writes) const {
    const R r = R(1) / sqrt(total.m2 / total.count + eps);
    if (writes) {
      mean[image * channels + c] = total.mean;
      rstd[image * channels + c] = r;
    }
    return {total.mean, r * weight.at(image, c), bias.at(image, c)};
  }
};

// What both gradients know from the forward pass.
template <typename T>
struct InstanceNormKnown {
  using Element = T;
  using ImageTotal = Nothing;
  using R = Real<T>;

  PerChannel<R> weight, bias;
  const R *mean, *rstd;
  int64_t channels;
  R pixels;

  template <class Parameters>
  explicit InstanceNormKnown(const Parameters& p)
      : weight(p.weight, p.map, p.per_image, R(1)),
        bias(p.bias, p.map, p.per_image, R(0)),
        mean(in<R>(p.mean)),
        rstd(in<R>(p.rstd)),
        channels(p.map.channels),
        pixels(R(p.map.pixels())) {}

  __device__ Normaliser<R> normaliser(int64_t image, int64_t c) const {
    const int64_t i = image * channels + c;
    return {mean[i], rstd[i] * weight.at(image, c), bias.at(image, c)};
  }
};

template <typename T>
struct InstanceNormBackwardFormula : InstanceNormKnown<T> {
  using R = Real<T>;
  enum Gradient : int { kWeight, kBias, kGradients };

  GradientRows<R, kGradients> gradients;

  InstanceNormBackwardFormula(const InstanceNormBackward& p, const GradientRows<R, kGradients>& gradients)
      : InstanceNormKnown<T>(p), gradients(gradients) {}

  __device__ GradientCoefficients<R> coefficients(int64_t image, int64_t c, const Sums<R, 2>& total, Nothing,
                                                  bool writes) const {
    const Normaliser<R> own = this->normaliser(image, c);
    const R r = this->rstd[image * this->channels + c], m = this->pixels;
    const R sg = total.value[0], sgx = total.value[1] * r;
    if (writes) {
      gradients.write(kWeight, image, c, sgx);
      gradients.write(kBias, image, c, sg);
    }
    return {own, -own.scale * (r * (sgx / m)), -own.scale * (sg / m)};
  }
};

template <typename T>
struct InstanceNormBackwardBackwardFormula : InstanceNormKnown<T> {
  using R = Real<T>;
  enum Gradient : int { kWeight, kGradients };

  PerChannel<R> ddweight, ddbias;
  GradientRows<R, kGradients> gradients;

  InstanceNormBackwardBackwardFormula(const InstanceNormBackwardBackward& p,
                                      const GradientRows<R, kGradients>& gradients)
      : InstanceNormKnown<T>(p),
        ddweight(p.ddweight, p.map, p.per_image, R(0)),
        ddbias(p.ddbias, p.map, p.per_image, R(0)),
        gradients(gradients) {}

  __device__ SecondCoefficients<R> coefficients(int64_t image, int64_t c, const Sums<R, 5>& total, Nothing,
                                                bool writes) const {
    const Normaliser<R> own = this->normaliser(image, c);
    const R r = this->rstd[image * this->channels + c], m = this->pixels, wr = own.scale;
    const R vw = ddweight.at(image, c), vb = ddbias.at(image, c);
    const R sv = total.value[0], sg = total.value[1], svx = total.value[2] * r, sgx = total.value[3] * r;
    const R k = total.value[4] - sv * sg / m - svx * sgx / m;
    const R h1 = -(wr / m) * (sv * sgx + sg * svx) + vw * sg;
    const R h2 = -2 * (wr / m) * svx * sgx + vw * sgx;
    if (writes) gradients.write(kWeight, image, c, r * k);
    const R q = r * (vw - wr * svx / m);
    return {own, q, vb - wr * sv / m, -wr * (r * (sgx / m)), -r * ((r * h2 + wr * (r * k)) / m), -(r * h1) / m};
  }
};

}  // namespace imtrans::cuda
