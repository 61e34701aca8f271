// The coefficients of AdaLIN's three operators; formulas and names are those of common/adalin.h.
// No include guard: compiled once for every instruction set (cpu/foreach_isa.h).
#include "cpu/normalise.h"

namespace imtrans::IMTRANS_ISA {

template <typename A>
struct AdaLINParameters {
  Parameter<A> rho, gamma, beta;

  adalin::Channel<double> channel(const FeatureMap& map, int64_t image, int64_t c, double rstd, double apart,
                                  double layer_rstd) const {
    return {rho.at(map, image, c), gamma.at(map, image, c), beta.at(map, image, c), rstd, apart, layer_rstd};
  }
};

template <typename T>
struct AdaLINForwardOp : ForwardOp<T> {
  using A = Accumulator<T>;
  static constexpr bool kCoupled = true;

  AdaLINParameters<A> parameters;
  double eps;
  A* statistics;
  adalin::Layer<double>* layers;

  A& statistic(AdaLINStatistic which, int64_t image, int64_t c) const {
    return statistics[(which * this->map.batch + image) * this->map.channels + c];
  }

  void couple(int64_t image, const double* merged) const {
    const double pixels = double(this->map.pixels());
    for (int64_t c = 0; c < this->map.channels; ++c, merged += this->kMerged) {
      layers[image].add(merged[this->kMeanOfAll], merged[this->kDeviations], pixels);
    }
  }

  void coefficients(int64_t image, int64_t c, const double* merged, Table<A>& table) const {
    const auto n = adalin::count<double>(this->map.channels, this->map.pixels());
    const adalin::Layer<double>& layer = layers[image];
    const double exact = merged[this->kMeanOfAll], rounding = exact - double(A(exact));
    const auto channel =
        parameters.channel(this->map, image, c, adalin::rstd_of(merged[this->kDeviations], n.freedom, eps),
                           exact - layer.mean, adalin::rstd_of(layer.deviations, n.layer_freedom, eps));
    // What rounding took from the mean goes into the offset.
    const auto affine = adalin::affine(channel, rounding);
    table.row(image, kMean)[c] = A(exact);
    table.row(image, kScale)[c] = A(affine.scale);
    table.row(image, kOffset)[c] = A(affine.offset);
    statistic(kAdaLINMean, image, c) = A(exact);
    statistic(kAdaLINRstd, image, c) = A(channel.rstd);
    statistic(kAdaLINApart, image, c) = A(channel.apart);
    statistic(kAdaLINLayerRstd, image, c) = A(channel.layer_rstd);
  }
};

// The saved statistics and the parameters as the gradients need them.
template <typename T>
struct AdaLINSaved {
  using A = Accumulator<T>;
  AdaLINParameters<A> parameters;
  const A* statistics;

  double statistic(const FeatureMap& map, AdaLINStatistic which, int64_t image, int64_t c) const {
    return double(statistics[(which * map.batch + image) * map.channels + c]);
  }
  adalin::Channel<double> channel(const FeatureMap& map, int64_t image, int64_t c) const {
    return parameters.channel(map, image, c, statistic(map, kAdaLINRstd, image, c),
                              statistic(map, kAdaLINApart, image, c), statistic(map, kAdaLINLayerRstd, image, c));
  }
  void prepare(const FeatureMap& map, Table<A>& table) const {
    for (int64_t image = 0; image < map.batch; ++image) {
      for (int64_t c = 0; c < map.channels; ++c) {
        const auto affine = adalin::affine(channel(map, image, c));
        table.row(image, kMean)[c] = A(statistic(map, kAdaLINMean, image, c));
        table.row(image, kScale)[c] = A(affine.scale);
        table.row(image, kOffset)[c] = A(affine.offset);
      }
    }
  }
};

template <typename T>
struct AdaLINBackwardOp : BackwardOp<T> {
  using A = Accumulator<T>;
  static constexpr bool kCoupled = true;
  enum : int { kDRho, kDGamma, kDBeta, kNumbers };

  AdaLINSaved<T> saved;
  adalin::GradientTotals<double>* totals;
  const ImageNumbers& gradients;

  static adalin::GradientSums<double> sums(const double* merged) {
    return {merged[BackwardOp<T>::kSumG], merged[BackwardOp<T>::kSumGD]};
  }

  void couple(int64_t image, const double* merged) const {
    for (int64_t c = 0; c < this->map.channels; ++c, merged += this->kMerged) {
      totals[image].add(adalin::share(saved.channel(this->map, image, c), sums(merged)));
    }
  }

  void coefficients(int64_t image, int64_t c, const double* merged, Table<A>& table) const {
    const auto found = adalin::coefficients(saved.channel(this->map, image, c), sums(merged), totals[image],
                                            adalin::count<double>(this->map.channels, this->map.pixels()));
    table.row(image, this->kA)[c] = A(found.a);
    table.row(image, this->kB)[c] = A(found.b);
    table.row(image, this->kC)[c] = A(found.c);
    gradients.at(kDRho, image)[c] = found.drho;
    gradients.at(kDGamma, image)[c] = found.dgamma;
    gradients.at(kDBeta, image)[c] = found.dbeta;
  }
};

template <typename T>
struct AdaLINBackwardBackwardOp : BackwardBackwardOp<T> {
  using A = Accumulator<T>;
  static constexpr bool kCoupled = true;
  enum : int { kGradRho, kGradGamma, kNumbers };

  AdaLINSaved<T> saved;
  AdaLINParameters<A> against;  // what stands against the gradients of the parameters
  adalin::SecondTotals<double>* totals;
  const ImageNumbers& gradients;

  static adalin::SecondSums<double> sums(const double* merged) {
    using Op = BackwardBackwardOp<T>;
    return {merged[Op::kSumV], merged[Op::kSumG], merged[Op::kSumVD], merged[Op::kSumGD], merged[Op::kSumVG]};
  }
  adalin::Directions<double> directions(int64_t image, int64_t c) const {
    return {against.rho.at(this->map, image, c), against.gamma.at(this->map, image, c),
            against.beta.at(this->map, image, c)};
  }

  void couple(int64_t image, const double* merged) const {
    for (int64_t c = 0; c < this->map.channels; ++c, merged += this->kMerged) {
      totals[image].add(adalin::share(saved.channel(this->map, image, c), sums(merged), directions(image, c)));
    }
  }

  void coefficients(int64_t image, int64_t c, const double* merged, Table<A>& table) const {
    const auto found =
        adalin::coefficients(saved.channel(this->map, image, c), sums(merged), directions(image, c), totals[image],
                             adalin::count<double>(this->map.channels, this->map.pixels()));
    table.row(image, this->kP)[c] = A(found.p);
    table.row(image, this->kQ)[c] = A(found.q);
    table.row(image, this->kR)[c] = A(found.r);
    table.row(image, this->kE)[c] = A(found.e);
    table.row(image, this->kG)[c] = A(found.g);
    table.row(image, this->kH)[c] = A(found.h);
    gradients.at(kGradRho, image)[c] = found.grad_rho;
    gradients.at(kGradGamma, image)[c] = found.grad_gamma;
  }
};

// -------------------------------------------------------------------------------------------------------- entry points

template <typename A, class Parameters>
AdaLINParameters<A> parameters_of(const Parameters& p) {
  return {{in<A>(p.rho), false}, {in<A>(p.gamma), p.per_image}, {in<A>(p.beta), p.per_image}};
}

template <typename T>
void forward(const AdaLINForward& p, ParallelFor run) {
  using A = Accumulator<T>;
  std::vector<adalin::Layer<double>> layers(p.map.batch);
  const AdaLINForwardOp<T> op{
      {{p.map, frame_of(p.map, p.pad, p.residual_pad), in<T>(p.x)}, A(p.slope), in<T>(p.residual), out<T>(p.y)},
      parameters_of<A>(p),
      p.eps,
      out<A>(p.statistics),
      layers.data()};
  Table<A> table(p.map.batch, p.map.channels, op.kCoefficients);
  reduce_and_apply(op, table, run);
}

template <typename T>
void backward(const AdaLINBackward& p, ParallelFor run) {
  using A = Accumulator<T>;
  using Op = AdaLINBackwardOp<T>;
  const ImageNumbers gradients(p.map, Op::kNumbers);
  std::vector<adalin::GradientTotals<double>> totals(p.map.batch);
  const Op op{
      {{p.map, frame_of(p.map, p.pad, 0), A(p.slope), in<T>(p.x), in<T>(p.dy)}, out<T>(p.dx), out<T>(p.dresidual)},
      {parameters_of<A>(p), in<A>(p.statistics)},
      totals.data(),
      gradients};
  Table<A> table(p.map.batch, p.map.channels, op.kCoefficients);
  op.saved.prepare(p.map, table);
  reduce_and_apply(op, table, run);
  gradients.write(Op::kDRho, false, out<A>(p.drho));
  gradients.write(Op::kDGamma, p.per_image, out<A>(p.dgamma));
  gradients.write(Op::kDBeta, p.per_image, out<A>(p.dbeta));
}

template <typename T>
void backward_backward(const AdaLINBackwardBackward& p, ParallelFor run) {
  using A = Accumulator<T>;
  using Op = AdaLINBackwardBackwardOp<T>;
  const ImageNumbers gradients(p.map, Op::kNumbers);
  std::vector<adalin::SecondTotals<double>> totals(p.map.batch);
  std::unique_ptr<T[]> room;
  const T* dy = without_border<T>(p, room, run);
  const Op op{{{p.map, frame_of(p.map, p.pad, 0), A(p.slope), in<T>(p.x), dy},
               in<T>(p.ddx),
               in<T>(p.vresidual),
               out<T>(p.grad_dy),
               out<T>(p.grad_x)},
              {parameters_of<A>(p), in<A>(p.statistics)},
              {{in<A>(p.ddrho), false}, {in<A>(p.ddgamma), p.per_image}, {in<A>(p.ddbeta), p.per_image}},
              totals.data(),
              gradients};
  Table<A> table(p.map.batch, p.map.channels, op.kCoefficients);
  op.saved.prepare(p.map, table);
  reduce_and_apply(op, table, run);
  gradients.write(Op::kGradRho, false, out<A>(p.grad_rho));
  gradients.write(Op::kGradGamma, p.per_image, out<A>(p.grad_gamma));
}

}  // namespace imtrans::IMTRANS_ISA
