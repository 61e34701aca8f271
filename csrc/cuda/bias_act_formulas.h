// The three passes of common/bias_act.h, in the frame of common/cuda_passes.h. Nothing that is applied waits for a sum,
// so the forward pass is the second half of the frame alone, and the gradients are its first half, which writes maps as
// it adds up.
#pragma once

#include "common/bias_act.h"
#include "common/cuda_norm_passes.h"

namespace imtrans::cuda {

// What all passes know.
template <typename T>
struct BiasActPass {
  using Element = T;
  using R = Real<T>;
  using Total = Sums<R, kBiasActSums>;
  using ImageTotal = Nothing;
  template <int Vec>
  using Running = RunningSums<R, kBiasActSums, Vec>;

  const T* x;
  const R *scale, *bias, *noise, *strength, *style;
  int64_t batch, channels, pixels, noise_stride;
  int width;
  R slope, gain, clamp;

  explicit BiasActPass(const BiasAct& p)
      : x(in<T>(p.x)),
        scale(in<R>(p.scale)),
        bias(in<R>(p.bias)),
        noise(in<R>(p.noise)),
        strength(in<R>(p.strength)),
        style(in<R>(p.style)),
        batch(p.map.batch),
        channels(p.map.channels),
        pixels(p.map.pixels()),
        noise_stride(p.noises == 1 ? 0 : p.map.pixels()),
        width(int(p.map.width)),
        slope(R(p.slope)),
        gain(R(p.gain)),
        clamp(R(p.clamp)) {}

  __device__ R scale_of(int64_t image, int64_t c) const {
    return scale == nullptr ? R(1) : scale[image * channels + c];
  }
  __device__ R bias_of(int64_t c) const { return bias == nullptr ? R(0) : bias[c]; }
  __device__ R style_of(int64_t image, int64_t c) const {
    return style == nullptr ? R(1) : style[image * channels + c];
  }
  __device__ R strength_of() const { return strength == nullptr ? R(1) : *strength; }

  // The noise at the elements of an access: of one pixel in an NHWC map, of neighbouring ones in an NCHW map, whose
  // columns are one.
  template <int Columns, int Vec>
  __device__ void noise_at(const Spot& spot, R (&values)[Vec]) const {
    if (noise == nullptr) {
#pragma unroll
      for (int v = 0; v < Vec; ++v) values[v] = 0;
      return;
    }
    const R* own = noise + spot.image * noise_stride + int64_t(spot.row) * width + spot.column;
#pragma unroll
    for (int v = 0; v < Vec; ++v) values[v] = own[Columns == 1 ? v : 0];
  }

  // u and m at z.
  struct Point {
    R u, m;
  };
  __device__ Point at(R z) const {
    const R t = gain * (z > 0 ? z : slope * z);
    return {t > clamp    ? clamp
            : t < -clamp ? -clamp
                         : t,
            t <= clamp && t >= -clamp ? (z > 0 ? gain : gain * slope) : R(0)};
  }

  // For passes that sum: finish_kernel calls it with the total of a channel.
  __device__ void write_sums(R* sums, int64_t image, int64_t c, const Total& total) const {
    for (int k = 0; k < kBiasActSums; ++k) sums[(k * batch + image) * channels + c] = total.value[k];
  }
};

template <typename T>
struct BiasActForwardPass : BiasActPass<T> {
  using R = Real<T>;
  using Channel = Nothing;
  struct Coefficients {
    R scale, bias, style;
  };
  enum Map : int { kX, kMaps, kReduced = kMaps };
  static constexpr bool kWritesMaps = true;
  static constexpr int kUnroll = 4;

  T* y;

  explicit BiasActForwardPass(const BiasActForward& p) : BiasActPass<T>(p), y(out<T>(p.y)) {}

  __host__ __device__ int maps() const { return kMaps; }
  __device__ const T* source(int, const Spot& spot) const { return this->x + spot.offset; }

  __device__ Coefficients coefficients(int64_t image, int64_t c, const typename BiasActPass<T>::Total&, Nothing,
                                       bool) const {
    return {this->scale_of(image, c), this->bias_of(c), this->style_of(image, c)};
  }

  template <int Vec, int Columns>
  __device__ void apply(const Spot& spot, const Coefficients (&k)[Columns], const Packs<T, Vec, kMaps>& in) const {
    R noise[Vec];
    this->template noise_at<Columns>(spot, noise);
    Pack<T, Vec> to;
    const R strength = this->strength_of();
#pragma unroll
    for (int v = 0; v < Vec; ++v) {
      const Coefficients& own = of_column(k, v);
      to.set(v, this->at(in.map[kX][v] * own.scale + (own.bias + strength * noise[v])).u * own.style);
    }
    store(y + spot.offset, to);
  }
};

template <typename R>
struct BiasActChannel {
  R scale, bias, both;  // both: scale times style
};

// The half of a gradient that adds up: what stands between them and reduce_kernel.
template <typename T, class Own>
struct BiasActGradientPass : BiasActPass<T> {
  using R = Real<T>;
  using Coefficients = Nothing;
  static constexpr bool kWritesMaps = false;
  static constexpr int kUnroll = 2;

  R* sums;

  BiasActGradientPass(const BiasAct& p, void* sums) : BiasActPass<T>(p), sums(out<R>(sums)) {}

  __device__ BiasActChannel<R> channel(int64_t image, int64_t c) const {
    const R scale = this->scale_of(image, c);
    return {scale, this->bias_of(c), scale * this->style_of(image, c)};
  }

  template <int Vec, int Count, int Columns, class Channel, class Inputs>
  __device__ void accumulate(RunningSums<R, kBiasActSums, Vec>& running, const Channel (&channels)[Columns],
                             const Accesses<Count>& some, const Inputs (&inputs)[Count]) const {
#pragma unroll
    for (int i = 0; i < Count; ++i) {
      if (i >= some.number) break;
      R noise[Vec];
      this->template noise_at<Columns>(some.spots[i], noise);
      static_cast<const Own*>(this)->template step<Vec>(some.spots[i], channels, noise, inputs[i], running);
    }
  }

  __device__ Coefficients coefficients(int64_t image, int64_t c, const typename BiasActPass<T>::Total& total, Nothing,
                                       bool) const {
    this->write_sums(sums, image, c, total);
    return {};
  }
};

template <typename T>
struct BiasActBackwardPass : BiasActGradientPass<T, BiasActBackwardPass<T>> {
  using R = Real<T>;
  using Channel = BiasActChannel<R>;
  enum Map : int { kX, kDy, kMaps, kReduced = kMaps };

  const T* dy;
  T* dx;

  explicit BiasActBackwardPass(const BiasActBackward& p)
      : BiasActGradientPass<T, BiasActBackwardPass>(p, p.sums), dy(in<T>(p.dy)), dx(out<T>(p.dx)) {}

  __host__ __device__ int maps() const { return kMaps; }
  __device__ const T* source(int map, const Spot& spot) const { return (map == kX ? this->x : dy) + spot.offset; }

  template <int Vec, int Columns>
  __device__ void step(const Spot& spot, const Channel (&channels)[Columns], const R (&noise)[Vec],
                       const Packs<T, Vec, kMaps>& in, RunningSums<R, kBiasActSums, Vec>& running) const {
    Pack<T, Vec> to;
    const R strength = this->strength_of();
#pragma unroll
    for (int v = 0; v < Vec; ++v) {
      const Channel& own = of_column(channels, v);
      const R x = in.map[kX][v], dy = in.map[kDy][v];
      const auto point = this->at(x * own.scale + (own.bias + strength * noise[v]));
      const R e = point.m * dy;
      to.set(v, own.both * e);
      running.column[v].value[0] += e;
      running.column[v].value[1] += e * x;
      running.column[v].value[2] += e * noise[v];
      running.column[v].value[3] += point.u * dy;
    }
    store(dx + spot.offset, to);
  }
};

template <typename T>
struct BiasActBackwardBackwardPass : BiasActGradientPass<T, BiasActBackwardBackwardPass<T>> {
  using R = Real<T>;
  using Channel = BiasActChannel<R>;
  enum Map : int { kX, kDy, kDdx, kMaps, kReduced = kMaps };
  static constexpr int kUnroll = 1;

  const T *dy, *ddx;
  const R* dsums;
  T *grad_dy, *grad_x;

  explicit BiasActBackwardBackwardPass(const BiasActBackwardBackward& p)
      : BiasActGradientPass<T, BiasActBackwardBackwardPass>(p, p.sums),
        dy(in<T>(p.dy)),
        ddx(in<T>(p.ddx)),
        dsums(in<R>(p.dsums)),
        grad_dy(out<T>(p.grad_dy)),
        grad_x(out<T>(p.grad_x)) {}

  __host__ __device__ int maps() const { return kMaps; }
  __device__ const T* source(int map, const Spot& spot) const {
    return (map == kX ? this->x : map == kDy ? dy : ddx) + spot.offset;
  }

  // One of the numbers that stand against the sums. They are read at every access: kept by each thread like the numbers
  // of a Channel, they would be more than it has registers for.
  __device__ R against(int k, const Spot& spot, int column) const {
    return dsums == nullptr ? R(0) : dsums[(k * this->batch + spot.image) * this->channels + spot.channel + column];
  }

  template <int Vec, int Columns>
  __device__ void step(const Spot& spot, const Channel (&channels)[Columns], const R (&noise)[Vec],
                       const Packs<T, Vec, kMaps>& in, RunningSums<R, kBiasActSums, Vec>& running) const {
    Pack<T, Vec> by_dy, by_x;
    const R strength = this->strength_of();
#pragma unroll
    for (int v = 0; v < Vec; ++v) {
      const int column = Columns == 1 ? 0 : v;
      const R by_x_sum = against(1, spot, column), by_u_sum = against(3, spot, column);
      const Channel& own = of_column(channels, v);
      const R x = in.map[kX][v], dy = in.map[kDy][v], ddx = in.map[kDdx][v];
      const auto point = this->at(x * own.scale + (own.bias + strength * noise[v]));
      const R e = point.m * dy;
      const R inner = own.both * ddx + against(0, spot, column) + by_x_sum * x + against(2, spot, column) * noise[v];
      by_dy.set(v, point.m * inner + by_u_sum * point.u);
      by_x.set(v, e * (by_x_sum + by_u_sum * own.scale));
      running.column[v].value[0] += e;
      running.column[v].value[1] += e * x;
      running.column[v].value[2] += e * noise[v];
      running.column[v].value[3] += e * ddx;
    }
    store(grad_dy + spot.offset, by_dy);
    if (grad_x != nullptr) store(grad_x + spot.offset, by_x);
  }
};

}  // namespace imtrans::cuda
