// The three operators of the instance norm; formulas and names are those of common/instance_norm.h.
// No include guard: compiled once for every instruction set (cpu/foreach_isa.h).
#include "cpu/reduce_apply.h"

namespace imtrans::IMTRANS_ISA {

// What every operator here computes with: the maps' type, and the numbers per channel widened to it.
template <typename T>
struct InstanceNormBase {
  using Element = T;
  using A = Accumulator<T>;
  // Rows of the coefficient table that all three share: z = (x - mean) * scale + offset.
  enum : int { kMean, kScale, kOffset, kOwn };

  FeatureMap map;
  A slope;
  const A* weight;
  const A* bias;

  double weight_at(int64_t channel) const { return weight ? double(weight[channel]) : 1.0; }
  double bias_at(int64_t channel) const { return bias ? double(bias[channel]) : 0.0; }
};

// The state of a reducer: kSums sums, then constants.
template <typename A, int kSums, int kRaw>
struct RawSums {
  Vec<A> raw[kRaw];

  IMTRANS_INLINE void clear() {
#pragma GCC unroll 8
    for (int k = 0; k < kRaw; ++k) raw[k] = Vec<A>{};
  }
  IMTRANS_INLINE void add(const RawSums& other) {
#pragma GCC unroll 8
    for (int k = 0; k < kSums; ++k) raw[k] += other.raw[k];
  }
};

// ------------------------------------------------------------------------------------------------------------- forward

template <typename T>
struct ForwardOp : InstanceNormBase<T> {
  using Base = InstanceNormBase<T>;
  using typename Base::A;
  enum : int { kSum, kSquare, kSums, kShift = kSums, kRaw };  // of deviations from the shift
  enum : int { kMeanOfAll, kDeviations, kMerged };            // the mean, and the sum of squared deviations from it
  static constexpr int kCoefficients = Base::kOwn, kApplyUnroll = 4;

  double eps;
  const T* x;
  const T* residual;
  T* y;
  A* mean;
  A* rstd;

  // Deviations from a rough mean: E[x^2] - E[x]^2 of the plain values would cancel where the mean is large. One pixel
  // would do for that, but where it is an outlier every other deviation is large, and their squares cancel again.
  template <bool kOneChannel>
  struct Reducer : RawSums<A, kSums, kRaw> {
    using RawSums<A, kSums, kRaw>::raw;

    template <typename C>
    IMTRANS_INLINE void begin(const ForwardOp& op, const C&, const Run& run) {
      this->clear();
      const int64_t few = std::min<int64_t>(run.steps, kOneChannel ? 4 : 8);
      Vec<A> sum{};
      for (int64_t s = 0; s < few; ++s) {
        const T* at = op.x + run.offset + s * run.stride;
        sum += run.lanes == kLanes<A> ? load(at) : load_some(at, run.lanes, A(0));
      }
      raw[kShift] = sum / A(few);
      if (kOneChannel) raw[kShift] = repeat<A>(lane_sum(raw[kShift]) / A(run.lanes));
    }
    IMTRANS_INLINE void take(Vec<A> x) {
      const Vec<A> d = x - raw[kShift];
      raw[kSum] += d;
      raw[kSquare] += d * d;
    }
    IMTRANS_INLINE void step(const ForwardOp& op, int64_t offset) { take(load(op.x + offset)); }
    IMTRANS_INLINE void step_some(const ForwardOp& op, int64_t offset, int lanes) {
      take(load_some(op.x + offset, lanes, raw[kShift][0]));
    }
  };

  // Chan, Golub, LeVeque: Updating formulae and a pairwise algorithm for computing sample variances, 1979, eq. 2.1.
  IMTRANS_INLINE static void merge(double* merged, double had, const double* raw, double count) {
    const double inside = raw[kSum] / count, share = count / (had + count);
    const double apart = raw[kShift] + inside - merged[kMeanOfAll];
    merged[kDeviations] += std::max(raw[kSquare] - raw[kSum] * inside, 0.0) + apart * apart * had * share;
    merged[kMeanOfAll] += apart * share;
  }

  void coefficients(int64_t image, int64_t channel, const double* merged, Table<A>& table) const {
    const double exact = merged[kMeanOfAll],
                 r = 1.0 / std::sqrt(merged[kDeviations] / double(this->map.pixels()) + eps);
    const double scale = r * this->weight_at(channel);
    const A rounded = A(exact);
    mean[image * this->map.channels + channel] = rounded;
    rstd[image * this->map.channels + channel] = A(r);
    table.row(image, Base::kMean)[channel] = rounded;
    table.row(image, Base::kScale)[channel] = A(scale);
    // What rounding took from the mean goes into the offset: at a mean of 1000 it is 3e-5.
    table.row(image, Base::kOffset)[channel] = A(this->bias_at(channel) - (exact - double(rounded)) * scale);
  }

  struct Applier {
    Vec<A> mean, scale, offset, slope;

    template <typename C>
    IMTRANS_INLINE void begin(const ForwardOp& op, const C& coefficients) {
      mean = coefficients[Base::kMean];
      scale = coefficients[Base::kScale];
      offset = coefficients[Base::kOffset];
      slope = repeat<A>(op.slope);
    }
    IMTRANS_INLINE Vec<A> at(Vec<A> x) const { return activate((x - mean) * scale + offset, slope); }
    IMTRANS_INLINE void step(const ForwardOp& op, int64_t at_) const {
      Vec<A> y = at(load(op.x + at_));
      if (op.residual) y += load(op.residual + at_);
      store(op.y + at_, y);
    }
    IMTRANS_INLINE void step_some(const ForwardOp& op, int64_t at_, int lanes) const {
      Vec<A> y = at(load_some(op.x + at_, lanes, A(0)));
      if (op.residual) y += load_some(op.residual + at_, lanes, A(0));
      store_some(op.y + at_, y, lanes);
    }
  };
};

// ------------------------------------------------------------------------------------------------------------ backward

// What the two gradients share: the saved statistics, and the gradient through the activation.
template <typename T>
struct GradientOp : InstanceNormBase<T> {
  using Base = InstanceNormBase<T>;
  using typename Base::A;

  const T* x;
  const T* dy;
  const A* mean;
  const A* rstd;
  double* per_image;  // what the gradients of weight and bias are summed from, [number][batch][channels]

  void prepare(Table<A>& table) const {
    for (int64_t image = 0; image < this->map.batch; ++image) {
      for (int64_t c = 0; c < this->map.channels; ++c) {
        const int64_t at = image * this->map.channels + c;
        table.row(image, Base::kMean)[c] = mean[at];
        table.row(image, Base::kScale)[c] = A(double(rstd[at]) * this->weight_at(c));
        table.row(image, Base::kOffset)[c] = A(this->bias_at(c));
      }
    }
  }

  // d = x - mean and g, the gradient with respect to z, of one vector.
  struct Point {
    Vec<A> mean, scale, offset, slope;

    template <typename C>
    IMTRANS_INLINE void begin(const GradientOp& op, const C& coefficients) {
      mean = coefficients[Base::kMean];
      scale = coefficients[Base::kScale];
      offset = coefficients[Base::kOffset];
      slope = repeat<A>(op.slope);
    }
    IMTRANS_INLINE Vec<A> deviation(Vec<A> x) const { return x - mean; }
    IMTRANS_INLINE Vec<A> masked(Vec<A> value, Vec<A> d) const {
      return through_activation(value, d * scale + offset, slope);
    }
  };
};

template <typename T>
struct BackwardOp : GradientOp<T> {
  using Base = GradientOp<T>;
  using typename Base::A;
  enum : int { kA = Base::kOwn, kB, kC, kCoefficients };  // dx = A g + B d + C
  enum : int { kSumG, kSumGD, kSums, kRaw = kSums, kMerged = kSums };
  static constexpr int kApplyUnroll = 2;

  T* dx;

  template <bool kOneChannel>
  struct Reducer : RawSums<A, kSums, kRaw> {
    using RawSums<A, kSums, kRaw>::raw;
    typename Base::Point point;

    template <typename C>
    IMTRANS_INLINE void begin(const BackwardOp& op, const C& coefficients, const Run&) {
      this->clear();
      point.begin(op, coefficients);
    }
    IMTRANS_INLINE void take(Vec<A> x, Vec<A> dy) {
      const Vec<A> d = point.deviation(x), g = point.masked(dy, d);
      raw[kSumG] += g;
      raw[kSumGD] += g * d;
    }
    IMTRANS_INLINE void step(const BackwardOp& op, int64_t at) { take(load(op.x + at), load(op.dy + at)); }
    IMTRANS_INLINE void step_some(const BackwardOp& op, int64_t at, int lanes) {
      take(load_some(op.x + at, lanes, A(0)), load_some(op.dy + at, lanes, A(0)));
    }
  };

  IMTRANS_INLINE static void merge(double* merged, double, const double* raw, double) {
    for (int k = 0; k < kSums; ++k) merged[k] += raw[k];
  }

  void coefficients(int64_t image, int64_t c, const double* sums, Table<A>& table) const {
    const int64_t at = image * this->map.channels + c, all = this->map.batch * this->map.channels;
    const double m = double(this->map.pixels()), r = double(this->rstd[at]), wr = this->weight_at(c) * r;
    const double s1 = sums[kSumG], s2 = sums[kSumGD] * r;
    table.row(image, kA)[c] = A(wr);
    table.row(image, kB)[c] = A(-wr * r * s2 / m);
    table.row(image, kC)[c] = A(-wr * s1 / m);
    this->per_image[at] = s2;
    this->per_image[all + at] = s1;
  }

  struct Applier {
    typename Base::Point point;
    Vec<A> a, b, c;

    template <typename C>
    IMTRANS_INLINE void begin(const BackwardOp& op, const C& coefficients) {
      point.begin(op, coefficients);
      a = coefficients[kA];
      b = coefficients[kB];
      c = coefficients[kC];
    }
    IMTRANS_INLINE Vec<A> value(Vec<A> x, Vec<A> dy) const {
      const Vec<A> d = point.deviation(x);
      return a * point.masked(dy, d) + (b * d + c);
    }
    IMTRANS_INLINE void step(const BackwardOp& op, int64_t at) const {
      store(op.dx + at, value(load(op.x + at), load(op.dy + at)));
    }
    IMTRANS_INLINE void step_some(const BackwardOp& op, int64_t at, int lanes) const {
      store_some(op.dx + at, value(load_some(op.x + at, lanes, A(0)), load_some(op.dy + at, lanes, A(0))), lanes);
    }
  };
};

// ------------------------------------------------------------------------------------------------ backward of backward

template <typename T>
struct BackwardBackwardOp : GradientOp<T> {
  using Base = GradientOp<T>;
  using typename Base::A;
  // grad_dy = act'(z) (P v + Q d + R)          grad_x = E v + F g + G d + H
  enum : int { kP = Base::kOwn, kQ, kR, kE, kF, kG, kH, kCoefficients };
  enum : int { kSumV, kSumG, kSumVD, kSumGD, kSumVG, kSums, kRaw = kSums, kMerged = kSums };
  static constexpr int kApplyUnroll = 1;

  const T* v;
  const A* vw;
  const A* vb;
  T* grad_dy;
  T* grad_x;

  template <bool kOneChannel>
  struct Reducer : RawSums<A, kSums, kRaw> {
    using RawSums<A, kSums, kRaw>::raw;
    typename Base::Point point;

    template <typename C>
    IMTRANS_INLINE void begin(const BackwardBackwardOp& op, const C& coefficients, const Run&) {
      this->clear();
      point.begin(op, coefficients);
    }
    IMTRANS_INLINE void take(Vec<A> x, Vec<A> dy, Vec<A> v) {
      const Vec<A> d = point.deviation(x), g = point.masked(dy, d);
      raw[kSumV] += v;
      raw[kSumG] += g;
      raw[kSumVD] += v * d;
      raw[kSumGD] += g * d;
      raw[kSumVG] += v * g;
    }
    IMTRANS_INLINE void step(const BackwardBackwardOp& op, int64_t at) {
      take(load(op.x + at), load(op.dy + at), load(op.v + at));
    }
    IMTRANS_INLINE void step_some(const BackwardBackwardOp& op, int64_t at, int lanes) {
      take(load_some(op.x + at, lanes, A(0)), load_some(op.dy + at, lanes, A(0)), load_some(op.v + at, lanes, A(0)));
    }
  };

  IMTRANS_INLINE static void merge(double* merged, double, const double* raw, double) {
    for (int k = 0; k < kSums; ++k) merged[k] += raw[k];
  }

  void coefficients(int64_t image, int64_t c, const double* sums, Table<A>& table) const {
    const int64_t at = image * this->map.channels + c;
    const double m = double(this->map.pixels()), r = double(this->rstd[at]), wr = this->weight_at(c) * r;
    const double sv = sums[kSumV], sg = sums[kSumG], svg = sums[kSumVG];
    const double svx = sums[kSumVD] * r, sgx = sums[kSumGD] * r;
    const double dw = vw ? double(vw[c]) : 0.0, db = vb ? double(vb[c]) : 0.0;
    const double k = svg - sv * sg / m - svx * sgx / m;
    const double h1 = -wr / m * (sv * sgx + sg * svx) + dw * sg;
    const double h2 = -2 * wr / m * svx * sgx + dw * sgx;
    const double q = dw - wr * svx / m;
    table.row(image, kP)[c] = A(wr);
    table.row(image, kQ)[c] = A(q * r);
    table.row(image, kR)[c] = A(db - wr * sv / m);
    table.row(image, kE)[c] = A(-wr * r * sgx / m);
    table.row(image, kF)[c] = A(q * r);
    table.row(image, kG)[c] = A(-(r * h2 + wr * r * k) / m * r);
    table.row(image, kH)[c] = A(-r * h1 / m);
    this->per_image[at] = r * k;
  }

  struct Applier {
    typename Base::Point point;
    Vec<A> p, q, r, e, f, g_, h;

    template <typename C>
    IMTRANS_INLINE void begin(const BackwardBackwardOp& op, const C& coefficients) {
      point.begin(op, coefficients);
      p = coefficients[kP];
      q = coefficients[kQ];
      r = coefficients[kR];
      e = coefficients[kE];
      f = coefficients[kF];
      g_ = coefficients[kG];
      h = coefficients[kH];
    }
    IMTRANS_INLINE Vec<A> of_dy(Vec<A> d, Vec<A> v) const { return point.masked(p * v + (q * d + r), d); }
    IMTRANS_INLINE Vec<A> of_x(Vec<A> d, Vec<A> dy, Vec<A> v) const {
      return e * v + f * point.masked(dy, d) + (g_ * d + h);
    }
    IMTRANS_INLINE void step(const BackwardBackwardOp& op, int64_t at) const {
      const Vec<A> d = point.deviation(load(op.x + at)), v = load(op.v + at), dy = load(op.dy + at);
      store(op.grad_dy + at, of_dy(d, v));
      store(op.grad_x + at, of_x(d, dy, v));
    }
    IMTRANS_INLINE void step_some(const BackwardBackwardOp& op, int64_t at, int lanes) const {
      const Vec<A> d = point.deviation(load_some(op.x + at, lanes, A(0)));
      const Vec<A> v = load_some(op.v + at, lanes, A(0)), dy = load_some(op.dy + at, lanes, A(0));
      store_some(op.grad_dy + at, of_dy(d, v), lanes);
      store_some(op.grad_x + at, of_x(d, dy, v), lanes);
    }
  };
};

// -------------------------------------------------------------------------------------------------------- entry points

template <typename T>
const T* in(const void* pointer) {
  return static_cast<const T*>(pointer);
}
template <typename T>
T* out(void* pointer) {
  return static_cast<T*>(pointer);
}

// Sums `per_image` over the images, in their order.
template <typename A>
void sum_images(const double* per_image, const FeatureMap& map, A* gradient) {
  if (gradient == nullptr) return;
  for (int64_t c = 0; c < map.channels; ++c) {
    double sum = 0;
    for (int64_t image = 0; image < map.batch; ++image) sum += per_image[image * map.channels + c];
    gradient[c] = A(sum);
  }
}

template <typename T>
void forward(const InstanceNormForward& p, ParallelFor run) {
  using A = Accumulator<T>;
  ForwardOp<T> op{{p.map, A(p.slope), in<A>(p.weight), in<A>(p.bias)},
                  p.eps,
                  in<T>(p.x),
                  in<T>(p.residual),
                  out<T>(p.y),
                  out<A>(p.mean),
                  out<A>(p.rstd)};
  Table<A> table(p.map.batch, p.map.channels, op.kCoefficients);
  run_operator(op, table, run);
}

template <typename T>
void backward(const InstanceNormBackward& p, ParallelFor run) {
  using A = Accumulator<T>;
  const int64_t all = p.map.batch * p.map.channels;
  std::unique_ptr<double[]> per_image(new double[2 * all]);
  BackwardOp<T> op{{{p.map, A(p.slope), in<A>(p.weight), in<A>(p.bias)},
                    in<T>(p.x),
                    in<T>(p.dy),
                    in<A>(p.mean),
                    in<A>(p.rstd),
                    per_image.get()},
                   out<T>(p.dx)};
  Table<A> table(p.map.batch, p.map.channels, op.kCoefficients);
  op.prepare(table);
  run_operator(op, table, run);
  sum_images(per_image.get(), p.map, out<A>(p.dweight));
  sum_images(per_image.get() + all, p.map, out<A>(p.dbias));
}

template <typename T>
void backward_backward(const InstanceNormBackwardBackward& p, ParallelFor run) {
  using A = Accumulator<T>;
  std::unique_ptr<double[]> per_image(new double[p.map.batch * p.map.channels]);
  BackwardBackwardOp<T> op{{{p.map, A(p.slope), in<A>(p.weight), in<A>(p.bias)},
                            in<T>(p.x),
                            in<T>(p.dy),
                            in<A>(p.mean),
                            in<A>(p.rstd),
                            per_image.get()},
                           in<T>(p.ddx),
                           in<A>(p.ddweight),
                           in<A>(p.ddbias),
                           out<T>(p.grad_dy),
                           out<T>(p.grad_x)};
  Table<A> table(p.map.batch, p.map.channels, op.kCoefficients);
  op.prepare(table);
  run_operator(op, table, run);
  sum_images(per_image.get(), p.map, out<A>(p.grad_weight));
}

}  // namespace imtrans::IMTRANS_ISA
