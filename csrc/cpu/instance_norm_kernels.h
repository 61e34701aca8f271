// The coefficients of the instance norm's three operators; formulas and names are those of common/instance_norm.h.
// No include guard: compiled once for every instruction set (cpu/foreach_isa.h).
#include "cpu/normalise.h"

namespace imtrans::IMTRANS_ISA {

template <typename T>
struct InstanceNormForwardOp : ForwardOp<T> {
  using A = Accumulator<T>;
  Parameter<A> weight, bias;
  double eps;
  A* mean;
  A* rstd;

  void coefficients(int64_t image, int64_t channel, const double* merged, Table<A>& table) const {
    const double exact = merged[this->kMeanOfAll];
    const double r = 1.0 / std::sqrt(merged[this->kDeviations] / double(this->map.pixels()) + eps);
    const double scale = r * weight.at(this->map, image, channel);
    const A rounded = A(exact);
    mean[image * this->map.channels + channel] = rounded;
    rstd[image * this->map.channels + channel] = A(r);
    table.row(image, kMean)[channel] = rounded;
    table.row(image, kScale)[channel] = A(scale);
    // What rounding took from the mean goes into the offset: at a mean of 1000 it is 3e-5.
    table.row(image, kOffset)[channel] = A(bias.at(this->map, image, channel) - (exact - double(rounded)) * scale);
  }
};

// The saved statistics and the parameters as the gradients need them.
template <typename T>
struct InstanceNormSaved {
  using A = Accumulator<T>;
  Parameter<A> weight, bias;
  const A* mean;
  const A* rstd;

  void prepare(const FeatureMap& map, Table<A>& table) const {
    for (int64_t image = 0; image < map.batch; ++image) {
      for (int64_t c = 0; c < map.channels; ++c) {
        const int64_t at = image * map.channels + c;
        table.row(image, kMean)[c] = mean[at];
        table.row(image, kScale)[c] = A(double(rstd[at]) * weight.at(map, image, c));
        table.row(image, kOffset)[c] = A(bias.at(map, image, c));
      }
    }
  }
};

template <typename T>
struct InstanceNormBackwardOp : BackwardOp<T> {
  using A = Accumulator<T>;
  static constexpr bool kCoupled = false;
  enum : int { kDWeight, kDBias, kNumbers };

  InstanceNormSaved<T> saved;
  const ImageNumbers& gradients;

  void coefficients(int64_t image, int64_t c, const double* sums, Table<A>& table) const {
    const double m = double(this->map.pixels()), r = double(saved.rstd[image * this->map.channels + c]);
    const double wr = saved.weight.at(this->map, image, c) * r;
    const double s1 = sums[this->kSumG], s2 = sums[this->kSumGD] * r;
    table.row(image, this->kA)[c] = A(wr);
    table.row(image, this->kB)[c] = A(-wr * r * s2 / m);
    table.row(image, this->kC)[c] = A(-wr * s1 / m);
    gradients.at(kDWeight, image)[c] = s2;
    gradients.at(kDBias, image)[c] = s1;
  }
};

template <typename T>
struct InstanceNormBackwardBackwardOp : BackwardBackwardOp<T> {
  using A = Accumulator<T>;
  static constexpr bool kCoupled = false;

  InstanceNormSaved<T> saved;
  Parameter<A> vw, vb;
  const ImageNumbers& grad_weight;

  void coefficients(int64_t image, int64_t c, const double* sums, Table<A>& table) const {
    const double m = double(this->map.pixels()), r = double(saved.rstd[image * this->map.channels + c]);
    const double wr = saved.weight.at(this->map, image, c) * r;
    const double sv = sums[this->kSumV], sg = sums[this->kSumG], svg = sums[this->kSumVG];
    const double svx = sums[this->kSumVD] * r, sgx = sums[this->kSumGD] * r;
    const double dw = vw.at(this->map, image, c), db = vb.at(this->map, image, c);
    const double k = svg - sv * sg / m - svx * sgx / m;
    const double h1 = -wr / m * (sv * sgx + sg * svx) + dw * sg;
    const double h2 = -2 * wr / m * svx * sgx + dw * sgx;
    const double q = dw - wr * svx / m;
    table.row(image, this->kP)[c] = A(wr);
    table.row(image, this->kQ)[c] = A(q * r);
    table.row(image, this->kR)[c] = A(db - wr * sv / m);
    table.row(image, this->kE)[c] = A(-wr * r * sgx / m);
    table.row(image, this->kG)[c] = A(-(r * h2 + wr * r * k) / m * r);
    table.row(image, this->kH)[c] = A(-r * h1 / m);
    grad_weight.at(0, image)[c] = r * k;
  }
};

// -------------------------------------------------------------------------------------------------------- entry points

template <typename T, class Parameters>
InstanceNormSaved<T> saved_by_forward(const Parameters& p) {
  using A = Accumulator<T>;
  return {{in<A>(p.weight), p.per_image, 1}, {in<A>(p.bias), p.per_image}, in<A>(p.mean), in<A>(p.rstd)};
}

template <typename T>
void forward(const InstanceNormForward& p, ParallelFor run) {
  using A = Accumulator<T>;
  const InstanceNormForwardOp<T> op{
      {{p.map, frame_of(p.map, p.pad, p.residual_pad), in<T>(p.x)}, A(p.slope), in<T>(p.residual), out<T>(p.y)},
      {in<A>(p.weight), p.per_image, 1},
      {in<A>(p.bias), p.per_image},
      p.eps,
      out<A>(p.mean),
      out<A>(p.rstd)};
  Table<A> table(p.map.batch, p.map.channels, op.kCoefficients);
  reduce_and_apply(op, table, run);
}

template <typename T>
void backward(const InstanceNormBackward& p, ParallelFor run) {
  using A = Accumulator<T>;
  using Op = InstanceNormBackwardOp<T>;
  const ImageNumbers gradients(p.map, Op::kNumbers);
  const Op op{
      {{p.map, frame_of(p.map, p.pad, 0), A(p.slope), in<T>(p.x), in<T>(p.dy)}, out<T>(p.dx), out<T>(p.dresidual)},
      saved_by_forward<T>(p),
      gradients};
  Table<A> table(p.map.batch, p.map.channels, op.kCoefficients);
  op.saved.prepare(p.map, table);
  reduce_and_apply(op, table, run);
  gradients.write(Op::kDWeight, p.per_image, out<A>(p.dweight));
  gradients.write(Op::kDBias, p.per_image, out<A>(p.dbias));
}

template <typename T>
void backward_backward(const InstanceNormBackwardBackward& p, ParallelFor run) {
  using A = Accumulator<T>;
  const ImageNumbers grad_weight(p.map, 1);
  std::unique_ptr<T[]> room;
  const T* dy = without_border<T>(p, room, run);
  const InstanceNormBackwardBackwardOp<T> op{{{p.map, frame_of(p.map, p.pad, 0), A(p.slope), in<T>(p.x), dy},
                                              in<T>(p.ddx),
                                              in<T>(p.vresidual),
                                              out<T>(p.grad_dy),
                                              out<T>(p.grad_x)},
                                             saved_by_forward<T>(p),
                                             {in<A>(p.ddweight), p.per_image},
                                             {in<A>(p.ddbias), p.per_image},
                                             grad_weight};
  Table<A> table(p.map.batch, p.map.channels, op.kCoefficients);
  op.saved.prepare(p.map, table);
  reduce_and_apply(op, table, run);
  grad_weight.write(0, p.per_image, out<A>(p.grad_weight));
}

}  // namespace imtrans::IMTRANS_ISA
