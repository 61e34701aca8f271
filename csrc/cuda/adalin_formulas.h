// The step of AdaLIN between adding up and applying: common/adalin_coefficients.h on the numbers of a GPU's passes.
#pragma once

#include "common/adalin.h"
#include "common/adalin_coefficients.h"
#include "common/cuda_norm_passes.h"
#include "common/cuda_parameters.h"

namespace imtrans::cuda {

// The parameters and sizes of all three passes.
template <typename T>
struct AdaLINGiven {
  using Element = T;
  using R = Real<T>;

  PerChannel<R> rho, gamma, beta;
  int64_t channels, batch_channels;
  adalin::Counts<R> counts;

  template <class Parameters>
  explicit AdaLINGiven(const Parameters& p)
      : rho(p.rho, p.map, false, R(0)),
        gamma(p.gamma, p.map, p.per_image, R(1)),
        beta(p.beta, p.map, p.per_image, R(0)),
        channels(p.map.channels),
        batch_channels(p.map.batch * p.map.channels),
        counts(adalin::count<R>(p.map.channels, p.map.pixels())) {}

  // Where a number of a channel of an image stands in a row of the statistics.
  __device__ int64_t at(AdaLINStatistic row, int64_t image, int64_t c) const {
    return row * batch_channels + image * channels + c;
  }
};

template <typename T>
struct AdaLINForwardFormula : AdaLINGiven<T> {
  using R = Real<T>;
  using ImageTotal = Moments<R>;  // of the whole image

  R* statistics;
  R eps;

  explicit AdaLINForwardFormula(const AdaLINForward& p)
      : AdaLINGiven<T>(p), statistics(out<R>(p.statistics)), eps(R(p.eps)) {}

  __device__ ImageTotal image_term(int64_t, int64_t, const Moments<R>& total) const { return total; }

  __device__ Normaliser<R> coefficients(int64_t image, int64_t c, const Moments<R>& total, const ImageTotal& layer,
                                        bool writes) const {
    const R rstd = adalin::rstd_of(total.m2, this->counts.freedom, eps);
    const R layer_rstd = adalin::rstd_of(layer.m2, this->counts.layer_freedom, eps);
    const R apart = total.mean - layer.mean;
    if (writes) {
      statistics[this->at(kAdaLINMean, image, c)] = total.mean;
      statistics[this->at(kAdaLINRstd, image, c)] = rstd;
      statistics[this->at(kAdaLINApart, image, c)] = apart;
      statistics[this->at(kAdaLINLayerRstd, image, c)] = layer_rstd;
    }
    const adalin::Channel<R> own{
        this->rho.at(image, c), this->gamma.at(image, c), this->beta.at(image, c), rstd, apart, layer_rstd};
    const adalin::Affine<R> z = adalin::affine(own);
    return {total.mean, z.scale, z.offset};
  }
};

// What both gradients know from the forward pass.
template <typename T>
struct AdaLINKnown : AdaLINGiven<T> {
  using R = Real<T>;

  const R* statistics;

  template <class Parameters>
  explicit AdaLINKnown(const Parameters& p) : AdaLINGiven<T>(p), statistics(in<R>(p.statistics)) {}

  __device__ adalin::Channel<R> known(int64_t image, int64_t c) const {
    return {this->rho.at(image, c),
            this->gamma.at(image, c),
            this->beta.at(image, c),
            statistics[this->at(kAdaLINRstd, image, c)],
            statistics[this->at(kAdaLINApart, image, c)],
            statistics[this->at(kAdaLINLayerRstd, image, c)]};
  }

  __device__ Normaliser<R> normaliser(int64_t image, int64_t c) const {
    const adalin::Affine<R> z = adalin::affine(known(image, c));
    return {statistics[this->at(kAdaLINMean, image, c)], z.scale, z.offset};
  }
};

template <typename T>
struct AdaLINBackwardFormula : AdaLINKnown<T> {
  using R = Real<T>;
  using ImageTotal = Sums<R, 2>;  // T0 and T1
  enum Gradient : int { kRho, kGamma, kBeta, kGradients };

  GradientRows<R, kGradients> gradients;

  AdaLINBackwardFormula(const AdaLINBackward& p, const GradientRows<R, kGradients>& gradients)
      : AdaLINKnown<T>(p), gradients(gradients) {}

  __device__ static adalin::GradientSums<R> sums(const Sums<R, 2>& total) { return {total.value[0], total.value[1]}; }

  __device__ ImageTotal image_term(int64_t image, int64_t c, const Sums<R, 2>& total) const {
    const adalin::GradientTotals<R> term = adalin::share(this->known(image, c), sums(total));
    return {{term.t0, term.t1}};
  }

  __device__ GradientCoefficients<R> coefficients(int64_t image, int64_t c, const Sums<R, 2>& total,
                                                  const ImageTotal& of_image, bool writes) const {
    const adalin::GradientTotals<R> totals{of_image.value[0], of_image.value[1]};
    const auto k = adalin::coefficients(this->known(image, c), sums(total), totals, this->counts);
    if (writes) {
      gradients.write(kRho, image, c, k.drho);
      gradients.write(kGamma, image, c, k.dgamma);
      gradients.write(kBeta, image, c, k.dbeta);
    }
    return {this->normaliser(image, c), k.b, k.c};
  }
};

template <typename T>
struct AdaLINBackwardBackwardFormula : AdaLINKnown<T> {
  using R = Real<T>;
  using ImageTotal = Sums<R, 6>;  // in the order of adalin::SecondTotals
  enum Gradient : int { kRho, kGamma, kGradients };

  PerChannel<R> ddrho, ddgamma, ddbeta;
  GradientRows<R, kGradients> gradients;

  AdaLINBackwardBackwardFormula(const AdaLINBackwardBackward& p, const GradientRows<R, kGradients>& gradients)
      : AdaLINKnown<T>(p),
        ddrho(p.ddrho, p.map, false, R(0)),
        ddgamma(p.ddgamma, p.map, p.per_image, R(0)),
        ddbeta(p.ddbeta, p.map, p.per_image, R(0)),
        gradients(gradients) {}

  __device__ static adalin::SecondSums<R> sums(const Sums<R, 5>& total) {
    const R(&s)[5] = total.value;
    return {s[0], s[1], s[2], s[3], s[4]};
  }

  __device__ adalin::Directions<R> directions(int64_t image, int64_t c) const {
    return {ddrho.at(image, c), ddgamma.at(image, c), ddbeta.at(image, c)};
  }

  __device__ ImageTotal image_term(int64_t image, int64_t c, const Sums<R, 5>& total) const {
    const auto term = adalin::share(this->known(image, c), sums(total), directions(image, c));
    return {{term.t0, term.t1, term.v0, term.v1, term.by_rstd, term.by_apart}};
  }

  __device__ SecondCoefficients<R> coefficients(int64_t image, int64_t c, const Sums<R, 5>& total,
                                                const ImageTotal& of_image, bool writes) const {
    const R(&t)[6] = of_image.value;
    const adalin::SecondTotals<R> totals{t[0], t[1], t[2], t[3], t[4], t[5]};
    const auto k = adalin::coefficients(this->known(image, c), sums(total), directions(image, c), totals, this->counts);
    if (writes) {
      gradients.write(kRho, image, c, k.grad_rho);
      gradients.write(kGamma, image, c, k.grad_gamma);
    }
    return {this->normaliser(image, c), k.q, k.r, k.e, k.g, k.h};
  }
};

}  // namespace imtrans::cuda
