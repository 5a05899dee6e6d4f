// See lt_product.h. The library's matrices lie by columns and ours by rows: the same memory read as b' a' gives c', so operands change
// places and nothing is moved.
#include "cuda/lt_product.h"

#include <climits>

namespace grafo::cuda {
namespace {

// A product of no more multiplications takes less than its launch, whoever computes it: the own kernels do, and the library (half a
// gigabyte) is not even loaded for nets of a few neurons.
constexpr double kTinyProduct = 1 << 18;
// Where batches do not lie at one distance: so many calls at most, else the own kernels' one launch.
constexpr int64_t kMaxLaunches = 4;
// What the library's makers advise for sm_90. A step owns what its algorithm asks for, which is mostly nothing.
constexpr uint64_t kMaxWorkspace = uint64_t{32} << 20;
constexpr uint32_t kStorageAlignment = 64;  // of storages: kPlanAlignment, and cudaMalloc gives more
constexpr size_t kWorkspaceAlignment = 256;
// In bf16: operands are converted first where products outweigh the extra pass over a and b, m n / (m + n) multiplications an item.
constexpr double kConversionPays = 768;

// The innermost batches that lie at one distance from each other, for each operand.
struct Batches {
  int64_t count = 1, a_step = 0, b_step = 0;
  int outer = 0;  // dims that are left
};

Batches inner_batches(const Product& product) {
  Batches batches;
  int d = product.rank - 1;
  for (; d >= 0; --d) {
    const int64_t dim = product.dims[d], a = product.a_steps[d], b = product.b_steps[d];
    if (dim == 1) continue;
    if (batches.count == 1) {
      batches.a_step = a;
      batches.b_step = b;
    } else if (a != batches.a_step * batches.count || b != batches.b_step * batches.count) {
      break;
    }
    batches.count *= dim;
  }
  batches.outer = d + 1;
  return batches;
}

bool fits(int64_t n) { return n > 0 && n <= INT_MAX; }

bool is_worth_it(const Product& product, DType dtype) {
  if (dtype != DType::kFloat32 && dtype != DType::kFloat64) return false;
  if (product.m == 1 || product.n == 1) return false;  // bound by memory, which the own kernels read once
  if (!fits(product.m) || !fits(product.n) || !fits(product.k) || !fits(product.batches)) return false;
  return static_cast<double>(product.m) * static_cast<double>(product.n) * static_cast<double>(product.k) *
             static_cast<double>(product.batches) > kTinyProduct;
}

// The largest power of two, up to a storage's alignment, that divides every distance.
void align(uint32_t* alignment, int64_t bytes) {
  while (bytes % *alignment != 0) *alignment /= 2;
}

// Items of an operand: those along the dims that it moves along.
int64_t items_of(const Product& product, const int64_t* steps, int64_t matrix) {
  int64_t items = matrix;
  for (int d = 0; d < product.rank; ++d) {
    if (steps[d] != 0) items *= product.dims[d];
  }
  return items;
}

size_t rounded_up(size_t bytes) { return (bytes + kWorkspaceAlignment - 1) / kWorkspaceAlignment * kWorkspaceAlignment; }

unsigned char* aligned(const Scratch& scratch) {
  const auto at = reinterpret_cast<uintptr_t>(scratch.as<unsigned char>());
  return reinterpret_cast<unsigned char*>(rounded_up(at));
}

}  // namespace

LtProduct::~LtProduct() {
  if (matmul_ != nullptr) (void)lt_->MatmulDescDestroy(matmul_);
  for (LtLayout layout : {first_, second_, result_}) {
    if (layout != nullptr) (void)lt_->MatrixLayoutDestroy(layout);
  }
}

// Layouts and the operation. `strides`: of the first operand (b), the second (a) and c, from batch to batch.
Status LtProduct::describe(const Product& product, int32_t batches, const int64_t* strides, LtEnum epilogue) {
  const auto layout = [&](LtLayout* made, LtDataType type, int64_t rows, int64_t columns, int64_t stride) {
    TRY(lt_->check(lt_->MatrixLayoutCreate(made, type, static_cast<uint64_t>(rows), static_cast<uint64_t>(columns), rows),
                   "a layout"));
    if (batches == 1) return Status();
    TRY(lt_->check(lt_->MatrixLayoutSetAttribute(*made, kLtBatchCount, &batches, sizeof batches), "a batch count"));
    return lt_->check(lt_->MatrixLayoutSetAttribute(*made, kLtBatchStride, &stride, sizeof stride), "a batch stride");
  };
  const auto [m, n, k] = std::tuple(product.m, product.n, product.k);
  const bool turn_b = product.transpose_b, turn_a = product.transpose_a;
  TRY(layout(&first_, operand_type_, turn_b ? k : n, turn_b ? n : k, strides[0]));
  TRY(layout(&second_, operand_type_, turn_a ? m : k, turn_a ? k : m, strides[1]));
  TRY(layout(&result_, type_, n, m, strides[2]));
  TRY(lt_->check(lt_->MatmulDescCreate(&matmul_, compute_, type_), "the description of a product"));
  const auto set = [&](LtMatmulAttribute attribute, auto value) {
    return lt_->check(lt_->MatmulDescSetAttribute(matmul_, attribute, &value, sizeof value), "an attribute of a product");
  };
  TRY(set(kLtTransposeA, turn_b ? kLtTransposed : kLtPlain));
  TRY(set(kLtTransposeB, turn_a ? kLtTransposed : kLtPlain));
  if (epilogue == kLtEpilogueNone) return {};
  TRY(set(kLtEpilogue, epilogue));
  has_bias_ = epilogue == kLtEpilogueBias || epilogue == kLtEpilogueReluBias;
  // Of this address the choice of an algorithm takes the alignment only; `run` gives the real one.
  return has_bias_ ? set(kLtBiasPointer, uintptr_t{kStorageAlignment}) : Status();
}

// The heuristic's first algorithm among those that add the parts of a split k in a pass of their own, in the accumulators' type: the
// same bits every run. In-place reductions, whose order counters keep while blocks race, are left out.
Status LtProduct::choose(uint32_t alignment_a, uint32_t alignment_b, uint32_t alignment_c, bool* used) {
  LtPreference preference = nullptr;
  TRY(lt_->check(lt_->MatmulPreferenceCreate(&preference), "a preference"));
  const auto finally = [this](LtPreference made) { (void)lt_->MatmulPreferenceDestroy(made); };
  const std::unique_ptr<std::remove_pointer_t<LtPreference>, decltype(finally)> owned(preference, finally);
  const auto set = [&](LtPreferenceAttribute attribute, auto value) {
    return lt_->check(lt_->MatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value),
                      "an attribute of a preference");
  };
  TRY(set(kLtMaxWorkspace, kMaxWorkspace));
  TRY(set(kLtReductionMask, static_cast<uint32_t>(kLtReduceComputeType)));
  TRY(set(kLtAlignmentA, alignment_b));  // the library's first operand is b
  TRY(set(kLtAlignmentB, alignment_a));
  TRY(set(kLtAlignmentC, alignment_c));
  TRY(set(kLtAlignmentD, alignment_c));
  LtHeuristic best{};
  int count = 0;
  const LtStatus status = lt_->MatmulAlgoGetHeuristic(lt_->handle(), matmul_, first_, second_, result_, result_, preference,
                                                      1, &best, &count);
  if (status == kLtNotSupported || (status == kLtSuccess && (count < 1 || best.state != kLtSuccess))) return {};
  TRY(lt_->check(status, "the choice of an algorithm"));
  algorithm_ = best.algorithm;
  workspace_bytes_ = best.workspace_bytes;
  *used = true;
  return {};
}

Status LtProduct::prepare(Device& device, const Product& product, DType dtype, LtEnum epilogue, bool* used) {
  *used = false;
  if (!is_worth_it(product, dtype)) return {};
  const Batches batches = inner_batches(product);
  const int64_t launches = product.batches / batches.count;
  if (launches > kMaxLaunches) return {};
  if (device.lt == nullptr) device.lt = std::make_shared<CublasLt>();
  device.lt->find();
  if (!device.lt->found()) return {};
  lt_ = device.lt;
  TRY(lt_->open());

  type_ = operand_type_ = dtype == DType::kFloat32 ? kLtFloat : kLtDouble;
  compute_ = dtype == DType::kFloat32 ? kLtComputeFloat : kLtComputeDouble;
  if (dtype == DType::kFloat32 && device.precision == Precision::kTf32) compute_ = kLtComputeTf32;
  if (dtype == DType::kFloat32 && device.precision == Precision::kBf16) {
    const auto m = static_cast<double>(product.m), n = static_cast<double>(product.n);
    const bool convert = m * n >= kConversionPays * (m + n);
    if (convert) operand_type_ = kLtBrain;
    else compute_ = kLtComputeBrain;
  }

  const auto item = static_cast<int64_t>(item_size(dtype));
  const int64_t operand_item = operand_type_ == kLtBrain ? 2 : item;
  uint32_t alignment_a = kStorageAlignment, alignment_b = kStorageAlignment, alignment_c = kStorageAlignment;
  for (int64_t l = 0; l < launches; ++l) {
    int64_t a, b;
    product.offsets(l * batches.count, &a, &b);
    const Launch launch{a * operand_item, b * operand_item, l * batches.count * product.m * product.n * item};
    align(&alignment_a, launch.a);
    align(&alignment_b, launch.b);
    align(&alignment_c, launch.c);
    launches_.push_back(launch);
  }
  const int64_t strides[] = {batches.b_step, batches.a_step, product.m * product.n};
  TRY(describe(product, static_cast<int32_t>(batches.count), strides, epilogue));
  TRY(choose(alignment_a, alignment_b, alignment_c, used));
  if (!*used) return {};
  if (workspace_bytes_ > 0) TRY(workspace_.allocate(device, workspace_bytes_ + kWorkspaceAlignment));
  if (operand_type_ != kLtBrain) return {};
  a_items_ = items_of(product, product.a_steps, product.m * product.k);
  b_items_ = items_of(product, product.b_steps, product.k * product.n);
  const size_t bytes = rounded_up(2 * static_cast<size_t>(a_items_)) + rounded_up(2 * static_cast<size_t>(b_items_));
  return halves_.allocate(device, bytes + kWorkspaceAlignment);
}

// Makes the operands' copies in bfloat16.
Status LtProduct::halve(Device& device, const void** a, const void** b) const {
  unsigned char* const a_to = aligned(halves_);
  unsigned char* const b_to = a_to + rounded_up(2 * static_cast<size_t>(a_items_));
  TRY(to_bfloat16(device, static_cast<const float*>(*a), reinterpret_cast<uint16_t*>(a_to), a_items_,
                  static_cast<const float*>(*b), reinterpret_cast<uint16_t*>(b_to), b_items_));
  *a = a_to;
  *b = b_to;
  return {};
}

Status LtProduct::run(Device& device, const void* a, const void* b, void* c, const void* bias) const {
  if (operand_type_ == kLtBrain) TRY(halve(device, &a, &b));
  if (has_bias_) {
    TRY(lt_->check(lt_->MatmulDescSetAttribute(matmul_, kLtBiasPointer, &bias, sizeof bias), "the address of a bias"));
  }
  constexpr double kOneDouble = 1, kZeroDouble = 0;
  constexpr float kOne = 1, kZero = 0;
  const bool is_double = type_ == kLtDouble;
  const void* const one = is_double ? static_cast<const void*>(&kOneDouble) : &kOne;
  const void* const zero = is_double ? static_cast<const void*>(&kZeroDouble) : &kZero;
  void* const workspace = workspace_bytes_ == 0 ? nullptr : aligned(workspace_);
  const auto at = [](auto* memory, int64_t bytes) { return static_cast<const unsigned char*>(memory) + bytes; };
  for (const Launch& launch : launches_) {
    void* const to = static_cast<unsigned char*>(c) + launch.c;
    TRY(lt_->check(lt_->Matmul(lt_->handle(), matmul_, one, at(b, launch.b), first_, at(a, launch.a), second_, zero, to,
                               result_, to, result_, &algorithm_, workspace, workspace_bytes_, device.stream),
                   "a product"));
  }
  return {};
}

// What the library's relu makes of a NaN is not in its documentation, and algorithms may differ: this one is asked, once.
Status LtProduct::keeps_nan(Device& device, const Product& product, bool* keeps) const {
  constexpr size_t kLook = 1 << 14;  // items at either end that are looked at
  const auto m = static_cast<size_t>(product.m), n = static_cast<size_t>(product.n), k = static_cast<size_t>(product.k);
  *keeps = false;
  Scratch nans, result;
  const size_t items = m * n, looked = items < kLook ? items : kLook;
  const size_t operand = (m > n ? m : n) * k, bytes = (operand > n ? operand : n) * sizeof(float);
  if (!nans.allocate(device, bytes).ok() || !result.allocate(device, items * sizeof(float)).ok()) return {};
  TRY(cuda::check(cudaMemsetAsync(nans.as<void>(), 0xff, bytes, device.stream), "a memset"));
  TRY(run(device, nans.as<void>(), nans.as<void>(), result.as<void>(), nans.as<void>()));
  std::vector<float> ends(2 * looked);
  const float* const from = result.as<float>();
  for (const size_t at : {size_t{0}, items - looked}) {
    TRY(cuda::check(cudaMemcpyAsync(ends.data() + (at == 0 ? 0 : looked), from + at, looked * sizeof(float),
                                    cudaMemcpyDeviceToHost, device.stream),
                    "a copy to the host"));
  }
  TRY(cuda::check(cudaStreamSynchronize(device.stream), "a run"));
  if (items == looked) ends.resize(looked);
  *keeps = true;
  for (float item : ends) *keeps = *keeps && item != item;
  return {};
}

namespace {

struct LtStep final : PreparedStep {
  LtProduct product;
  Status run(Device& device, RunContext&, void* const* buffers) override {
    return product.run(device, buffers[0], buffers[1], buffers[2], nullptr);
  }
};

struct LtEndingStep final : PreparedStep {
  LtProduct product;
  int bias = -1, result = 0;  // positions of buffers
  Status run(Device& device, RunContext&, void* const* buffers) override {
    return product.run(device, buffers[0], buffers[1], buffers[result], bias < 0 ? nullptr : buffers[bias]);
  }
};

// The endings that need no more than what the library's epilogues are given.
LtEnum epilogue_of(const Ending& ending) {
  switch (ending.kind) {
    case Ending::Kind::kBias:
      return kLtEpilogueBias;
    case Ending::Kind::kRelu:
      return kLtEpilogueRelu;
    case Ending::Kind::kBiasRelu:
      return kLtEpilogueReluBias;
    default:
      return kLtEpilogueNone;  // its gradient of relu reads bits that only its own forward pass has written
  }
}

}  // namespace

Status library_ending(const StepDesc& desc, const Ending& ending, const Product& product, Device& device,
                      StepPointer& step) {
  const LtEnum epilogue = epilogue_of(ending);
  if (epilogue == kLtEpilogueNone || product.batches != 1) return {};
  const TensorDesc& result = desc.outputs[ending.result];
  // The library ends products of float32 only. A variable must stay as it is where a step before has found something wrong.
  if (desc.inputs[0].dtype != DType::kFloat32 || result.dtype != DType::kFloat32 || result.variable != 0) return {};
  for (int32_t i = 0; i < desc.num_inputs; ++i) {
    if (desc.inputs[i].storage == result.storage) return {};
  }
  auto made = std::make_unique<LtEndingStep>();
  bool used = false;
  TRY(made->product.prepare(device, product, DType::kFloat32, epilogue, &used));
  if (used && epilogue != kLtEpilogueBias) TRY(made->product.keeps_nan(device, product, &used));
  if (!used) return {};
  made->bias = ending.bias;
  made->result = desc.num_inputs + ending.result;
  step = std::move(made);
  return {};
}

Status library_product(const Product& product, DType dtype, Device& device, StepPointer& step) {
  auto made = std::make_unique<LtStep>();
  bool used = false;
  TRY(made->product.prepare(device, product, dtype, kLtEpilogueNone, &used));
  if (used) step = std::move(made);
  return {};
}

}  // namespace grafo::cuda
