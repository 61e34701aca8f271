// The arithmetic of the instance norm: its forward pass, its backward pass, and the backward pass of that.
// The formulas and their names stand in common/instance_norm.h.
#pragma once

#include "common/cuda_passes.h"
#include "common/instance_norm.h"

namespace imtrans::cuda {

template <typename R>
__device__ R value_or(const R* optional, int64_t index, R absent) {
  return optional == nullptr ? absent : optional[index];
}

// What turns an element into xhat and z.
template <typename R>
struct Normaliser {
  R mean, rstd, weight, bias;

  __device__ R xhat(R x) const { return (x - mean) * rstd; }
  __device__ R z(R xhat) const { return xhat * weight + bias; }
};

template <typename R>
__device__ R through_activation(R dy, R z, R slope) {
  return z > 0 ? dy : slope * dy;
}

// ------------------------------------------------------------------------------------------------ y from x: 2 reads of
// x

template <typename T>
struct ForwardPass {
  using Element = T;
  using R = Real<T>;
  using Total = Moments<R>;
  template <int Vec>
  using Running = RunningMoments<R, Vec>;
  struct Channel {};
  using Coefficients = Normaliser<R>;
  template <int Vec>
  struct Inputs {
    Pack<T, Vec> x, residual;
  };
  static constexpr int kUnroll = 4;

  const T *x, *residual;
  const R *weight, *bias;
  T* y;
  R *mean, *rstd;
  int64_t channels;
  R slope, eps;

  explicit ForwardPass(const InstanceNormForward& p)
      : x(static_cast<const T*>(p.x)),
        residual(static_cast<const T*>(p.residual)),
        weight(static_cast<const R*>(p.weight)),
        bias(static_cast<const R*>(p.bias)),
        y(static_cast<T*>(p.y)),
        mean(static_cast<R*>(p.mean)),
        rstd(static_cast<R*>(p.rstd)),
        channels(p.map.channels),
        slope(R(p.slope)),
        eps(R(p.eps)) {}

  __device__ Channel channel(int64_t, int64_t) const { return {}; }

  template <int Vec>
  __device__ Inputs<Vec> for_reduce(int64_t offset) const {
    return {load<Vec>(x + offset), {}};
  }

  template <int Vec>
  __device__ Inputs<Vec> for_apply(int64_t offset) const {
    return {load<Vec>(x + offset), residual == nullptr ? Pack<T, Vec>{} : load<Vec>(residual + offset)};
  }

  template <int Count, int Vec, int Columns>
  __device__ void accumulate(Running<Vec>& running, const Channel (&)[Columns],
                             const Inputs<Vec> (&inputs)[Count]) const {
    Pack<T, Vec> rows[Count];
#pragma unroll
    for (int i = 0; i < Count; ++i) rows[i] = inputs[i].x;
    running.add(rows);
  }

  __device__ Coefficients coefficients(int64_t image, int64_t c, const Total& total, bool first_split) const {
    const R deviation = R(1) / sqrt(total.m2 / total.count + eps);
    if (first_split) {
      mean[image * channels + c] = total.mean;
      rstd[image * channels + c] = deviation;
    }
    return {total.mean, deviation, value_or(weight, c, R(1)), value_or(bias, c, R(0))};
  }

  template <int Vec, int Columns>
  __device__ void apply(int64_t offset, const Coefficients (&k)[Columns], const Inputs<Vec>& in) const {
    Pack<T, Vec> out;
#pragma unroll
    for (int v = 0; v < Vec; ++v) {
      const Coefficients& own = k[Columns == 1 ? 0 : v];
      const R z = own.z(own.xhat(in.x[v]));
      const R activated = z > 0 ? z : slope * z;
      out.set(v, residual == nullptr ? activated : activated + in.residual[v]);
    }
    store(y + offset, out);
  }
};

// ------------------------------------------------------------------------- dx, dweight, dbias: 2 reads of dy and of x

// S(g) and S(g xhat), in this order.
template <typename R, int Vec>
struct RunningGradientSums {
  Sums<R, 2> column[Vec];

  __device__ const Sums<R, 2>& total(int v) const { return column[v]; }
};

template <typename T>
struct BackwardPass {
  using Element = T;
  using R = Real<T>;
  using Total = Sums<R, 2>;
  template <int Vec>
  using Running = RunningGradientSums<R, Vec>;
  using Channel = Normaliser<R>;
  struct Coefficients {
    Normaliser<R> normaliser;
    R scale, mean_g, mean_gx;  // dx = scale * (g - mean_g - xhat * mean_gx)
  };
  template <int Vec>
  struct Inputs {
    Pack<T, Vec> dy, x;
  };
  static constexpr int kUnroll = 4;

  const T *dy, *x;
  const R *weight, *bias, *mean, *rstd;
  T* dx;
  int64_t channels, pixels;
  R slope;

  explicit BackwardPass(const InstanceNormBackward& p)
      : dy(static_cast<const T*>(p.dy)),
        x(static_cast<const T*>(p.x)),
        weight(static_cast<const R*>(p.weight)),
        bias(static_cast<const R*>(p.bias)),
        mean(static_cast<const R*>(p.mean)),
        rstd(static_cast<const R*>(p.rstd)),
        dx(static_cast<T*>(p.dx)),
        channels(p.map.channels),
        pixels(p.map.pixels()),
        slope(R(p.slope)) {}

  __device__ Channel channel(int64_t image, int64_t c) const {
    const int64_t i = image * channels + c;
    return {mean[i], rstd[i], value_or(weight, c, R(1)), value_or(bias, c, R(0))};
  }

  template <int Vec>
  __device__ Inputs<Vec> for_reduce(int64_t offset) const {
    return {load<Vec>(dy + offset), load<Vec>(x + offset)};
  }

  template <int Vec>
  __device__ Inputs<Vec> for_apply(int64_t offset) const {
    return for_reduce<Vec>(offset);
  }

  template <int Count, int Vec, int Columns>
  __device__ void accumulate(Running<Vec>& running, const Channel (&k)[Columns],
                             const Inputs<Vec> (&inputs)[Count]) const {
#pragma unroll
    for (int i = 0; i < Count; ++i) {
#pragma unroll
      for (int v = 0; v < Vec; ++v) {
        const Channel& own = k[Columns == 1 ? 0 : v];
        const R xhat = own.xhat(inputs[i].x[v]);
        const R g = through_activation(inputs[i].dy[v], own.z(xhat), slope);
        running.column[v].value[0] += g;
        running.column[v].value[1] += g * xhat;
      }
    }
  }

  __device__ Coefficients coefficients(int64_t image, int64_t c, const Total& total, bool) const {
    const Normaliser<R> own = channel(image, c);
    return {own, own.weight * own.rstd, total.value[0] / R(pixels), total.value[1] / R(pixels)};
  }

  template <int Vec, int Columns>
  __device__ void apply(int64_t offset, const Coefficients (&k)[Columns], const Inputs<Vec>& in) const {
    Pack<T, Vec> out;
#pragma unroll
    for (int v = 0; v < Vec; ++v) {
      const Coefficients& own = k[Columns == 1 ? 0 : v];
      const R xhat = own.normaliser.xhat(in.x[v]);
      const R g = through_activation(in.dy[v], own.normaliser.z(xhat), slope);
      out.set(v, own.scale * (g - own.mean_g - xhat * own.mean_gx));
    }
    store(dx + offset, out);
  }
};

// ------------------------------------------------- grad_dy, grad_x, grad_weight: 2 reads of ddx (called v), dy and x

// S(g), S(g xhat), S(v), S(v xhat), S(v g), in this order.
template <typename R, int Vec>
struct RunningProductSums {
  Sums<R, 5> column[Vec];

  __device__ const Sums<R, 5>& total(int v) const { return column[v]; }
};

template <typename T>
struct BackwardBackwardPass {
  using Element = T;
  using R = Real<T>;
  using Total = Sums<R, 5>;
  template <int Vec>
  using Running = RunningProductSums<R, Vec>;
  using Channel = Normaliser<R>;
  struct Coefficients {
    Normaliser<R> normaliser;
    R dy_v, dy_xhat, dy_1;    // grad_dy = (z > 0 ? 1 : slope) * (dy_v * v + dy_xhat * xhat + dy_1)
    R x_v, x_g, x_xhat, x_1;  // grad_x = x_v * v + x_g * g + x_xhat * xhat + x_1
  };
  template <int Vec>
  struct Inputs {
    Pack<T, Vec> v, dy, x;
  };
  static constexpr int kUnroll = 2;

  const T *ddx, *dy, *x;
  const R *ddweight, *ddbias, *weight, *bias, *mean, *rstd;
  T *grad_dy, *grad_x;
  Sums<R, 1>* grad_weights;  // (batch, channels), to be summed over the batch; null where weight is null
  int64_t channels, pixels;
  R slope;

  BackwardBackwardPass(const InstanceNormBackwardBackward& p, Sums<R, 1>* grad_weights)
      : ddx(static_cast<const T*>(p.ddx)),
        dy(static_cast<const T*>(p.dy)),
        x(static_cast<const T*>(p.x)),
        ddweight(static_cast<const R*>(p.ddweight)),
        ddbias(static_cast<const R*>(p.ddbias)),
        weight(static_cast<const R*>(p.weight)),
        bias(static_cast<const R*>(p.bias)),
        mean(static_cast<const R*>(p.mean)),
        rstd(static_cast<const R*>(p.rstd)),
        grad_dy(static_cast<T*>(p.grad_dy)),
        grad_x(static_cast<T*>(p.grad_x)),
        grad_weights(grad_weights),
        channels(p.map.channels),
        pixels(p.map.pixels()),
        slope(R(p.slope)) {}

  __device__ Channel channel(int64_t image, int64_t c) const {
    const int64_t i = image * channels + c;
    return {mean[i], rstd[i], value_or(weight, c, R(1)), value_or(bias, c, R(0))};
  }

  template <int Vec>
  __device__ Inputs<Vec> for_reduce(int64_t offset) const {
    return {load<Vec>(ddx + offset), load<Vec>(dy + offset), load<Vec>(x + offset)};
  }

  template <int Vec>
  __device__ Inputs<Vec> for_apply(int64_t offset) const {
    return for_reduce<Vec>(offset);
  }

  template <int Count, int Vec, int Columns>
  __device__ void accumulate(Running<Vec>& running, const Channel (&k)[Columns],
                             const Inputs<Vec> (&inputs)[Count]) const {
#pragma unroll
    for (int i = 0; i < Count; ++i) {
#pragma unroll
      for (int j = 0; j < Vec; ++j) {
        const Channel& own = k[Columns == 1 ? 0 : j];
        const R xhat = own.xhat(inputs[i].x[j]);
        const R g = through_activation(inputs[i].dy[j], own.z(xhat), slope);
        const R v = inputs[i].v[j];
        R(&sums)[5] = running.column[j].value;
        sums[0] += g;
        sums[1] += g * xhat;
        sums[2] += v;
        sums[3] += v * xhat;
        sums[4] += v * g;
      }
    }
  }

  __device__ Coefficients coefficients(int64_t image, int64_t c, const Total& total, bool first_split) const {
    const Normaliser<R> own = channel(image, c);
    const R m = R(pixels), r = own.rstd, w = own.weight;
    const R vw = value_or(ddweight, c, R(0)), vb = value_or(ddbias, c, R(0));
    const R sg = total.value[0], sgx = total.value[1], sv = total.value[2], svx = total.value[3];
    const R k = total.value[4] - sv * sg / m - svx * sgx / m;
    const R h1 = -(w * r / m) * (sv * sgx + sg * svx) + vw * sg;
    const R h2 = -2 * (w * r / m) * svx * sgx + vw * sgx;
    if (first_split && grad_weights != nullptr) grad_weights[image * channels + c] = {{r * k}};
    const R dy_xhat = vw - w * r * svx / m;
    return {own,
            w * r,
            dy_xhat,
            vb - w * r * sv / m,
            -(w * r * r * sgx / m),
            r * dy_xhat,
            -(r * h2 + w * r * r * k) / m,
            -(r * h1) / m};
  }

  template <int Vec, int Columns>
  __device__ void apply(int64_t offset, const Coefficients (&k)[Columns], const Inputs<Vec>& in) const {
    Pack<T, Vec> out_dy, out_x;
#pragma unroll
    for (int j = 0; j < Vec; ++j) {
      const Coefficients& own = k[Columns == 1 ? 0 : j];
      const R xhat = own.normaliser.xhat(in.x[j]);
      const R z = own.normaliser.z(xhat);
      const R g = through_activation(in.dy[j], z, slope);
      const R v = in.v[j];
      out_dy.set(j, through_activation(own.dy_v * v + own.dy_xhat * xhat + own.dy_1, z, slope));
      out_x.set(j, own.x_v * v + own.x_g * g + own.x_xhat * xhat + own.x_1);
    }
    store(grad_dy + offset, out_dy);
    store(grad_x + offset, out_x);
  }
};

}  // namespace imtrans::cuda
