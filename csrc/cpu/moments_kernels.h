// The coefficients of the moments' three operators; formulas and names are those of common/moments.h.
// No include guard: compiled once for every instruction set (cpu/foreach_isa.h).
#include "cpu/normalise.h"

namespace imtrans::IMTRANS_ISA {

template <typename T>
struct MomentsForwardOp : MomentsOp<T> {
  using A = Accumulator<T>;
  double eps;
  A* mean;
  A* std;

  void coefficients(int64_t image, int64_t c, const double* merged, Table<A>&) const {
    const double freedom = double(std::max<int64_t>(1, this->map.pixels() - 1));
    const int64_t at = image * this->map.channels + c;
    mean[at] = A(merged[this->kMeanOfAll]);
    std[at] = A(std::sqrt(merged[this->kDeviations] / freedom + eps));
  }
};

// dstd / ((m - 1) std)
template <typename A>
double per_deviation(const FeatureMap& map, const A* dstd, const A* std, int64_t at) {
  const double freedom = double(std::max<int64_t>(1, map.pixels() - 1));
  return dstd == nullptr ? 0.0 : double(dstd[at]) / (freedom * double(std[at]));
}

// dx = k v + (...) d + (...): a backward whose dy is v.
template <typename T>
struct MomentsBackwardBackwardOp : BackwardOp<T> {
  using A = Accumulator<T>;
  static constexpr bool kCoupled = false;
  const A* dstd;
  const A* mean;
  const A* std;
  A* grad_dmean;
  A* grad_dstd;

  void prepare(Table<A>& table) const {
    for (int64_t image = 0; image < this->map.batch; ++image) {
      std::copy_n(mean + image * this->map.channels, this->map.channels, table.row(image, kMean));
    }
  }

  void coefficients(int64_t image, int64_t c, const double* sums, Table<A>& table) const {
    const int64_t at = image * this->map.channels + c;
    const double m = double(this->map.pixels()), freedom = std::max(1.0, m - 1), deviation = double(std[at]);
    const double k = per_deviation(this->map, dstd, std, at);
    const double by_std = sums[this->kSumGD] / (freedom * deviation);
    table.row(image, this->kA)[c] = A(k);
    table.row(image, this->kB)[c] = A(-k * by_std / deviation);
    table.row(image, this->kC)[c] = A(-k * sums[this->kSumG] / m);
    grad_dmean[at] = A(sums[this->kSumG] / m);
    grad_dstd[at] = A(by_std);
  }
};

template <typename T>
void forward(const MomentsForward& p, ParallelFor run) {
  using A = Accumulator<T>;
  const MomentsForwardOp<T> op{{p.map, frame_of(p.map, 0, 0), in<T>(p.x)}, p.eps, out<A>(p.mean), out<A>(p.std)};
  Table<A> none(0, 0, 0);
  reduce(op, none, run);
}

// dx = dmean / m + (...) d: what a normalisation applies, with other coefficients.
template <typename T>
void backward(const MomentsBackward& p, ParallelFor run) {
  using A = Accumulator<T>;
  const FeatureMap& map = p.map;
  const ForwardOp<T> op{{map, frame_of(map, 0, 0), in<T>(p.x)}, A(1), nullptr, out<T>(p.dx)};
  Table<A> table(map.batch, map.channels, op.kCoefficients);
  const A *mean = in<A>(p.mean), *dmean = in<A>(p.dmean);
  for (int64_t at = 0; at < map.batch * map.channels; ++at) {
    const int64_t image = at / map.channels, c = at % map.channels;
    table.row(image, kMean)[c] = mean[at];
    table.row(image, kScale)[c] = A(per_deviation(map, in<A>(p.dstd), in<A>(p.std), at));
    table.row(image, kOffset)[c] = dmean == nullptr ? A(0) : A(double(dmean[at]) / double(map.pixels()));
  }
  apply(op, table, run);
}

template <typename T>
void backward_backward(const MomentsBackwardBackward& p, ParallelFor run) {
  using A = Accumulator<T>;
  const MomentsBackwardBackwardOp<T> op{
      {{p.map, frame_of(p.map, 0, 0), A(1), in<T>(p.x), in<T>(p.ddx)}, out<T>(p.grad_x), nullptr},
      in<A>(p.dstd),
      in<A>(p.mean),
      in<A>(p.std),
      out<A>(p.grad_dmean),
      out<A>(p.grad_dstd)};
  Table<A> table(p.map.batch, p.map.channels, op.kCoefficients);
  op.prepare(table);
  reduce_and_apply(op, table, run);
}

}  // namespace imtrans::IMTRANS_ISA
