// Tapes compiled at run time on the emulated device: the bits of the interpreter and of the CPU, whatever the functor, dtype, broadcast,
// batch or reduction; faults and guards; and when a tape is compiled at all. The real compiler takes the same texts where
// GRAFO_TEST_NVRTC names the folder of its library.
#include <sys/stat.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "cpu/fused_table.h"
#include "cpu/kernels.h"
#include "cuda/nvrtc.h"
#include "test/cuda_device.h"

namespace {

using namespace grafo;
using namespace grafo::test::tape;
using test::cuda::Counts;
using test::cuda::EmulatedDevice;
using test::cuda::Environment;
using test::cuda::Folder;

constexpr DType kAll[] = {DType::kFloat32, DType::kFloat64, DType::kInt32,  DType::kUint8,  DType::kInt16, DType::kInt8,
                          DType::kInt64,   DType::kBool,    DType::kUint16, DType::kUint32, DType::kUint64};
constexpr DType F = DType::kFloat32;

std::mt19937_64 random_bits(23);

template <class T>
void put(Value& v, int64_t at, double x) {
  const T value = static_cast<T>(x);
  std::memcpy(reinterpret_cast<char*>(v.memory.data()) + at * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
}
// Small numbers, positive where `positive`: integers never refuse them then; some odd ones among floats.
void fill(Value& v, bool positive = false) {
  const double odd[] = {0.0, -0.0, NAN, INFINITY, -INFINITY, 1e-40, 1e30, -1e30, 1.0, -1.0};
  for (int64_t i = 0; i < v.desc.size; ++i) {
    const double near = std::ldexp(static_cast<double>(static_cast<int64_t>(random_bits())) / 0x1p63, 2);
    const int64_t whole = static_cast<int64_t>(random_bits() % 9) - (positive ? -1 : 4);
    switch (v.desc.dtype) {
      case DType::kFloat32:
        put<float>(v, i, i % 7 == 0 ? odd[random_bits() % 10] : near);
        break;
      case DType::kFloat64:
        put<double>(v, i, i % 7 == 0 ? odd[random_bits() % 10] : near);
        break;
      case DType::kBool:
        v.data<uint8_t>()[i] = random_bits() & 1;
        break;
      default: {
        const int64_t number = random_bits() % 6 != 0 || positive ? whole : static_cast<int64_t>(random_bits());
        std::memcpy(v.data<char>() + i * static_cast<int64_t>(item_size(v.desc.dtype)), &number, item_size(v.desc.dtype));
      }
    }
  }
}

bool is_nan(const Value& v, int64_t i) {
  Value& at = const_cast<Value&>(v);
  return (v.desc.dtype == DType::kFloat32 && std::isnan(at.data<float>()[i])) ||
         (v.desc.dtype == DType::kFloat64 && std::isnan(at.data<double>()[i]));
}
// The first element that differs, -1 where none does. One NaN is as good as another.
int64_t difference(const Value& a, const Value& b) {
  const size_t bytes = item_size(a.desc.dtype);
  const char *x = reinterpret_cast<const char*>(a.memory.data()), *y = reinterpret_cast<const char*>(b.memory.data());
  for (int64_t i = 0; i < a.desc.size; ++i)
    if (std::memcmp(x + static_cast<size_t>(i) * bytes, y + static_cast<size_t>(i) * bytes, bytes) != 0 &&
        !(is_nan(a, i) && is_nan(b, i)))
      return i;
  return -1;
}

// A device whose compiler is the fake one, with a cache of its own.
struct Compiling {
  Folder folder;
  Environment cache{"GRAFO_CACHE", folder.path()};
  Environment libraries{"GRAFO_CUDA_LIBRARIES", GRAFO_TEST_LIBRARIES "/fake_cuda"};
  Environment mode{"GRAFO_NVRTC", "always"};
  EmulatedDevice device;

  Status run(const Step& step, const char* how, int64_t shift = 0, int times = 1) const {
    const Environment chosen("GRAFO_NVRTC", how);
    return device.run(step, shift, times);
  }
};

// The step by its own kernel, by the interpreter and by the CPU: the same bits in every output.
void same_thrice(const Compiling& on, const Step& step, const std::string& what, int64_t shift = 0, bool on_cpu = true) {
  const int64_t before = on.device.counts().compiled + on.device.counts().from_memory;
  std::vector<Value> compiled, interpreted;
  std::vector<Value> first;  // outputs may lie over inputs
  for (const Value* input : step.inputs) first.push_back(*input);
  const auto begin = [&] {
    for (size_t i = 0; i < first.size(); ++i) *step.inputs[i] = first[i];
  };
  Status status = on.run(step, "always", shift);
  EXPECT(status.ok(), "%s: %s", what.c_str(), status.text);
  for (const Value* output : step.outputs) compiled.push_back(*output);
  const Counts counts = on.device.counts();
  EXPECT(counts.compiled + counts.from_memory == before + 1, "%s: not compiled: %s", what.c_str(), on.device.told().c_str());
  begin();
  status = on.run(step, "off", shift);
  EXPECT(status.ok(), "%s: %s", what.c_str(), status.text);
  for (const Value* output : step.outputs) interpreted.push_back(*output);
  for (size_t o = 0; o < compiled.size(); ++o) {
    const int64_t at = difference(compiled[o], interpreted[o]);
    EXPECT(at < 0, "%s: output %zu, element %lld, against the interpreter", what.c_str(), o, (long long)at);
  }
  if (!on_cpu) return;
  begin();
  status = step.run();
  EXPECT(status.ok(), "%s: %s", what.c_str(), status.text);
  for (size_t o = 0; o < compiled.size(); ++o) {
    const int64_t at = difference(compiled[o], *step.outputs[o]);
    EXPECT(at < 0, "%s: output %zu, element %lld, against the CPU", what.c_str(), o, (long long)at);
  }
}

struct Cell {
  const char* name;
  DType from, to;
  int arity;
};

// Every functor over every dtype that has it, eight a tape.
void every_functor(const Compiling& on, bool all) {
  const char* const* names;
  const int32_t count = cpu::functor_names(&names);
  std::vector<Cell> cells;
  for (const DType from : kAll)
    for (int32_t f = 0; f < count; ++f)
      for (const DType to : kAll) {
        if (!cpu::has_functor(names[f], from, to)) continue;
        const cpu::FunctorRow* const row = cpu::find_functor(names[f]);
        cells.push_back({names[f], from, to, row == nullptr ? 1 : row->arity});
      }
  CHECK(cells.size() > 500);
  // A part of them: eight from all over the list.
  if (!all) {
    std::vector<Cell> some;
    for (size_t c = 3; c < cells.size(); c += cells.size() / 8) some.push_back(cells[c]);
    cells = some;
  }
  constexpr int64_t kSize = 1029;  // more than a tile of doubles, and a rest
  for (size_t c = 0; c < cells.size(); c += 8) {
    std::vector<Value> values;
    values.reserve(8 * 4);
    Tape tape({kSize});
    std::string what;
    const size_t end = std::min(cells.size(), c + 8);
    for (size_t i = c; i < end; ++i) {
      const Cell& cell = cells[i];
      what += std::string(" ") + cell.name + "<" + dtype_name(cell.from) + ">";
      // 24 inputs at most, so three of them a cell.
      for (int operand = 0; operand < cell.arity; ++operand) {
        values.push_back(value(cell.arity == 3 && operand == 0 ? DType::kBool : cell.from, {kSize}));
        fill(values.back(), operand == 1 && cell.from != F && cell.from != DType::kFloat64);
        tape.inputs.push_back(&values.back());
      }
    }
    int32_t operand = 0;
    for (size_t i = c; i < end; ++i) {
      const Cell& cell = cells[i];
      tape.op(cell.name, cell.from, cell.to, operand, cell.arity > 1 ? operand + 1 : -1, cell.arity > 2 ? operand + 2 : -1);
      operand += cell.arity;
    }
    for (size_t i = c; i < end; ++i) {
      values.push_back(value(cells[i].to, {kSize}));
      tape.outputs.push_back(&values.back());
      tape.out(operand + static_cast<int32_t>(i - c));
    }
    same_thrice(on, tape, what);
  }
}

// A space and inputs of many shapes in it; widths of 1, 4 and 8 bytes.
void broadcasts(const Compiling& on, const std::vector<int64_t>& dims, int64_t shift) {
  std::vector<Value> values;
  values.reserve(32);
  Tape tape(dims);
  const int rank = static_cast<int>(dims.size());
  for (unsigned kept = 0; kept < (1u << rank) && tape.inputs.size() < 16; ++kept) {
    std::vector<int64_t> shape = dims;
    for (int d = 0; d < rank; ++d)
      if ((kept >> d & 1) == 0) shape[static_cast<size_t>(d)] = 1;
    const DType type = kept % 3 == 1 ? DType::kFloat64 : kept % 5 == 2 ? DType::kUint8 : F;
    values.push_back(value(type, shape));
    fill(values.back());
    tape.inputs.push_back(&values.back());
  }
  const auto n = static_cast<int32_t>(tape.inputs.size());
  int32_t made = n, sum = -1;
  for (int32_t i = 0; i < n; ++i) {
    int32_t term = i;
    if (values[static_cast<size_t>(i)].desc.dtype != F) tape.op("Cast", values[static_cast<size_t>(i)].desc.dtype, F, i), term = made++;
    if (sum >= 0) tape.op(i % 2 == 0 ? "Maximum" : "Sub", F, F, sum, term), sum = made++;
    else sum = term;
  }
  tape.op("Greater", F, DType::kBool, sum, 0);
  const std::vector<std::pair<DType, int32_t>> outs = {{F, sum}, {DType::kBool, made}, {values[1].desc.dtype, 1}};
  for (const auto& [type, operand] : outs) {
    values.push_back(value(type, dims));
    tape.outputs.push_back(&values.back());
    tape.out(operand);
  }
  same_thrice(on, tape, "a space of rank " + std::to_string(rank) + ", last " + std::to_string(dims.back()), shift);
}

// Adam's form: state in place, an anew, scalars for all and for each.
void batch(const Compiling& on, const std::vector<int64_t>& sizes) {
  std::vector<Value> memory;
  memory.reserve(1 + 4 * sizes.size());
  memory.push_back(value(F, {}));
  Step step;
  step.kernel = "FusedBatch";
  step.inputs.push_back(&memory[0]);
  std::vector<int> outputs;
  for (size_t s = 0; s < sizes.size(); ++s) {
    for (int k = 0; k < 4; ++k) memory.push_back(value(F, {k == 2 ? 1 : sizes[s]}));
    for (size_t k = 1; k < 4; ++k) step.inputs.push_back(&memory[4 * s + k]);
  }
  for (Value& v : memory) fill(v);
  for (size_t i = 0; i < step.inputs.size(); ++i) step.storages.push_back(static_cast<int>(i));
  for (size_t s = 0; s < sizes.size(); ++s) {
    step.outputs.push_back(&memory[4 * s + 1]);
    step.outputs.push_back(&memory[4 * s + 4]);
    step.storages.push_back(static_cast<int>(3 * s + 1));
    step.storages.push_back(static_cast<int>(step.inputs.size() + s));
  }
  step.attrs = {static_cast<int32_t>(sizes.size()), 1, 3, 0, 0, 1};
  for (const int64_t n : sizes) step.i64(n);
  step.attrs.push_back(4);
  const auto op = [&](const char* name, int32_t a, int32_t b) {
    for (int32_t word : {step.symbol(name), (int32_t)F, (int32_t)F, a, b, -1, 3, 0}) step.attrs.push_back(word);
  };
  op("Mul", 2, 0), op("Mul", 4, 3), op("Sub", 1, 5), op("Tanh", 6, -1);
  step.attrs.push_back(6), step.attrs.push_back(7);
  same_thrice(on, step, std::to_string(sizes.size()) + " segments");
}

void reductions(const Compiling& on) {
  for (const bool columns : {false, true}) {
    const std::vector<int64_t> dims = columns ? std::vector<int64_t>{900, 24} : std::vector<int64_t>{24, 900};
    Value x = value(F, dims), row = value(F, {dims[1]}), y = value(F, dims), sum = value(F, {24}), most = value(F, {24});
    for (int64_t i = 0; i < x.desc.size; ++i) x.data<float>()[i] = static_cast<float>(random_bits() % 2000) / 7;
    fill(row);
    Tape tape(dims);
    tape.inputs = {&x, &row};
    tape.outputs = {&sum, &y, &most};
    tape.op("Square", F, F, 0);
    tape.op("Maximum", F, F, 2, 1);
    tape.out(3), tape.out(2), tape.out(0);
    tape.reduce(0, 0, columns, 900), tape.reduce(2, 3, columns, 900);
    same_thrice(on, tape, columns ? "reduced columns" : "reduced rows", 0, false);
  }
}

// x / d into a variable, where d has a zero: the first instruction that refuses is told, and the variable stays.
void faults(const Compiling& on) {
  constexpr int64_t kSize = 5000;
  Value x = value(DType::kInt32, {kSize}), d = x, e = x, y = x;
  for (int64_t i = 0; i < kSize; ++i) {
    x.data<int32_t>()[i] = INT32_MIN, d.data<int32_t>()[i] = -1, e.data<int32_t>()[i] = 2, y.data<int32_t>()[i] = 77;
  }
  Tape tape({kSize});
  tape.inputs = {&x, &d, &e};
  tape.outputs = {&y};
  tape.op("FloorDiv", DType::kInt32, DType::kInt32, 0, 1, -1, 41);
  tape.op("Pow", DType::kInt32, DType::kInt32, 3, 2, -1, 42);
  tape.out(4);
  same_thrice(on, tape, "integers that are not refused");
  y.desc.variable = 1;
  for (int64_t i = 0; i < kSize; ++i) y.data<int32_t>()[i] = 77;
  const auto untouched = [&] {
    for (int64_t i = 0; i < kSize; ++i)
      if (y.data<int32_t>()[i] != 77) return false;
    return true;
  };
  // Outputs are not copied there: what the device's memory held before comes back.
  tape.inputs = {&x, &d, &e};
  e.data<int32_t>()[4999] = -1;
  for (const char* how : {"always", "off"}) {
    const auto refused = [&](int node, const char* words) {
      const Status status = on.run(tape, how);
      EXPECT(status.code == Code::kInvalidArgument && status.node == node && std::strcmp(status.text, words) == 0,
             "%s: %s at %d", how, status.text, status.node);
      EXPECT(untouched(), "%s: the variable was written", how);
    };
    refused(42, "Integers to negative integer powers are not allowed");
    d.data<int32_t>()[17] = 0;
    refused(41, "Integer division by zero");
    d.data<int32_t>()[17] = -1;
  }
}

// Outputs over inputs that are read by all the others, crosswise.
void in_place(const Compiling& on) {
  constexpr int64_t kSize = 2053;
  Value a = value(F, {kSize}), b = value(F, {kSize}), one = value(F, {1}), unused = value(F, {kSize});
  fill(a), fill(b), fill(one);
  Tape tape({kSize});
  tape.inputs = {&a, &b, &one};
  tape.outputs = {&a, &b};
  tape.storages = {0, 1, 2, 0, 1};
  tape.op("Mul", F, F, 1, 2);
  tape.op("Add", F, F, 0, 3);
  tape.out(1), tape.out(4);
  same_thrice(on, tape, "crosswise in place");
}

Tape plain(Value& x, Value& y, const char* name) {
  Tape tape({x.desc.size});
  tape.inputs = {&x};
  tape.outputs = {&y};
  tape.op(name, F, F, 0);
  tape.out(1);
  return tape;
}

}  // namespace

TEST("CUDA tapes: compiled at run time they give the interpreter's bits and the CPU's") {
  if (!test::cuda::is_built()) return;
  const Compiling on;
  every_functor(on, test::full);
  broadcasts(on, {5, 7, 9, 3}, 1);
  if (test::full) {
    broadcasts(on, {5, 7, 9, 3}, 0);
    for (const std::vector<int64_t>& dims :
         {std::vector<int64_t>{40, 64}, {64, 40, 1}, {3, 1, 16, 24}, {2, 3, 4, 5, 6}, {1000, 3}, {3, 1001}, {1, 8}})
      for (const int64_t shift : {0, 1}) broadcasts(on, dims, shift);
  } else {
    broadcasts(on, {72, 64}, 0);  // more than a tile
  }
  batch(on, {511, 512, 513, 3, 1024, 1});
  if (test::full) {
    batch(on, {1});
    batch(on, std::vector<int64_t>(120, 70));  // more than a launch has room for
  }
  reductions(on);
  faults(on);
  in_place(on);
  EXPECT(on.device.loaded_libraries() == 0, "%lld kernels are still loaded", (long long)on.device.loaded_libraries());
  // The same texts by the real compiler, for every architecture of a release.
  const char* const real = std::getenv("GRAFO_TEST_NVRTC");
  if (real == nullptr) {
    std::printf("skipped: the real NVRTC takes no texts (GRAFO_TEST_NVRTC=folder of libnvrtc.so.13)\n");
    return;
  }
  const Environment libraries("GRAFO_CUDA_LIBRARIES", real);
  const char* const keep = std::getenv("GRAFO_TEST_CUBINS");  // a folder, for who wants to look at the code
  grafo::cuda::Nvrtc nvrtc;
  nvrtc.find();
  EXPECT(nvrtc.found(), "%s", nvrtc.text().c_str());
  int number = 0;
  for (const std::string& path : on.folder.files("kernels")) {
    std::ifstream file(path, std::ios::binary);
    const std::string all{std::istreambuf_iterator<char>(file), {}};
    const size_t begin = all.find("#include"), end = all.find("(run);\n}\n");
    CHECK(begin != std::string::npos && end != std::string::npos);
    const std::string source = all.substr(begin, end + 9 - begin);
    ++number;
    for (const int arch : {80, 90, 100, 120}) {
      std::string cubin, why;
      EXPECT(nvrtc.compile(source, arch, &cubin, &why), "sm_%d: %s\n%s", arch, why.c_str(), source.c_str());
      EXPECT(cubin.compare(0, 4, "\177ELF") == 0, "sm_%d", arch);
      if (keep == nullptr) continue;
      std::ofstream(std::string(keep) + "/" + std::to_string(number) + ".sm_" + std::to_string(arch) + ".cubin", std::ios::binary) << cubin;
      std::ofstream(std::string(keep) + "/" + std::to_string(number) + ".cu") << source;
    }
  }
  std::printf("%s compiled %d texts for 4 architectures\n", nvrtc.text().c_str(), number);
}

TEST("CUDA tapes: compiled where the space is large, once, and interpreted where nothing compiles") {
  if (!test::cuda::is_built()) return;
  const Folder folder;
  const Environment cache("GRAFO_CACHE", folder.path()), libraries("GRAFO_CUDA_LIBRARIES", GRAFO_TEST_LIBRARIES "/fake_cuda"),
      mode("GRAFO_NVRTC", "auto");
  Value small = value(F, {1000}), large = value(F, {32768}), larger = value(F, {40001}), y = small, z = large, w = larger;
  fill(small), fill(large), fill(larger);
  const auto expect = [&](const EmulatedDevice& device, Counts want, const char* what) {
    const Counts now = device.counts();
    EXPECT(std::memcmp(&now, &want, sizeof now) == 0, "%s: %lld %lld %lld %lld %lld", what, (long long)now.compiled,
           (long long)now.from_disk, (long long)now.from_memory, (long long)now.refused, (long long)now.interpreted);
  };
  {
    const EmulatedDevice device;
    CHECK(device.run(plain(small, y, "Exp")).ok());
    expect(device, {0, 0, 0, 0, 1}, "a small space");
    CHECK(device.run(plain(large, z, "Exp")).ok());
    expect(device, {1, 0, 0, 0, 1}, "a large space");
    CHECK(device.run(plain(larger, w, "Exp")).ok());
    expect(device, {1, 0, 1, 0, 1}, "another size has the same kernel");
    const Environment off("GRAFO_NVRTC", "off");
    CHECK(device.run(plain(large, z, "Exp")).ok());
    expect(device, {1, 0, 1, 0, 2}, "switched off");
  }
  {
    const EmulatedDevice next;
    CHECK(next.run(plain(large, z, "Exp")).ok());
    expect(next, {0, 1, 0, 0, 0}, "another process finds it on the disk");
    CHECK(difference(z, [&] {
            Value cpu = z;
            CHECK(plain(large, cpu, "Exp").run().ok());
            return cpu;
          }()) == -1);
    const std::vector<std::string> files = folder.files("kernels");
    CHECK(files.size() == 1);
    std::filesystem::resize_file(files[0], std::filesystem::file_size(files[0]) / 2);
  }
  {
    const EmulatedDevice next;
    CHECK(next.run(plain(large, z, "Exp")).ok());
    expect(next, {1, 0, 0, 0, 0}, "what was cut is compiled again");
  }
  {
    const EmulatedDevice next;
    const Environment refuse("FAKE_NVRTC", "refuse");
    for (int i = 0; i < 2; ++i) CHECK(next.run(plain(large, z, "Tanh")).ok());
    expect(next, {0, 0, 0, 1, 2}, "a text that the compiler refuses is tried once");
    CHECK(next.told().find("refused, as FAKE_NVRTC asks") != std::string::npos);
  }
  {
    const Environment nowhere("GRAFO_CUDA_LIBRARIES", folder.path());
    const EmulatedDevice without;
    CHECK(without.run(plain(large, z, "Tanh")).ok());
    expect(without, {0, 0, 0, 0, 1}, "no compiler");
    CHECK(without.told().find("no NVRTC") == 0);
  }
}
