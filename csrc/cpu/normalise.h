// What the normalisations have in common: z = (x - mean) * scale + offset for each channel of each image. Sums and
// elements of the forward, the backward and the backward of the backward are the same for all of them; an operator adds
// coefficients(), its own step between the two. Formulas: common/instance_norm.h, common/adalin.h.
// No include guard: compiled once for every instruction set (cpu/foreach_isa.h).
#include "cpu/reduce_apply.h"

namespace imtrans::IMTRANS_ISA {

// Rows of the coefficient table that all three share.
enum : int { kMean, kScale, kOffset, kOwn };

// ------------------------------------------------------------------------------------------------------------- moments

// The mean of each channel of each image, and the sum of squared deviations from it.
template <typename T>
struct MomentsOp {
  using Element = T;
  using A = Accumulator<T>;
  enum : int { kSum, kSquare, kSums, kShift = kSums, kRaw };  // of deviations from the shift
  enum : int { kMeanOfAll, kDeviations, kMerged };
  static constexpr bool kCoupled = false, kFolds = false;

  FeatureMap map;
  Frame frame;
  const T* x;

  // Deviations from a rough mean: E[x^2] - E[x]^2 of the plain values would cancel where the mean is large. One pixel
  // would do for that, but where it is an outlier every other deviation is large, and their squares cancel again.
  template <bool kOneChannel>
  struct Reducer : RawSums<A, kSums, kRaw> {
    using RawSums<A, kSums, kRaw>::raw;

    template <typename C>
    IMTRANS_INLINE void begin(const MomentsOp& op, const C&, const Run& run) {
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
    template <bool>
    IMTRANS_INLINE void step(const MomentsOp& op, const Spot& at) {
      take(load(op.x + at.inner));
    }
    template <bool>
    IMTRANS_INLINE void step_some(const MomentsOp& op, const Spot& at, int lanes) {
      take(load_some(op.x + at.inner, lanes, raw[kShift][0]));
    }
  };

  // Chan, Golub, LeVeque: Updating formulae and a pairwise algorithm for computing sample variances, 1979, eq. 2.1.
  IMTRANS_INLINE static void merge(double* merged, double had, const double* raw, double count) {
    const double inside = raw[kSum] / count, share = count / (had + count);
    const double apart = raw[kShift] + inside - merged[kMeanOfAll];
    merged[kDeviations] += std::max(raw[kSquare] - raw[kSum] * inside, 0.0) + apart * apart * had * share;
    merged[kMeanOfAll] += apart * share;
  }
};

// ------------------------------------------------------------------------------------------------------------- forward

template <typename T>
struct ForwardOp : MomentsOp<T> {
  using A = Accumulator<T>;
  static constexpr int kCoefficients = kOwn, kApplyUnroll = 4;

  A slope;
  const T* residual;
  T* y;

  T* mirrored() const { return y; }

  struct Applier {
    Vec<A> mean, scale, offset, slope;

    template <typename C>
    IMTRANS_INLINE void begin(const ForwardOp& op, const C& coefficients) {
      mean = coefficients[kMean];
      scale = coefficients[kScale];
      offset = coefficients[kOffset];
      slope = repeat<A>(op.slope);
    }
    IMTRANS_INLINE Vec<A> value(Vec<A> x) const { return activate((x - mean) * scale + offset, slope); }
    template <bool>
    IMTRANS_INLINE void step(const ForwardOp& op, const Spot& at) const {
      Vec<A> y = value(load(op.x + at.inner));
      if (op.residual) y += load(op.residual + at.residual);
      store(op.y + at.outer, y);
    }
    template <bool>
    IMTRANS_INLINE void step_some(const ForwardOp& op, const Spot& at, int lanes) const {
      Vec<A> y = value(load_some(op.x + at.inner, lanes, A(0)));
      if (op.residual) y += load_some(op.residual + at.residual, lanes, A(0));
      store_some(op.y + at.outer, y, lanes);
    }
  };
};

// ------------------------------------------------------------------------------------------------------------ backward

// What the two gradients share: the maps, and the gradient through the activation.
template <typename T>
struct GradientOp {
  using Element = T;
  using A = Accumulator<T>;

  FeatureMap map;
  Frame frame;
  A slope;
  const T* x;
  const T* dy;

  // d = x - mean and g, the gradient with respect to z, of one vector.
  struct Point {
    Vec<A> mean, scale, offset, slope;

    template <typename C>
    IMTRANS_INLINE void begin(const GradientOp& op, const C& coefficients) {
      mean = coefficients[kMean];
      scale = coefficients[kScale];
      offset = coefficients[kOffset];
      slope = repeat<A>(op.slope);
    }
    IMTRANS_INLINE Vec<A> deviation(Vec<A> x) const { return x - mean; }
    IMTRANS_INLINE Vec<A> masked(Vec<A> value, Vec<A> d) const {
      return through_activation(value, d * scale + offset, slope);
    }
  };

  IMTRANS_INLINE static void add_sums(double* merged, const double* raw, int sums) {
    for (int k = 0; k < sums; ++k) merged[k] += raw[k];
  }
};

template <typename T>
struct BackwardOp : GradientOp<T> {
  using Base = GradientOp<T>;
  using A = Accumulator<T>;
  enum : int { kA = kOwn, kB, kC, kCoefficients };  // dx = A g + B d + C
  enum : int { kSumG, kSumGD, kSums, kRaw = kSums, kMerged = kSums };
  static constexpr bool kFolds = true;
  static constexpr int kApplyUnroll = 2;

  T* dx;
  T* dresidual;

  T* mirrored() const { return nullptr; }

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
    template <bool kFolded>
    IMTRANS_INLINE void step(const BackwardOp& op, const Spot& at) {
      take(load(op.x + at.inner), load_outer<kFolded>(op.dy, at));
    }
    template <bool kFolded>
    IMTRANS_INLINE void step_some(const BackwardOp& op, const Spot& at, int lanes) {
      take(load_some(op.x + at.inner, lanes, A(0)), load_outer_some<kFolded>(op.dy, at, lanes));
    }
  };

  IMTRANS_INLINE static void merge(double* merged, double, const double* raw, double) {
    Base::add_sums(merged, raw, kSums);
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
    template <bool kFolded>
    IMTRANS_INLINE void step(const BackwardOp& op, const Spot& at) const {
      const Vec<A> dy = load_outer<kFolded>(op.dy, at);
      if (op.dresidual) store(op.dresidual + at.inner, dy);
      store(op.dx + at.inner, value(load(op.x + at.inner), dy));
    }
    template <bool kFolded>
    IMTRANS_INLINE void step_some(const BackwardOp& op, const Spot& at, int lanes) const {
      const Vec<A> dy = load_outer_some<kFolded>(op.dy, at, lanes);
      if (op.dresidual) store_some(op.dresidual + at.inner, dy, lanes);
      store_some(op.dx + at.inner, value(load_some(op.x + at.inner, lanes, A(0)), dy), lanes);
    }
  };
};

// ------------------------------------------------------------------------------------------------ backward of backward

// dy comes without a border: folded by the caller.
template <typename T>
struct BackwardBackwardOp : GradientOp<T> {
  using Base = GradientOp<T>;
  using A = Accumulator<T>;
  // grad_dy = act'(z) (P v + Q d + R) + vresidual          grad_x = E v + Q g + G d + H
  enum : int { kP = kOwn, kQ, kR, kE, kG, kH, kCoefficients };
  enum : int { kSumV, kSumG, kSumVD, kSumGD, kSumVG, kSums, kRaw = kSums, kMerged = kSums };
  static constexpr bool kFolds = false;
  static constexpr int kApplyUnroll = 1;

  const T* v;
  const T* vresidual;
  T* grad_dy;
  T* grad_x;

  T* mirrored() const { return grad_dy; }

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
    template <bool>
    IMTRANS_INLINE void step(const BackwardBackwardOp& op, const Spot& at) {
      take(load(op.x + at.inner), load(op.dy + at.inner), load(op.v + at.inner));
    }
    template <bool>
    IMTRANS_INLINE void step_some(const BackwardBackwardOp& op, const Spot& at, int lanes) {
      take(load_some(op.x + at.inner, lanes, A(0)), load_some(op.dy + at.inner, lanes, A(0)),
           load_some(op.v + at.inner, lanes, A(0)));
    }
  };

  IMTRANS_INLINE static void merge(double* merged, double, const double* raw, double) {
    Base::add_sums(merged, raw, kSums);
  }

  struct Applier {
    typename Base::Point point;
    Vec<A> p, q, r, e, g_, h;

    template <typename C>
    IMTRANS_INLINE void begin(const BackwardBackwardOp& op, const C& coefficients) {
      point.begin(op, coefficients);
      p = coefficients[kP];
      q = coefficients[kQ];
      r = coefficients[kR];
      e = coefficients[kE];
      g_ = coefficients[kG];
      h = coefficients[kH];
    }
    IMTRANS_INLINE Vec<A> of_dy(Vec<A> d, Vec<A> v) const { return point.masked(p * v + (q * d + r), d); }
    IMTRANS_INLINE Vec<A> of_x(Vec<A> d, Vec<A> dy, Vec<A> v) const {
      return e * v + q * point.masked(dy, d) + (g_ * d + h);
    }
    template <bool>
    IMTRANS_INLINE void step(const BackwardBackwardOp& op, const Spot& at) const {
      const Vec<A> d = point.deviation(load(op.x + at.inner)), v = load(op.v + at.inner), dy = load(op.dy + at.inner);
      Vec<A> grad_dy = of_dy(d, v);
      if (op.vresidual) grad_dy += load(op.vresidual + at.inner);
      store(op.grad_dy + at.outer, grad_dy);
      store(op.grad_x + at.inner, of_x(d, dy, v));
    }
    template <bool>
    IMTRANS_INLINE void step_some(const BackwardBackwardOp& op, const Spot& at, int lanes) const {
      const Vec<A> d = point.deviation(load_some(op.x + at.inner, lanes, A(0)));
      const Vec<A> v = load_some(op.v + at.inner, lanes, A(0)), dy = load_some(op.dy + at.inner, lanes, A(0));
      Vec<A> grad_dy = of_dy(d, v);
      if (op.vresidual) grad_dy += load_some(op.vresidual + at.inner, lanes, A(0));
      store_some(op.grad_dy + at.outer, grad_dy, lanes);
      store_some(op.grad_x + at.inner, of_x(d, dy, v), lanes);
    }
  };
};

// --------------------------------------------------------------------------------------------------- numbers per image

// What a kernel computes for each number of each channel of each image, in double: gradients before the images are
// added.
struct ImageNumbers {
  ImageNumbers(const FeatureMap& map, int numbers) : map(map), values(new double[numbers * map.batch * map.channels]) {}
  double* at(int number, int64_t image) const { return values.get() + (number * map.batch + image) * map.channels; }

  // Number `number` of each image, or its sum over the images in their order.
  template <typename A>
  void write(int number, bool per_image, A* to) const {
    if (to == nullptr) return;
    if (per_image) {
      std::copy_n(at(number, 0), map.batch * map.channels, to);
      return;
    }
    for (int64_t c = 0; c < map.channels; ++c) {
      double sum = 0;
      for (int64_t image = 0; image < map.batch; ++image) sum += at(number, image)[c];
      to[c] = A(sum);
    }
  }

  FeatureMap map;
  std::unique_ptr<double[]> values;
};

// A parameter of a channel, given once or for each image.
template <typename A>
struct Parameter {
  const A* values;
  bool per_image;
  double absent = 0;

  double at(const FeatureMap& map, int64_t image, int64_t channel) const {
    if (values == nullptr) return absent;
    return double(values[(per_image ? image * map.channels : 0) + channel]);
  }
};

template <typename T>
const T* in(const void* pointer) {
  return static_cast<const T*>(pointer);
}
template <typename T>
T* out(void* pointer) {
  return static_cast<T*>(pointer);
}

// dy without its border: itself where it has none, else folded into `room`.
template <typename T, class Parameters>
const T* without_border(const Parameters& p, std::unique_ptr<T[]>& room, ParallelFor run) {
  if (p.pad == 0) return in<T>(p.dy);
  room.reset(new T[p.map.batch * p.map.channels * p.map.pixels()]);
  fold_map(in<T>(p.dy), room.get(), p.map, frame_of(p.map, p.pad, 0), run);
  return room.get();
}

}  // namespace imtrans::IMTRANS_ISA
