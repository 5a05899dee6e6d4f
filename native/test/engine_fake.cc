// See engine_fake.h.
#include "test/engine_fake.h"

#include <cstring>
#include <map>

namespace grafo {
struct PreparedStep {
  Status (*run)(const PreparedStep&, const HostServices&, RunContext*, void* const*);
  std::vector<TensorDesc> inputs, outputs;
  std::vector<int32_t> attrs;
  int32_t node;
};
}  // namespace grafo

namespace grafo::test {
namespace {

std::atomic<int64_t> g_alive{0};

struct Instance {
  const HostServices* host;
};

size_t bytes_of(const TensorDesc& t) { return static_cast<size_t>(t.size) * item_size(t.dtype); }

using Buffers = void* const*;

Status run_copy(const PreparedStep& step, const HostServices&, RunContext*, Buffers buffers) {
  if (bytes_of(step.inputs[0]) > 0) std::memcpy(buffers[1], buffers[0], bytes_of(step.inputs[0]));
  return {};
}

Status run_double(const PreparedStep& step, const HostServices& host, RunContext*, Buffers buffers) {
  host.parallel_for(
      host.self, step.outputs[0].size, 1024,
      [](void* arg, int64_t begin, int64_t end) {
        auto b = static_cast<Buffers>(arg);
        const auto* x = static_cast<const float*>(b[0]);
        auto* y = static_cast<float*>(b[1]);
        for (int64_t i = begin; i < end; ++i) y[i] = 2 * x[i];
      },
      const_cast<void**>(buffers));
  return {};
}

Status run_increment(const PreparedStep& step, const HostServices&, RunContext*, Buffers buffers) {
  auto* x = static_cast<float*>(buffers[step.inputs.size()]);
  for (int64_t i = 0; i < step.outputs[0].size; ++i) x[i] += 1;
  return {};
}

Status run_below(const PreparedStep& step, const HostServices&, RunContext*, Buffers buffers) {
  *static_cast<uint8_t*>(buffers[1]) =
      *static_cast<const float*>(buffers[0]) < static_cast<float>(step.attrs[0]);
  return {};
}

Status run_sum2(const PreparedStep& step, const HostServices&, RunContext*, Buffers buffers) {
  const auto* a = static_cast<const float*>(buffers[0]);
  const auto* b = static_cast<const float*>(buffers[1]);
  auto* y = static_cast<float*>(buffers[2]);
  for (int64_t i = 0; i < step.outputs[0].size; ++i) y[i] = a[i] + b[i];
  return {};
}

Status run_concat(const PreparedStep& step, const HostServices&, RunContext*, Buffers buffers) {
  auto* y = static_cast<uint8_t*>(buffers[step.inputs.size()]);
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    if (bytes_of(step.inputs[i]) == 0) continue;
    std::memcpy(y, buffers[i], bytes_of(step.inputs[i]));
    y += bytes_of(step.inputs[i]);
  }
  return {};
}

Status run_gather(const PreparedStep& step, const HostServices&, RunContext*, Buffers buffers) {
  const auto* params = static_cast<const int32_t*>(buffers[0]);
  const auto* indices = static_cast<const int32_t*>(buffers[1]);
  auto* y = static_cast<int32_t*>(buffers[2]);
  for (int64_t i = 0; i < step.outputs[0].size; ++i) {
    if (indices[i] < 0 || indices[i] >= step.inputs[0].size) {
      return Status::error(Code::kInvalidArgument, "indices[%d] = %d is not in [0, %d)",
                           static_cast<int>(i), indices[i], static_cast<int>(step.inputs[0].size));
    }
    y[i] = params[indices[i]];
  }
  return {};
}

Status run_unique(const PreparedStep& step, const HostServices&, RunContext* context,
                  Buffers buffers) {
  const auto* x = static_cast<const int32_t*>(buffers[0]);
  auto* y = static_cast<int32_t*>(buffers[1]);
  auto* idx = static_cast<int32_t*>(buffers[2]);
  std::map<int32_t, int32_t> seen;
  for (int64_t i = 0; i < step.inputs[0].size; ++i) {
    const auto next = static_cast<int32_t>(seen.size());
    const auto [at, fresh] = seen.try_emplace(x[i], next);
    if (fresh) y[next] = x[i];
    idx[i] = at->second;
  }
  context->dynamic_sizes[0] = static_cast<int64_t>(seen.size());
  return {};
}

Status run_spin(const PreparedStep&, const HostServices&, RunContext* context, Buffers) {
  while (context->cancelled->load() == 0) {
  }
  return Status::error(Code::kCancelled, "spun");
}

Status run_fail(const PreparedStep&, const HostServices&, RunContext*, Buffers) {
  return Status::error(Code::kInvalidArgument, "as asked");
}

Status run_is_initialized(const PreparedStep&, const HostServices&, RunContext* context,
                          Buffers buffers) {
  *static_cast<uint8_t*>(buffers[1]) = *context->initialized;
  return {};
}

Status run_say(const PreparedStep&, const HostServices&, RunContext* context, Buffers) {
  ++*context->states[0];
  context->log(context->log_self, "said", 4);
  return {};
}

struct Row {
  const char* name;
  int32_t inputs, outputs;  // -1 = any
  decltype(PreparedStep::run) run;
};
constexpr Row kRows[] = {
    {"Copy", 1, 1, run_copy},       {"Double", 1, 1, run_double},
    {"Increment", -1, 1, run_increment}, {"Below", 1, 1, run_below},
    {"Sum2", 2, 1, run_sum2},       {"Concat", -1, 1, run_concat},
    {"Gather", 2, 1, run_gather},   {"Unique", 1, 2, run_unique},
    {"Spin", -1, -1, run_spin},     {"Fail", -1, -1, run_fail},
    {"IsInitialized", 1, 1, run_is_initialized}, {"Say", -1, -1, run_say},
};

Status prepare(void*, const StepDesc* desc, PreparedStep** result) {
  for (const Row& row : kRows) {
    if (std::strcmp(row.name, desc->kernel) != 0) continue;
    if ((row.inputs >= 0 && row.inputs != desc->num_inputs) ||
        (row.outputs >= 0 && row.outputs != desc->num_outputs)) {
      return Status::error(Code::kInternal, "%s: wrong number of operands", desc->kernel);
    }
    auto* step = new PreparedStep{row.run,
                                  {desc->inputs, desc->inputs + desc->num_inputs},
                                  {desc->outputs, desc->outputs + desc->num_outputs},
                                  {desc->attrs, desc->attrs + desc->num_attrs},
                                  desc->node};
    const bool elementwise = row.run == run_copy || row.run == run_double || row.run == run_sum2;
    bool fits = true;
    for (const TensorDesc& input : step->inputs) {
      fits &= !elementwise || (input.size == step->outputs[0].size &&
                               input.dtype == step->outputs[0].dtype);
    }
    if (row.run == run_below) fits = step->attrs.size() == 1 && step->inputs[0].size == 1;
    if (!fits) {
      delete step;
      return Status::error(Code::kInternal, "%s: operands do not fit", desc->kernel);
    }
    ++g_alive;
    *result = step;
    return {};
  }
  return Status::error(Code::kUnimplemented, "No kernel %s", desc->kernel);
}

void destroy(void*, PreparedStep* step) {
  --g_alive;
  delete step;
}

Status run(void* instance, PreparedStep* step, RunContext* context, void* const* buffers) {
  return step->run(*step, *static_cast<Instance*>(instance)->host, context, buffers);
}

Status open(const HostServices* host, int32_t, const DeviceOptions*, void** instance) {
  ++g_alive;
  *instance = new Instance{host};
  return {};
}

void close(void* instance) {
  --g_alive;
  delete static_cast<Instance*>(instance);
}

Status allocate(void* instance, size_t bytes, void** memory) {
  const HostServices& host = *static_cast<Instance*>(instance)->host;
  *memory = host.allocate(host.self, bytes);
  return *memory != nullptr ? Status() : Status::error(Code::kResourceExhausted, "no memory");
}

void release(void* instance, void* memory, size_t bytes) {
  const HostServices& host = *static_cast<Instance*>(instance)->host;
  host.release(host.self, memory, bytes);
}

Status clear(void*, void* memory, size_t bytes) {
  std::memset(memory, 0, bytes);
  return {};
}

Status copy_bytes(void*, void* to, const void* from, size_t bytes) {
  std::memcpy(to, from, bytes);
  return {};
}

constexpr const char* kNames[] = {"Copy"};
int32_t names(const char* const** list) {
  *list = kNames;
  return 1;
}

void push_wide(std::vector<int32_t>* words, int64_t value) {
  words->push_back(static_cast<int32_t>(value));
  words->push_back(static_cast<int32_t>(value >> 32));
}

}  // namespace

const Backend* fake_backend() {
  static constexpr Backend kBackend = {
      kBackendVersion, "fake", "none",
      [] { return int32_t{1}; },
      [](int32_t, DeviceInfo*) { return Status(); },
      open, close, allocate, release, clear, copy_bytes, copy_bytes,
      [](void*) { return Status(); },
      prepare, destroy, run, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, names, names,
      [](const char*, DType, DType) { return int32_t{0}; }};
  return &kBackend;
}

int64_t fake_leaks() { return g_alive.load(); }

int PlanWriter::storage(StorageKind kind, int32_t index, int64_t bytes, int64_t offset) {
  storages_.push_back(static_cast<int32_t>(kind));
  storages_.push_back(index);
  push_wide(&storages_, bytes);
  push_wide(&storages_, offset);
  return num_storages_++;
}

int PlanWriter::value(int storage, DType dtype, const Dims& dims) {
  values_.push_back(storage);
  values_.push_back(static_cast<int32_t>(dtype));
  values_.push_back(static_cast<int32_t>(dims.list.size()));
  for (const int64_t dim : dims.list) push_wide(&values_, dim);
  return num_values_++;
}

namespace {
int64_t bytes_for(DType dtype, const Dims& dims) {
  int64_t bytes = static_cast<int64_t>(item_size(dtype));
  for (const int64_t dim : dims.list) bytes *= dim;
  return bytes;
}
}  // namespace

int PlanWriter::arena(DType dtype, const Dims& dims) {
  const int64_t bytes = bytes_for(dtype, dims);
  const int s = storage(StorageKind::kArena, 0, bytes, arena_bytes);
  arena_bytes += (bytes + 63) / 64 * 64;
  return value(s, dtype, dims);
}

int PlanWriter::feed(DType dtype, const Dims& dims, int32_t node) {
  const int v = value(storage(StorageKind::kFeed, num_feeds_++, bytes_for(dtype, dims), 0), dtype,
                      dims);
  feeds_.insert(feeds_.end(), {v, node});
  return v;
}

int PlanWriter::variable(int32_t id, DType dtype, const Dims& dims, bool must, int32_t node) {
  const int s = storage(StorageKind::kVariable, num_variables_++, bytes_for(dtype, dims), 0);
  const int v = value(s, dtype, dims);
  variables_.insert(variables_.end(), {id, v, must ? 1 : 0, node});
  return v;
}

int PlanWriter::text(const Dims& dims, int32_t first_constant) {
  return value(storage(StorageKind::kStrings, first_constant, 0, 0), DType::kString, dims);
}

int PlanWriter::constant(DType dtype, const Dims& dims, int64_t offset) {
  return value(storage(StorageKind::kConstant, 0, bytes_for(dtype, dims), offset), dtype, dims);
}

void PlanWriter::fetch(int value, int32_t node) {
  fetches_.insert(fetches_.end(), {value, node});
  ++num_fetches_;
}

int PlanWriter::block() {
  blocks_.emplace_back();
  steps_.push_back(0);
  return static_cast<int>(blocks_.size()) - 1;
}

int PlanWriter::symbol(const std::string& text) {
  for (size_t i = 0; i < symbols_.size(); ++i) {
    if (symbols_[i] == text) return static_cast<int>(i);
  }
  symbols_.push_back(text);
  return static_cast<int>(symbols_.size()) - 1;
}

void PlanWriter::raw_step(StepKind kind, int32_t symbol, int32_t node,
                          const std::vector<int>& inputs, const std::vector<int>& outputs,
                          const std::vector<int32_t>& attrs, int block) {
  std::vector<int32_t>& words = blocks_[static_cast<size_t>(block)];
  words.insert(words.end(),
               {static_cast<int32_t>(8 + inputs.size() + outputs.size() + attrs.size()),
                static_cast<int32_t>(kind), symbol, node, 0});
  for (const auto& list : {inputs, outputs, attrs}) {
    words.push_back(static_cast<int32_t>(list.size()));
    words.insert(words.end(), list.begin(), list.end());
  }
  ++steps_[static_cast<size_t>(block)];
}

void PlanWriter::step(const std::string& kernel, std::vector<int> inputs, std::vector<int> outputs,
                      std::vector<int32_t> attrs, int block, int32_t node) {
  raw_step(StepKind::kKernel, symbol(kernel), node, inputs, outputs, attrs, block);
}

void PlanWriter::control(StepKind kind, std::vector<int> inputs, std::vector<int32_t> attrs,
                         int block) {
  raw_step(kind, -1, 8, inputs, {}, attrs, block);
}

std::vector<int32_t> PlanWriter::words() const {
  std::vector<int32_t> words = {kPlanMagic,
                                kPlanVersion,
                                0,
                                static_cast<int32_t>(symbols_.size()),
                                num_storages_,
                                num_values_,
                                num_variables_,
                                num_feeds_,
                                num_fetches_,
                                static_cast<int32_t>(blocks_.size()),
                                states,
                                strings};
  push_wide(&words, arena_bytes);
  push_wide(&words, constant_bytes);
  words.insert(words.end(), {0, 0, 0, 0});
  for (const std::string& symbol : symbols_) {
    words.push_back(static_cast<int32_t>(symbol.size()));
    for (size_t i = 0; i < symbol.size(); i += 4) {
      int32_t word = 0;
      std::memcpy(&word, symbol.data() + i, std::min<size_t>(4, symbol.size() - i));
      words.push_back(word);
    }
  }
  for (const auto* section : {&storages_, &values_, &variables_, &feeds_, &fetches_}) {
    words.insert(words.end(), section->begin(), section->end());
  }
  for (size_t b = 0; b < blocks_.size(); ++b) {
    words.push_back(steps_[b]);
    words.insert(words.end(), blocks_[b].begin(), blocks_[b].end());
  }
  words[2] = static_cast<int32_t>(words.size());
  return words;
}

}  // namespace grafo::test
