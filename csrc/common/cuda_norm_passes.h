// The passes that instance norm, AdaIN and AdaLIN have in common: forward, backward, and backward of the backward.
//
// Within one channel of one image each of these norms is z = d * scale + offset with d = x - mean. So all of them sum
// the same things and apply the same things, and differ only in the step between, which is the Formula:
//
//     Element, ImageTotal, image_term()                          as in cuda_passes.h
//     normaliser(image, channel)                                 for both gradients: mean, scale and offset as they
//     were coefficients(image, channel, total, image total, writes)   what the pass applies
//
// Common names: g = fold(dy) * (z > 0 ? 1 : slope), v what stands against dx.
#pragma once

#include "common/cuda_border.h"
#include "common/cuda_passes.h"

namespace imtrans::cuda {

template <typename R>
struct Normaliser {
  R mean, scale, offset;

  __device__ R deviation(R x) const { return x - mean; }
  __device__ R z(R deviation) const { return deviation * scale + offset; }
};

template <typename R>
__device__ R through_activation(R dy, R z, R slope) {
  return z > 0 ? dy : slope * dy;
}

// The constants of the column v; in an NCHW map all columns are of one channel.
template <typename Constants, int Columns>
__device__ const Constants& of_column(const Constants (&constants)[Columns], int v) {
  return constants[Columns == 1 ? 0 : v];
}

template <typename T>
const T* in(const void* pointer) {
  return static_cast<const T*>(pointer);
}
template <typename T>
T* out(void* pointer) {
  return static_cast<T*>(pointer);
}

// Adds an access to the first of its maps.
template <typename R, typename T, int Vec, int Maps, int Count>
__device__ void add_rows(RunningMoments<R, Vec>& running, const Accesses<Count>& some,
                         const Packs<T, Vec, Maps> (&inputs)[Count]) {
  Pack<T, Vec> rows[Count];
#pragma unroll
  for (int i = 0; i < Count; ++i) rows[i] = inputs[i].map[0];
  running.add(rows, some.number);
}

// ------------------------------------------------------------------------------------------------------- y from x

// Coefficients: Normaliser<R>.
template <class Formula>
struct ForwardPass : Formula {
  using T = typename Formula::Element;
  using R = Real<T>;
  using Total = Moments<R>;
  template <int Vec>
  using Running = RunningMoments<R, Vec>;
  struct Channel {};
  using Coefficients = Normaliser<R>;
  enum Map : int { kX, kResidual, kMaps, kReduced = 1 };
  static constexpr bool kWritesMaps = true;
  static constexpr int kUnroll = 4;

  const T *x, *residual;
  T* y;
  BorderedMap residual_map, y_map;
  R slope;

  template <class Parameters>
  ForwardPass(const Parameters& p, const Formula& formula)
      : Formula(formula),
        x(in<T>(p.x)),
        residual(in<T>(p.residual)),
        y(out<T>(p.y)),
        residual_map(p.map, p.residual_pad),
        y_map(p.map, p.pad),
        slope(R(p.slope)) {}

  __device__ Channel channel(int64_t, int64_t) const { return {}; }

  __host__ __device__ int maps() const { return residual == nullptr ? 1 : 2; }

  __device__ const T* source(int map, const Spot& spot) const {
    return map == kX ? x + spot.offset : residual + residual_map.inner(spot);
  }

  template <int Vec, int Count, int Columns>
  __device__ void accumulate(Running<Vec>& running, const Channel (&)[Columns], const Accesses<Count>& some,
                             const Inputs<ForwardPass, Vec> (&inputs)[Count]) const {
    add_rows(running, some, inputs);
  }

  template <int Vec, int Columns>
  __device__ void apply(const Spot& spot, const Coefficients (&k)[Columns], const Inputs<ForwardPass, Vec>& in) const {
    Pack<T, Vec> to;
#pragma unroll
    for (int v = 0; v < Vec; ++v) {
      const Coefficients& own = of_column(k, v);
      const R z = own.z(own.deviation(in.map[kX][v]));
      to.set(v, (z > 0 ? z : slope * z) + in.map[kResidual][v]);
    }
    store_reflected(y, y_map, spot, to);
  }
};

// ------------------------------------------------------------------------------------------- dx from dy and x

// S(g) and S(g d), in this order, or more sums likewise.
template <typename R, int K, int Vec>
struct RunningSums {
  Sums<R, K> column[Vec];

  __device__ const Sums<R, K>& total(int v) const { return column[v]; }
};

// dx = scale g + b d + c
template <typename R>
struct GradientCoefficients {
  Normaliser<R> normaliser;
  R b, c;
};

// Total: S(g), S(g d). Coefficients: GradientCoefficients<R>.
template <class Formula>
struct BackwardPass : Formula {
  using T = typename Formula::Element;
  using R = Real<T>;
  using Total = Sums<R, 2>;
  template <int Vec>
  using Running = RunningSums<R, 2, Vec>;
  using Channel = Normaliser<R>;
  using Coefficients = GradientCoefficients<R>;
  enum Map : int { kDy, kX, kMaps, kReduced = kMaps };
  static constexpr bool kWritesMaps = true;
  static constexpr int kUnroll = 2;

  const T *dy, *x;
  T *dx, *dresidual;
  BorderedMap dy_map;
  R slope;

  template <class Parameters>
  BackwardPass(const Parameters& p, const Formula& formula)
      : Formula(formula),
        dy(in<T>(p.dy)),
        x(in<T>(p.x)),
        dx(out<T>(p.dx)),
        dresidual(out<T>(p.dresidual)),
        dy_map(p.map, p.pad),
        slope(R(p.slope)) {}

  __device__ Channel channel(int64_t image, int64_t c) const { return Formula::normaliser(image, c); }

  __host__ __device__ int maps() const { return kMaps; }

  __device__ const T* source(int map, const Spot& spot) const {
    return map == kDy ? dy + dy_map.inner(spot) : x + spot.offset;
  }

  template <int Vec, int Count, int Columns>
  __device__ void accumulate(Running<Vec>& running, const Channel (&k)[Columns], const Accesses<Count>& some,
                             const Inputs<BackwardPass, Vec> (&inputs)[Count]) const {
#pragma unroll
    for (int i = 0; i < Count; ++i) {
      if (i >= some.number) continue;
      R folded[Vec];
      fold(dy, dy_map, some.spots[i], inputs[i].map[kDy], folded);
#pragma unroll
      for (int v = 0; v < Vec; ++v) {
        const Channel& own = of_column(k, v);
        const R d = own.deviation(inputs[i].map[kX][v]);
        const R g = through_activation(folded[v], own.z(d), slope);
        running.column[v].value[0] += g;
        running.column[v].value[1] += g * d;
      }
    }
  }

  template <int Vec, int Columns>
  __device__ void apply(const Spot& spot, const Coefficients (&k)[Columns], const Inputs<BackwardPass, Vec>& in) const {
    R folded[Vec];
    fold(dy, dy_map, spot, in.map[kDy], folded);
    Pack<T, Vec> to_x, to_residual;
#pragma unroll
    for (int v = 0; v < Vec; ++v) {
      const Coefficients& own = of_column(k, v);
      const R d = own.normaliser.deviation(in.map[kX][v]);
      const R g = through_activation(folded[v], own.normaliser.z(d), slope);
      to_x.set(v, own.normaliser.scale * g + (own.b * d + own.c));
      to_residual.set(v, folded[v]);
    }
    store(dx + spot.offset, to_x);
    if (dresidual != nullptr) store(dresidual + spot.offset, to_residual);
  }
};

// -------------------------------------------------------------------------- grad_dy and grad_x from v = ddx, dy and x

// grad_dy = pad((z > 0 ? 1 : slope) * (scale v + q d + r) + vresidual)      grad_x = e v + q g + g_ d + h
template <typename R>
struct SecondCoefficients {
  Normaliser<R> normaliser;
  R q, r, e, g, h;
};

// Total: S(v), S(g), S(v d), S(g d), S(v g). Coefficients: SecondCoefficients<R>.
template <class Formula>
struct BackwardBackwardPass : Formula {
  using T = typename Formula::Element;
  using R = Real<T>;
  using Total = Sums<R, 5>;
  template <int Vec>
  using Running = RunningSums<R, 5, Vec>;
  using Channel = Normaliser<R>;
  using Coefficients = SecondCoefficients<R>;
  enum Map : int { kV, kDy, kX, kVResidual, kMaps, kReduced = kVResidual };
  static constexpr bool kWritesMaps = true;
  static constexpr int kUnroll = 1;

  const T *ddx, *dy, *x, *vresidual;
  T *grad_dy, *grad_x;
  BorderedMap dy_map;
  R slope;

  template <class Parameters>
  BackwardBackwardPass(const Parameters& p, const Formula& formula)
      : Formula(formula),
        ddx(in<T>(p.ddx)),
        dy(in<T>(p.dy)),
        x(in<T>(p.x)),
        vresidual(in<T>(p.vresidual)),
        grad_dy(out<T>(p.grad_dy)),
        grad_x(out<T>(p.grad_x)),
        dy_map(p.map, p.pad),
        slope(R(p.slope)) {}

  __device__ Channel channel(int64_t image, int64_t c) const { return Formula::normaliser(image, c); }

  __host__ __device__ int maps() const { return vresidual == nullptr ? kReduced : kMaps; }

  __device__ const T* source(int map, const Spot& spot) const {
    if (map == kDy) return dy + dy_map.inner(spot);
    return (map == kV ? ddx : map == kX ? x : vresidual) + spot.offset;
  }

  template <int Vec, int Count, int Columns>
  __device__ void accumulate(Running<Vec>& running, const Channel (&k)[Columns], const Accesses<Count>& some,
                             const Inputs<BackwardBackwardPass, Vec> (&inputs)[Count]) const {
#pragma unroll
    for (int i = 0; i < Count; ++i) {
      if (i >= some.number) continue;
      R folded[Vec];
      fold(dy, dy_map, some.spots[i], inputs[i].map[kDy], folded);
#pragma unroll
      for (int j = 0; j < Vec; ++j) {
        const Channel& own = of_column(k, j);
        const R d = own.deviation(inputs[i].map[kX][j]);
        const R g = through_activation(folded[j], own.z(d), slope);
        const R v = inputs[i].map[kV][j];
        R(&sums)[5] = running.column[j].value;
        sums[0] += v;
        sums[1] += g;
        sums[2] += v * d;
        sums[3] += g * d;
        sums[4] += v * g;
      }
    }
  }

  template <int Vec, int Columns>
  __device__ void apply(const Spot& spot, const Coefficients (&k)[Columns],
                        const Inputs<BackwardBackwardPass, Vec>& in) const {
    R folded[Vec];
    fold(dy, dy_map, spot, in.map[kDy], folded);
    Pack<T, Vec> to_dy, to_x;
#pragma unroll
    for (int j = 0; j < Vec; ++j) {
      const Coefficients& own = of_column(k, j);
      const R d = own.normaliser.deviation(in.map[kX][j]), z = own.normaliser.z(d);
      const R g = through_activation(folded[j], z, slope);
      const R v = in.map[kV][j];
      const R by_dy = through_activation(own.normaliser.scale * v + (own.q * d + own.r), z, slope);
      to_dy.set(j, by_dy + in.map[kVResidual][j]);
      to_x.set(j, own.e * v + own.q * g + (own.g * d + own.h));
    }
    store_reflected(grad_dy, dy_map, spot, to_dy);
    store(grad_x + spot.offset, to_x);
  }
};

}  // namespace imtrans::cuda
