// The step of AdaLIN between adding up and applying, as plain functions of numbers; formulas in common/adalin.h.
//
// For each pass: the total of an image is the sum of share(...) over its channels, and the coefficients of a channel
// follow from its own sums and that total. R is the type to compute in.
//
// Powers of rI and rL never stand alone: a channel of tiny numbers has an rI whose cube is beyond float.
#pragma once

#include <cmath>
#include <cstdint>

#include "common/host_device.h"

namespace imtrans::adalin {

// Numbers of elements, and what variances are divided by.
template <typename R>
struct Counts {
  R pixels, freedom;              // m, and m - 1 or 1
  R layer_pixels, layer_freedom;  // M, and M - 1 or 1
};

template <typename R>
IMTRANS_HOST_DEVICE Counts<R> count(int64_t channels, int64_t pixels) {
  const int64_t all = channels * pixels;
  return {R(pixels), R(pixels > 1 ? pixels - 1 : 1), R(all), R(all > 1 ? all - 1 : 1)};
}

// What is known of one channel of one image.
template <typename R>
struct Channel {
  R rho, gamma, beta;
  R rstd, apart, layer_rstd;  // rI, e, rL

  IMTRANS_HOST_DEVICE R layer_share() const { return 1 - rho; }                        // q
  IMTRANS_HOST_DEVICE R slope() const { return rho * rstd + (1 - rho) * layer_rstd; }  // a
  IMTRANS_HOST_DEVICE R offset() const { return (1 - rho) * layer_rstd * apart; }      // b
  // Sums of a map against xI, xL and xhat, from its plain sum and its sum against d.
  IMTRANS_HOST_DEVICE R against_xi(R with_d) const { return rstd * with_d; }
  IMTRANS_HOST_DEVICE R against_xl(R plain, R with_d) const { return layer_rstd * (with_d + apart * plain); }
};

// ------------------------------------------------------------------------------------------------------------- forward

// 1 / sqrt(variance + eps) from a sum of squared deviations.
template <typename R>
IMTRANS_HOST_DEVICE R rstd_of(R deviations, R freedom, R eps) {
  return 1 / std::sqrt(deviations / freedom + eps);
}

// The mean and the squared deviations of the channels of an image that have been added: the update of Chan, Golub and
// LeVeque (1979, equation 2.1) for channels of one size.
template <typename R>
struct Layer {
  R channels = 0, mean = 0, deviations = 0;

  IMTRANS_HOST_DEVICE void add(R channel_mean, R channel_deviations, R pixels) {
    const R away = channel_mean - mean;
    deviations += channel_deviations + away * away * pixels * (channels / (channels + 1));
    mean += away / (channels + 1);
    channels += 1;
  }
  IMTRANS_HOST_DEVICE void merge(const Layer& other, R pixels) {
    if (other.channels == 0) return;
    const R all = channels + other.channels, away = other.mean - mean;
    deviations += other.deviations + away * away * pixels * (channels * (other.channels / all));
    mean += away * (other.channels / all);
    channels = all;
  }
};

// z = (x - mean) * scale + offset, where `rounded` is what the kernel subtracts in place of the exact mean.
template <typename R>
struct Affine {
  R scale, offset;
};

template <typename R>
IMTRANS_HOST_DEVICE Affine<R> affine(const Channel<R>& c, R rounding_of_mean = 0) {
  const R scale = c.gamma * c.slope();
  return {scale, c.gamma * c.offset() + c.beta - rounding_of_mean * scale};
}

// ------------------------------------------------------------------------------------------------------------ backward

// Sums over the pixels of a channel.
template <typename R>
struct GradientSums {
  R g, gd;
};

template <typename R>
struct GradientTotals {
  R t0 = 0, t1 = 0;

  IMTRANS_HOST_DEVICE void add(const GradientTotals& other) {
    t0 += other.t0;
    t1 += other.t1;
  }
};

template <typename R>
IMTRANS_HOST_DEVICE GradientTotals<R> share(const Channel<R>& c, const GradientSums<R>& s) {
  const R weight = c.layer_share() * c.gamma;
  return {weight * s.g, weight * c.against_xl(s.g, s.gd)};
}

// dx = a g + b d + c, and the gradients of the parameters from this image.
template <typename R>
struct GradientCoefficients {
  R a, b, c;
  R drho, dgamma, dbeta;
};

template <typename R>
IMTRANS_HOST_DEVICE GradientCoefficients<R> coefficients(const Channel<R>& c, const GradientSums<R>& s,
                                                         const GradientTotals<R>& total, const Counts<R>& n) {
  const R inner = c.rho * c.gamma * c.rstd, rl = c.layer_rstd, layer = rl * (rl * total.t1 / n.layer_freedom);
  const R with_xi = c.against_xi(s.gd), with_xl = c.against_xl(s.g, s.gd);
  return {c.gamma * c.slope(),
          -inner * (c.rstd * with_xi / n.freedom) - layer,
          -inner * s.g / n.pixels - rl * total.t0 / n.layer_pixels - layer * c.apart,
          c.gamma * (with_xi - with_xl),
          c.rho * with_xi + c.layer_share() * with_xl,
          s.g};
}

// ------------------------------------------------------------------------------------------------ backward of backward

template <typename R>
struct SecondSums {
  R v, g, vd, gd, vg;
};

// What stands against the gradients of the parameters.
template <typename R>
struct Directions {
  R rho, gamma, beta;
};

template <typename R>
struct SecondTotals {
  R t0 = 0, t1 = 0, v0 = 0, v1 = 0;
  R by_rstd = 0;   // SL(q gamma S(v g) + u S(g (d + e)))
  R by_apart = 0;  // SL(u S(g))

  IMTRANS_HOST_DEVICE void add(const SecondTotals& other) {
    t0 += other.t0;
    t1 += other.t1;
    v0 += other.v0;
    v1 += other.v1;
    by_rstd += other.by_rstd;
    by_apart += other.by_apart;
  }
};

template <typename R>
IMTRANS_HOST_DEVICE SecondTotals<R> share(const Channel<R>& c, const SecondSums<R>& s, const Directions<R>& to) {
  const R weight = c.layer_share() * c.gamma, u = c.layer_share() * to.gamma - c.gamma * to.rho;
  return {weight * s.g,
          weight * c.against_xl(s.g, s.gd),
          s.v,
          c.against_xl(s.v, s.vd),
          weight * s.vg + u * (s.gd + c.apart * s.g),
          u * s.g};
}

// grad_dy = act'(z) (p v + q d + r), grad_x = e v + q g + g d + h, and the gradients of the parameters from this image.
template <typename R>
struct SecondCoefficients {
  R p, q, r;
  R e, g, h;
  R grad_rho, grad_gamma;
};

template <typename R>
IMTRANS_HOST_DEVICE SecondCoefficients<R> coefficients(const Channel<R>& c, const SecondSums<R>& s,
                                                       const Directions<R>& to, const SecondTotals<R>& total,
                                                       const Counts<R>& n) {
  const R m = n.pixels, big = n.layer_pixels, ri = c.rstd, rl = c.layer_rstd, share = c.layer_share();
  const R g_xi = c.against_xi(s.gd), g_xl = c.against_xl(s.g, s.gd), v_xi = c.against_xi(s.vd);
  const R w0 = rl * total.v0 / big, w1 = rl * total.v1 / n.layer_freedom, x1 = rl * total.t1 / n.layer_freedom;
  const R inner = c.rho * c.gamma, weight = share * c.gamma, u = share * to.gamma - c.gamma * to.rho;

  // rI times the derivative by rI, and rL times that by rL.
  const R products = g_xi * v_xi / n.freedom, means = s.g * s.v / m;
  const R by_rstd = ri * (inner * (s.vg - 3 * products - means)) + (c.rho * to.gamma + c.gamma * to.rho) * g_xi;
  const R by_layer_rstd = rl * (total.by_rstd - total.t0 * total.v0 / big - 3 * total.t1 * total.v1 / n.layer_freedom);
  const R layer = rl * (rl * by_layer_rstd / n.layer_freedom);
  const R by_apart = rl * (u * s.g - weight * w1 * s.g - x1 * s.v);
  const R by_all_apart = rl * (total.by_apart - w1 * total.t0 - x1 * total.v0);

  const R p = c.gamma * c.slope();
  const R q =
      -inner * ri * (ri * v_xi / n.freedom) - weight * rl * w1 + to.gamma * c.slope() + to.rho * c.gamma * (ri - rl);
  const R r = -inner * ri * s.v / m - weight * (w0 + w1 * rl * c.apart) + to.gamma * c.offset() + to.beta -
              to.rho * c.gamma * rl * c.apart;
  const R e = -inner * ri * (ri * g_xi / n.freedom) - rl * x1;
  const R k = s.vg - products - means;
  const R outside = w0 * s.g + w1 * g_xl;
  return {p,
          q,
          r,
          e,
          -ri * (ri * by_rstd / n.freedom) - layer,
          -(q * s.g + e * s.v - by_apart) / m - by_all_apart / big - layer * c.apart,
          c.gamma * (ri * k - rl * s.vg + outside) + to.gamma * (g_xi - g_xl),
          c.rho * ri * k + share * (rl * s.vg - outside) + to.rho * (g_xi - g_xl)};
}

}  // namespace imtrans::adalin
