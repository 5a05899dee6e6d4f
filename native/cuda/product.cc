// MatMul: what its step describes, and who computes it: the own kernels or cuBLASLt.
#include "cuda/product.h"

#include <algorithm>

namespace grafo::cuda {
namespace {

struct ZeroStep final : PreparedStep {
  size_t bytes = 0;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    if (bytes == 0) return {};
    return check(cudaMemsetAsync(buffers[2], 0, bytes, device.stream), "a memset");
  }
};

}  // namespace

bool is_product(const StepDesc& desc) {
  const TensorDesc &a = desc.inputs[0], &c = desc.outputs[0];
  const bool transpose_a = Words(desc).i32() != 0;
  return c.size != 0 && a.dims[a.rank - (transpose_a ? 2 : 1)] != 0;
}

Product read_product(const StepDesc& desc) {
  const TensorDesc &a = desc.inputs[0], &b = desc.inputs[1], &c = desc.outputs[0];
  Words words(desc);
  Product product{};
  product.transpose_a = words.i32() != 0;
  product.transpose_b = words.i32() != 0;
  product.m = c.dims[c.rank - 2];
  product.n = c.dims[c.rank - 1];
  product.k = a.dims[a.rank - (product.transpose_a ? 2 : 1)];
  product.batches = 1;
  product.rank = c.rank - 2;
  int64_t step_a = product.m * product.k, step_b = product.k * product.n;
  bool one_b = !product.transpose_a;
  for (int d = product.rank - 1; d >= 0; --d) {
    const int in_a = d - (c.rank - a.rank), in_b = d - (c.rank - b.rank);
    const int64_t dim_a = in_a < 0 ? 1 : a.dims[in_a], dim_b = in_b < 0 ? 1 : b.dims[in_b];
    product.dims[d] = c.dims[d];
    product.a_steps[d] = dim_a == 1 ? 0 : step_a;
    product.b_steps[d] = dim_b == 1 ? 0 : step_b;
    one_b = one_b && dim_b == 1;
    step_a *= dim_a;
    step_b *= dim_b;
    product.batches *= c.dims[d];
  }
  // One b for all of a's matrices is one taller product.
  if (one_b) {
    product.m *= product.batches;
    product.batches = 1;
    product.rank = 0;
  }
  return product;
}

Status Pieces::prepare(Device& device, const Product& product, DType dtype, int64_t wanted, int64_t least, int64_t unit) {
  const int64_t items = product.m * product.n * product.batches;
  ReduceShape shape;
  shape.rows = items == 1 ? 1 : 0;
  shape.inner = items;
  // No more than one launch adds up.
  wanted = std::min(wanted, reduce_piece(shape));
  count = std::max<int64_t>(1, std::min(wanted, product.k / least));
  of_k = (product.k + count - 1) / count;
  of_k = (of_k + unit - 1) / unit * unit;
  count = (product.k + of_k - 1) / of_k;
  if (count == 1) return {};
  TRY(partial.allocate(device, static_cast<size_t>(count * items) * item_size(dtype)));
  shape.length = count;
  shape.outputs = items;
  if (items == 1) {
    shape.inner = count;
  } else {
    shape.reduced.count = 1;
    shape.reduced.extent[0] = shape.reduced.product = count;
    shape.reduced.stride[0] = items;
  }
  return sum.prepare(device, ReduceOp::kSum, dtype, shape);
}

Status prepare_matmul(const StepDesc& desc, Device& device, StepPointer& step) {
  const TensorDesc& c = desc.outputs[0];
  if (!is_product(desc)) {
    auto zero = std::make_unique<ZeroStep>();
    zero->bytes = static_cast<size_t>(c.size) * item_size(c.dtype);
    step = std::move(zero);
    return {};
  }
  const Product product = read_product(desc);
  TRY(library_product(product, c.dtype, device, step));
  if (step != nullptr) return {};
  const bool vector = product.m == 1 || product.n == 1;
  return vector ? vector_product(product, c.dtype, device, step) : tiled_product(product, c.dtype, device, step);
}

}  // namespace grafo::cuda
