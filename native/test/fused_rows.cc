// Tapes over the same rows as one step: the bits of each by itself, for any blocks, lengths and threads; and what must be rejected.
#include <cmath>
#include <functional>

#include "test/check.h"
#include "test/step.h"

namespace grafo::test {
namespace {

struct Op {
  const char* functor;
  int32_t a, b;
};
struct Reduction {
  int32_t output, op;
  bool columns;
  int64_t length;
};

template <class T>
void put_tape(Attrs& attrs, const std::vector<int64_t>& space, const std::vector<Op>& ops, const std::vector<int32_t>& outputs,
              const std::vector<Reduction>& reductions) {
  const auto dtype = static_cast<int32_t>(dtype_of<T>());
  attrs.i32(static_cast<int32_t>(space.size()));
  for (const int64_t dim : space) attrs.i64(dim);
  attrs.i32(static_cast<int32_t>(ops.size()));
  for (const Op& op : ops) attrs.symbol(op.functor).i32(dtype).i32(dtype).i32(op.a).i32(op.b).i32(-1).i32(7).i32(0);
  for (const int32_t output : outputs) attrs.i32(output);
  for (const Reduction& r : reductions) attrs.i32(r.output).i32(r.op).i32(r.columns).i64(r.length);
}

// A layer norm: the mean of each row, its variance, what it is divided by, what it gives with a scale, and the sums of that over rows.
// x 0, scale 1, epsilon 2; y 3, sums 4, most 5 (of each row); locals: mean 6, centered 7, variance 8.
struct Part {
  std::vector<int32_t> inputs, outputs;  // numbers of values
  std::vector<Op> ops;
  std::vector<int32_t> stored;
  std::vector<Reduction> reductions;  // length 0: of all rows
  bool only_rows = false;             // its space is one element a row
};
std::vector<Part> layer_norm(int64_t n) {
  return {{{0}, {6}, {}, {0}, {{0, 1, false, n}}},
          {{0, 6}, {7, 8}, {{"Sub", 0, 1}, {"Square", 2, -1}}, {2, 3}, {{1, 1, false, n}}},
          {{8, 2}, {8}, {{"Add", 0, 1}, {"Rsqrt", 2, -1}}, {3}, {}, true},
          {{7, 8, 1}, {3, 4}, {{"Mul", 0, 1}, {"Mul", 3, 2}}, {4, 4}, {{1, 0, true, 0}}},
          {{3, 0}, {5}, {{"Add", 0, 1}}, {2}, {{0, 3, false, n}}}};
}
constexpr int kValues = 9, kInputs = 3, kOutputs = 3;
// Elements a row; for all rows: the scale and the sums have a row's, epsilon is one.
bool by_rows(int value) { return value != 1 && value != 2 && value != 4; }
std::vector<int64_t> row_dims(int value, int64_t n) {
  return value == 2 || value == 5 || value == 6 || value == 8 ? std::vector<int64_t>{} : std::vector<int64_t>{n};
}
std::vector<int64_t> dims_of(int value, int64_t rows, int64_t n) {
  std::vector<int64_t> dims = row_dims(value, n);
  if (by_rows(value)) dims.insert(dims.begin(), rows);
  return dims;
}

template <class T>
std::vector<Tensor> values_of(int64_t rows, int64_t n) {
  std::vector<Tensor> values;
  for (int v = 0; v < kValues; ++v) values.push_back(output<T>(dims_of(v, rows, n)));
  std::vector<T> x(static_cast<size_t>(rows * n)), scale(static_cast<size_t>(n));
  for (size_t i = 0; i < x.size(); ++i) x[i] = T(3) * std::sin(T(i) * T(12.9898)) + T(i % 7);
  for (size_t i = 0; i < scale.size(); ++i) scale[i] = T(1) + std::cos(T(i));
  values[0] = tensor<T>({rows, n}, x);
  values[1] = tensor<T>({n}, scale);
  values[2] = scalar<T>(T(1e-5));
  return values;
}

// Each part by itself, over all rows.
template <class T>
std::vector<Tensor> one_by_one(int64_t rows, int64_t n) {
  std::vector<Tensor> values = values_of<T>(rows, n);
  for (const Part& part : layer_norm(n)) {
    Step step;
    step.kernel = "Fused";
    for (const int32_t v : part.inputs) {
      Tensor input = values[static_cast<size_t>(v)];
      if (!part.only_rows && by_rows(v) && row_dims(v, n).empty()) input.dims.push_back(1);
      step.inputs.push_back(input);
    }
    for (const int32_t v : part.outputs) step.outputs.push_back(output<T>(dims_of(v, rows, n)));
    std::vector<Reduction> reductions = part.reductions;
    for (Reduction& r : reductions)
      if (r.columns) r.length = rows;
    put_tape<T>(step.attrs, part.only_rows ? std::vector<int64_t>{rows} : std::vector<int64_t>{rows, n}, part.ops, part.stored, reductions);
    CHECK_EQ(std::string(step.run().text), "");
    for (size_t o = 0; o < part.outputs.size(); ++o) values[static_cast<size_t>(part.outputs[o])].bytes = step.outputs[o].bytes;
  }
  return values;
}

template <class T>
Step all_in_one(int64_t rows, int64_t n, int64_t block) {
  Step step;
  step.kernel = "FusedRows";
  const std::vector<Tensor> values = values_of<T>(rows, n);
  step.inputs.assign(values.begin(), values.begin() + kInputs);
  step.outputs.assign(values.begin() + kInputs, values.begin() + kInputs + kOutputs);
  Attrs& attrs = step.attrs;
  attrs.i64(rows).i64(block).i32(kValues - kInputs - kOutputs);
  for (int v = kInputs + kOutputs; v < kValues; ++v)
    attrs.i32(static_cast<int32_t>(dtype_of<T>())).i64(row_dims(v, n).empty() ? 1 : n);
  const std::vector<Part> parts = layer_norm(n);
  attrs.i32(static_cast<int32_t>(parts.size()));
  for (const Part& part : parts) {
    attrs.i32(7).i32(static_cast<int32_t>(part.inputs.size())).i32(static_cast<int32_t>(part.outputs.size()));
    const auto put_operand = [&](int32_t v, bool is_input) {
      std::vector<int64_t> dims = row_dims(v, n);
      if (is_input && !part.only_rows && by_rows(v) && dims.empty()) dims.push_back(1);
      attrs.i32(v).i32(by_rows(v)).i32(static_cast<int32_t>(dims.size()));
      for (const int64_t dim : dims) attrs.i64(dim);
    };
    for (const int32_t v : part.inputs) put_operand(v, true);
    for (const int32_t v : part.outputs) put_operand(v, false);
    Attrs tape;
    tape.symbols = attrs.symbols;
    std::vector<Reduction> reductions = part.reductions;
    for (Reduction& r : reductions)
      if (r.columns) r.length = block;
    put_tape<T>(tape, part.only_rows ? std::vector<int64_t>{block} : std::vector<int64_t>{block, n}, part.ops, part.stored, reductions);
    attrs.symbols = tape.symbols;
    attrs.i32(static_cast<int32_t>(tape.words.size()));
    attrs.words.insert(attrs.words.end(), tape.words.begin(), tape.words.end());
  }
  return step;
}

template <class T>
void check_bits() {
  const int64_t shapes[][2] = {{1, 2},   {2, 3},    {7, 5},    {64, 16},  {65, 17},   {130, 100}, {300, 33},
                               {40, 512}, {37, 700}, {90, 768}, {12, 2000}, {5, 5000}, {200, 9},   {3, 30000}};
  for (const auto& [rows, n] : shapes) {
    const std::vector<Tensor> want = one_by_one<T>(rows, n);
    for (int64_t block : {int64_t{1}, int64_t{3}, int64_t{8}, int64_t{64}, rows}) {
      if (block > rows) continue;
      for (const int threads : {1, 2, 4}) {
        Step step = all_in_one<T>(rows, n, block);
        step.threads = threads;
        CHECK_EQ(std::string(step.run().text), "");
        for (int o = 0; o < kOutputs; ++o) {
          const bool same = step.outputs[static_cast<size_t>(o)].bytes == want[static_cast<size_t>(kInputs + o)].bytes;
          if (!same) std::printf("output %d of [%lld, %lld], blocks of %lld, %d threads\n", o, (long long)rows, (long long)n, (long long)block, threads);
          CHECK(same);
        }
      }
    }
  }
}

TEST("FusedRows: the bits of one tape after another, for any blocks, lengths and threads") {
  check_bits<float>();
  check_bits<double>();
}

TEST("FusedRows: a mean over all rows is divided by all of them") {
  Step step;
  step.kernel = "FusedRows";
  std::vector<float> x(20);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  step.inputs = {tensor<float>({10, 2}, x)};
  step.outputs = {output<float>({2})};
  step.attrs.i64(10).i64(4).i32(0).i32(1);
  step.attrs.i32(7).i32(1).i32(1).i32(0).i32(1).i32(1).i64(2).i32(1).i32(0).i32(1).i64(2);
  Attrs tape;
  put_tape<float>(tape, {4, 2}, {}, {0}, {{0, 1, true, 4}});
  step.attrs.i32(static_cast<int32_t>(tape.words.size()));
  step.attrs.words.insert(step.attrs.words.end(), tape.words.begin(), tape.words.end());
  CHECK_EQ(std::string(step.run().text), "");
  CHECK(step.outputs[0].get<float>() == (std::vector<float>{9, 10}));
}

TEST("FusedRows: two sums of columns in one part, of rows that are several pieces of work") {
  const int64_t rows = 200, n = 5;
  std::vector<double> x(static_cast<size_t>(rows * n));
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i % 13) - 4;
  Step step;
  step.kernel = "FusedRows";
  step.inputs = {tensor<double>({rows, n}, x)};
  step.outputs = {output<double>({n}), output<double>({n})};
  step.attrs.i64(rows).i64(16).i32(0).i32(1);
  step.attrs.i32(7).i32(1).i32(2).i32(0).i32(1).i32(1).i64(n);
  for (const int32_t output : {1, 2}) step.attrs.i32(output).i32(0).i32(1).i64(n);
  Attrs tape;
  put_tape<double>(tape, {16, n}, {{"Square", 0, -1}}, {0, 1}, {{0, 0, true, 16}, {1, 3, true, 16}});
  step.attrs.i32(static_cast<int32_t>(tape.words.size()));
  step.attrs.words.insert(step.attrs.words.end(), tape.words.begin(), tape.words.end());
  step.attrs.symbols = tape.symbols;
  CHECK_EQ(std::string(step.run().text), "");
  for (int64_t c = 0; c < n; ++c) {
    double sum = 0, most = 0;
    for (int64_t r = 0; r < rows; ++r) {
      const double value = x[static_cast<size_t>(r * n + c)];
      sum += value;
      most = std::max(most, value * value);
    }
    CHECK(step.outputs[0].get<double>()[static_cast<size_t>(c)] == sum);
    CHECK(step.outputs[1].get<double>()[static_cast<size_t>(c)] == most);
  }
}

void refuses(const char* what, const std::function<void(Step&)>& change) {
  Step step = all_in_one<float>(10, 6, 4);
  change(step);
  const Status status = step.run();
  if (status.code != Code::kInternal) std::printf("%s: %s\n", what, status.text);
  CHECK(status.code == Code::kInternal);
}

TEST("FusedRows: what breaks the contract is rejected") {
  CHECK(all_in_one<float>(10, 6, 4).run().ok());
  // Words: rows 0, block 2, locals 4 (three words each), parts 14; the first part: node 15, inputs 16, outputs 17, x 18 (by rows 19, rank 20,
  // dimension 21), mean 23 (by rows 24, rank 25), length of its tape 26, rank of its space 27.
  refuses("an output that lies over an input", [](Step& s) { s.inputs[0].storage = s.outputs[0].storage = 50; });
  refuses("two outputs in one place", [](Step& s) { s.outputs[0].storage = s.outputs[2].storage = 50; });
  refuses("blocks of more than all rows", [](Step& s) { s.attrs.words[2] = 11; });
  refuses("blocks of nothing", [](Step& s) { s.attrs.words[2] = 0; });
  refuses("more rows than there are", [](Step& s) { s.attrs.words[0] = 11; });
  refuses("fewer rows than there are", [](Step& s) { s.attrs.words[0] = 9; });
  refuses("a local of strings", [](Step& s) { s.attrs.words[5] = 7; });
  refuses("a local of nothing", [](Step& s) { s.attrs.words[6] = 0; });
  refuses("a larger local", [](Step& s) { s.attrs.words[6] = 2; });
  refuses("no parts", [](Step& s) { s.attrs.words[14] = 0; });
  refuses("a part more", [](Step& s) { s.attrs.words[14] = 6; });
  refuses("an operand there is not", [](Step& s) { s.attrs.words[18] = 9; });
  refuses("what is not written yet", [](Step& s) { s.attrs.words[18] = 7; });
  refuses("an output before it is written", [](Step& s) { s.attrs.words[18] = 3; });
  refuses("an input that is written", [](Step& s) { s.attrs.words[23] = 2; });
  refuses("rows of another size", [](Step& s) { s.attrs.words[21] = 5; });
  refuses("rows that all see the same", [](Step& s) { s.attrs.words[19] = 0; });
  refuses("a reduction of rows that all see the same", [](Step& s) { s.attrs.words[24] = 0; });
  refuses("a space of other rows", [](Step& s) { s.attrs.words[28] = 5; });
  // Every word, cut and changed: refused or run.
  const size_t words = all_in_one<float>(10, 6, 4).attrs.words.size();
  for (size_t w = 0; w < words; ++w) {
    Step cut = all_in_one<float>(10, 6, 4);
    cut.attrs.words.resize(w);
    CHECK(cut.run().code == Code::kInternal);
    for (const int32_t word : {-1, 0, 1, 2, 3, 4, 5, 6, 7, 10, 33, 255, INT32_MAX, INT32_MIN}) {
      Step changed = all_in_one<float>(10, 6, 4);
      changed.attrs.words[w] = word;
      const Status status = changed.run();
      CHECK(status.ok() || status.code == Code::kInternal || status.code == Code::kResourceExhausted);
    }
  }
  // Rows that nothing has: an input that all see, summed up.
  for (const bool is_there : {true, false}) {
    Step nothing;
    nothing.kernel = "FusedRows";
    nothing.inputs = {tensor<float>(is_there ? std::vector<int64_t>{3, 2} : std::vector<int64_t>{2}, std::vector<float>(is_there ? 6 : 2, 1))};
    nothing.outputs = {output<float>({2})};
    nothing.attrs.i64(3).i64(2).i32(0).i32(1);
    nothing.attrs.i32(7).i32(1).i32(1).i32(0).i32(is_there).i32(1).i64(2).i32(1).i32(0).i32(1).i64(2);
    Attrs tape;
    put_tape<float>(tape, {2, 2}, {{"Square", 0, -1}}, {1}, {{0, 0, true, 2}});
    nothing.attrs.i32(static_cast<int32_t>(tape.words.size()));
    nothing.attrs.words.insert(nothing.attrs.words.end(), tape.words.begin(), tape.words.end());
    nothing.attrs.symbols = tape.symbols;
    CHECK(nothing.run().ok() == is_there);
    if (is_there) CHECK(nothing.outputs[0].get<float>() == (std::vector<float>{3, 3}));
  }
  // A single column is a row.
  Step narrow = all_in_one<float>(10, 1, 4);
  CHECK(narrow.run().code == Code::kInternal);
  // An instruction that refuses elements.
  Step checked;
  checked.kernel = "FusedRows";
  checked.inputs = {tensor<int32_t>({3, 2}, {1, 2, 3, 4, 5, 6})};
  checked.outputs = {output<int32_t>({3, 2})};
  checked.attrs.i64(3).i64(2).i32(0).i32(1);
  checked.attrs.i32(7).i32(1).i32(1).i32(0).i32(1).i32(1).i64(2).i32(1).i32(1).i32(1).i64(2);
  Attrs tape;
  put_tape<int32_t>(tape, {2, 2}, {{"Mul", 0, 0}}, {1}, {});
  checked.attrs.i32(static_cast<int32_t>(tape.words.size()));
  checked.attrs.words.insert(checked.attrs.words.end(), tape.words.begin(), tape.words.end());
  checked.attrs.symbols = {"Mul"};
  CHECK(checked.run().ok());
  CHECK(checked.outputs[0].get<int32_t>() == (std::vector<int32_t>{1, 4, 9, 16, 25, 36}));
  checked.attrs.symbols = {"FloorDiv"};
  CHECK(checked.run().code == Code::kInternal);
}

}  // namespace
}  // namespace grafo::test
