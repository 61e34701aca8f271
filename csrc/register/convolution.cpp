// The packed convolutions as torch sees them, and the affine step between them. They write into tensors that the caller
// gives, so that a network runs in the same memory from picture to picture. The schemas are defined in
// imtrans/ops/packed_convolution.py.
#include "cpu/convolution.h"

#include <vector>

#include "cpu/affine.h"
#include "register/tensors.h"

namespace imtrans {
namespace {

using Optional = std::optional<Tensor>;

// [in_channels, out_channels, kernel, stride, padding, output_padding, transposed, border]
ConvolutionLayer layer_of(const std::vector<int64_t>& n, DType dtype) {
  require(n.size() == 8, "a layer is described by eight numbers, not " + std::to_string(n.size()) + ".");
  require(n[0] > 0 && n[1] > 0 && n[2] > 0 && n[3] > 0, "channels, kernel and stride of a layer are positive.");
  require(n[4] >= 0 && n[5] >= 0 && n[7] >= 0 && n[7] <= 2, "a padding or a border of a layer is out of range.");
  require(n[6] == 0 || (n[7] != int64_t(Border::kReflect) && n[4] < n[2]),
          "a transposed layer has no reflected border, and less padding than its kernel.");
  return {n[0], n[1], n[2], n[3], n[4], n[5], n[6] != 0, Border(int(n[7])), dtype};
}

bool multiplies_bfloat16() { return cpu::multiplies(DType::kBFloat16); }

Tensor pack(const Tensor& weight, std::vector<int64_t> numbers_of_layer, bool bfloat16) {
  const ConvolutionLayer layer = layer_of(numbers_of_layer, bfloat16 ? DType::kBFloat16 : DType::kFloat32);
  require(cpu::multiplies(layer.dtype), "this processor has no instruction that multiplies bfloat16.");
  require(weight.scalar_type() == ScalarType::Float, "weights are packed from float32.");
  require(weight.numel() == layer.in_channels * layer.out_channels * layer.kernel * layer.kernel,
          "the weight does not have the size of the layer.");
  const Tensor dense = torch::stable::contiguous(weight);
  const int64_t size = cpu::packed_bytes(layer);
  Tensor packed = torch::stable::new_empty(weight, {&size, 1}, ScalarType::Byte);
  cpu::pack_convolution(layer, static_cast<const float*>(dense.const_data_ptr()), packed.mutable_data_ptr());
  return packed;
}

const float* floats(const Optional& tensor, int64_t count, const char* name) {
  if (!tensor.has_value()) return nullptr;
  require(tensor->scalar_type() == ScalarType::Float && tensor->numel() == count && tensor->is_contiguous(),
          std::string(name) + " is contiguous float32 of " + std::to_string(count) + " elements.");
  return static_cast<const float*>(tensor->const_data_ptr());
}

FeatureMap describe_nhwc(const Tensor& x, const char* name) {
  require(x.dim() == 4 && x.numel() > 0 && is_dense(x, Layout::kNHWC),
          std::string(name) + " is a channels-last map (N, C, H, W).");
  return {x.size(0), x.size(1), x.size(2), x.size(3), Layout::kNHWC, dtype_of(x)};
}

bool has_sizes(const Tensor& x, int64_t n, int64_t c, int64_t h, int64_t w) {
  return x.size(0) == n && x.size(1) == c && x.size(2) == h && x.size(3) == w;
}

void run(const Tensor& x, const Tensor& packed, std::vector<int64_t> numbers_of_layer, const Optional& scale,
         const Optional& shift, double slope, const Optional& bias, const Optional& gamma, const Optional& beta,
         double eps, Tensor y, Optional y_scale, Optional y_shift) {
  const FeatureMap map = describe_nhwc(x, "x"), out = describe_nhwc(y, "y");
  const ConvolutionLayer layer = layer_of(numbers_of_layer, map.dtype);
  require(cpu::multiplies(layer.dtype), "this processor has no instruction that multiplies this type.");
  require(map.channels == layer.in_channels, "x does not have the channels of the layer.");
  require(layer.border != Border::kReflect || (layer.padding < map.height && layer.padding < map.width),
          "a map is larger than its reflected border.");
  require(has_sizes(y, map.batch, layer.out_channels, layer.out_size(map.height), layer.out_size(map.width)),
          "y does not have the size that the layer gives.");
  require(out.dtype == map.dtype || out.dtype == DType::kFloat32, "y has the type of x, or float32.");
  require(packed.scalar_type() == ScalarType::Byte && packed.numel() == cpu::packed_bytes(layer),
          "the packed weights are not of this layer and processor.");
  const int64_t in = map.batch * map.channels, of_y = map.batch * layer.out_channels;
  require(scale.has_value() == shift.has_value() && y_scale.has_value() == y_shift.has_value(),
          "a scale and a shift come together.");
  floats(y_scale, of_y, "y_scale");
  floats(y_shift, of_y, "y_shift");
  Convolution p{layer,
                map,
                x.const_data_ptr(),
                floats(scale, in, "scale"),
                floats(shift, in, "shift"),
                float(slope),
                packed.const_data_ptr(),
                floats(bias, layer.out_channels, "bias"),
                out.dtype,
                y.mutable_data_ptr(),
                floats(gamma, layer.out_channels, "gamma"),
                floats(beta, layer.out_channels, "beta"),
                eps,
                y_scale.has_value() ? static_cast<float*>(y_scale->mutable_data_ptr()) : nullptr,
                y_shift.has_value() ? static_cast<float*>(y_shift->mutable_data_ptr()) : nullptr};
  cpu::launch_convolution(p, torch_for);
}

void affine(const Tensor& x, const Optional& scale, const Optional& shift, double slope, const Optional& residual,
            Tensor y) {
  const FeatureMap map = describe_nhwc(x, "x");
  require(scale.has_value() == shift.has_value(), "a scale and a shift come together.");
  require(same_sizes(x, y) && dtype_of(y) == map.dtype && is_dense(y, Layout::kNHWC), "y is a map like x.");
  if (residual.has_value()) {
    require(same_sizes(x, *residual) && dtype_of(*residual) == map.dtype && is_dense(*residual, Layout::kNHWC),
            "the residual is a map like x.");
  }
  const int64_t count = map.batch * map.channels;
  cpu::launch_affine({map, x.const_data_ptr(), floats(scale, count, "scale"), floats(shift, count, "shift"),
                      float(slope), pointer(residual), y.mutable_data_ptr()},
                     torch_for);
}

}  // namespace
}  // namespace imtrans

STABLE_TORCH_LIBRARY_IMPL(imtrans, CompositeExplicitAutograd, m) {
  m.impl("multiplies_bfloat16", TORCH_BOX(&imtrans::multiplies_bfloat16));
}

STABLE_TORCH_LIBRARY_IMPL(imtrans, CPU, m) {
  m.impl("packed_convolution_pack", TORCH_BOX(&imtrans::pack));
  m.impl("packed_convolution", TORCH_BOX(&imtrans::run));
  m.impl("affine", TORCH_BOX(&imtrans::affine));
}
