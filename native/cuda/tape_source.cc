// See tape_source.h. All loads come first and all stores last, so that loads wait for nothing: an output lies over an input only
// where the same thread reads what it writes.
#include "cuda/tape_source.h"

#include <algorithm>
#include <cstdio>

namespace grafo::cuda {
namespace {

struct FunctorText {
  const char* name;
  int cost;
  int arity;
  bool integers_refuse, compares;
};
constexpr FunctorText kFunctors[] = {
#define GRAFO_ROW(name, cost) {#name, cost, 1, false, false},
    GRAFO_UNARY_FLOAT(GRAFO_ROW) GRAFO_UNARY_EXP_LOG(GRAFO_ROW) GRAFO_UNARY_ELEMENTARY(GRAFO_ROW)
        GRAFO_UNARY_PERIODIC(GRAFO_ROW) GRAFO_UNARY_NUMERIC(GRAFO_ROW) GRAFO_UNARY_TEST(GRAFO_ROW)
            GRAFO_UNARY_LOGICAL(GRAFO_ROW)
#undef GRAFO_ROW
#define GRAFO_ROW(name, cost) {#name, cost, 2, false, false},
                GRAFO_BINARY_NUMERIC(GRAFO_ROW)
#undef GRAFO_ROW
#define GRAFO_ROW(name, cost) {#name, cost, 2, true, false},
                    GRAFO_BINARY_CHECKED(GRAFO_ROW)
#undef GRAFO_ROW
#define GRAFO_ROW(name, cost) {#name, cost, 2, false, false},
                        GRAFO_BINARY_BITWISE(GRAFO_ROW) GRAFO_BINARY_FLOAT(GRAFO_ROW) GRAFO_BINARY_ORDER(GRAFO_ROW)
#undef GRAFO_ROW
#define GRAFO_ROW(name, cost) {#name, cost, 2, false, true},
                            GRAFO_BINARY_EQUAL(GRAFO_ROW)
#undef GRAFO_ROW
#define GRAFO_ROW(name, cost) {#name, cost, 2, false, false},
                                GRAFO_BINARY_LOGICAL(GRAFO_ROW)
#undef GRAFO_ROW
};
static_assert(sizeof kFunctors / sizeof kFunctors[0] == kTapeFunctors, "in the order of TapeFunctor");

struct ColumnText {
  const char* type;
  int bytes;
  bool is_float;
};
// In the order of GRAFO_DTYPES.
constexpr ColumnText kColumns[kTapeColumns] = {{"float", 4, true}, {"double", 8, true}, {"i32", 4, false},
                                               {"u8", 1, false},   {"i16", 2, false},   {"i8", 1, false},
                                               {"i64", 8, false},  {"u16", 2, false},   {"u32", 4, false},
                                               {"u64", 8, false},  {"bool", 1, false}};
constexpr int kBoolColumn = tape_column(DType::kBool);
constexpr const char* kBits[4] = {"u8", "u16", "u32", "u64"};

// What a code stands for.
struct Decoded {
  enum Kind { kFunctor, kCast, kSelect, kLoad, kLoadTwo, kStore } kind;
  int functor = 0, column = 0;  // of a cast: the columns from and to
  int log2 = 0;                 // of the others
};
Decoded decode(int code) {
  if (code >= kStoreCode) return {Decoded::kStore, 0, 0, code - kStoreCode};
  if (code >= kLoadTwoCode) return {Decoded::kLoadTwo, 0, 0, code - kLoadTwoCode};
  if (code >= kLoadCode) return {Decoded::kLoad, 0, 0, code - kLoadCode};
  if (code >= kSelectCode) return {Decoded::kSelect, 0, 0, code - kSelectCode};
  if (code >= kCastCode) return {Decoded::kCast, (code - kCastCode) / kTapeColumns, (code - kCastCode) % kTapeColumns, 0};
  return {Decoded::kFunctor, code / kTapeColumns, code % kTapeColumns, 0};
}

template <class... Arguments>
std::string text(const char* format, Arguments... arguments) {
  char line[512];
  std::snprintf(line, sizeof line, format, arguments...);
  return line;
}

class Writer {
 public:
  Writer(const Tape& tape, const TapeForm& form, TapeElements elements) : tape_(tape), form_(form), elements_(elements) {}

  std::string write() {
    // Registers are taken over by later results; names are not.
    names_.assign(static_cast<size_t>(std::max(1, tape_.registers)), -1);
    for (const TapeInstruction& code : tape_.code) add(code);
    std::string all = "#include \"cuda/tape_kernel.h\"\n\nnamespace grafo::jit {\n\n" + walks_;
    all += text("struct Run : Head {\n  u64 words[%d];\n};\n\nstruct Body {\n", form_.words);
    all += "  template <int E, int N>\n  GRAFO_DEVICE static void at(const Run& run, const u64* own, const Place& at) {\n";
    all += loads_ + body_;
    // Where the run only looks for faults, nothing is stored.
    if (tape_.checks) all += "    if (run.stores == 0) return;\n";
    all += stores_ + "  }\n};\n\n}  // namespace grafo::jit\n\n";
    all += text("extern \"C\" __global__ void __launch_bounds__(256) %s(const __grid_constant__ grafo::jit::Run run) {\n",
                kTapeKernelName);
    all += text("  grafo::jit::%s<grafo::jit::Body, %d, %d, 0x%xu>(run);\n}\n", form_.batch ? "run_segments" : "run_space",
                elements_.all, elements_.group, vectors_);
    return all;
  }

 private:
  std::string pointer(int operand, const char* type) const {
    const size_t at = static_cast<size_t>(operand);
    if (form_.step[at] == 0) return text("pointer<%s>(run.words[%d])", type, form_.word[at]);
    return text("pointer<%s>(own[%d])", type, form_.word[at] - form_.first_segment_word);
  }
  // A walk's place of the space's element, its extents as constants; divisions by them become multiplications.
  void add_walk(int i, const TapeInput& input) {
    const char* const unit = form_.narrow ? "u32" : "u64";
    walks_ += text("struct Walk%d {\n  GRAFO_DEVICE static i64 offset(i64 at) {\n    %s rest = %s(at);\n    i64 sum = 0;\n",
                   i, unit, unit);
    for (int g = input.groups - 1; g > 0; --g) {
      const auto extent = static_cast<long long>(input.extent[g]), stride = static_cast<long long>(input.stride[g]);
      walks_ += text("    {\n      const %s quotient = rest / %lldu%s;\n", unit, extent, form_.narrow ? "" : "ll");
      if (stride != 0)
        walks_ += text("      sum += i64(rest - quotient * %lldu%s) * %lldll;\n", extent, form_.narrow ? "" : "ll", stride);
      walks_ += "      rest = quotient;\n    }\n";
    }
    walks_ += text("    return sum + i64(rest) * %lldll;\n  }\n};\n\n", static_cast<long long>(input.stride[0]));
  }
  int load(int i, int log2) {
    const TapeInput& input = tape_.inputs[static_cast<size_t>(i)];
    const char* const bits = kBits[log2];
    const std::string from = pointer(i, text("const %s", bits).c_str());
    std::string value;
    if (input.kind == 1) {
      value = text("repeat<%s, E>(%s)", bits, from.c_str());
    } else if (input.kind == 0) {
      vectors_ |= 1u << i;
      value = text("load<%s, E, N, Whole>(%s, at)", bits, from.c_str());
    } else {
      add_walk(i, input);
      const bool repeats = input.stride[input.groups - 1] == 0;
      if (input.in_one == 0) {
        value = text("gather<%s, E, N, Walk%d>(%s, at)", bits, i, from.c_str());
      } else {
        if (!repeats) vectors_ |= 1u << i;
        value = text("%s<%s, E, N, Walk%d>(%s, at)", repeats ? "spread" : "load", bits, i, from.c_str());
      }
    }
    loads_ += text("    const auto v%d = %s;\n", count_, value.c_str());
    return count_++;
  }
  void make(int reg, const std::string& value) {
    body_ += text("    const auto v%d = %s;\n", count_, value.c_str());
    names_[static_cast<size_t>(reg)] = count_++;
  }
  int name(int reg) const { return names_[static_cast<size_t>(reg)]; }

  void add(const TapeInstruction& code) {
    const Decoded what = decode(code.code);
    switch (what.kind) {
      case Decoded::kLoadTwo:
        names_[code.dst] = load(code.a, what.log2);
        names_[code.c] = load(code.b, what.log2);
        return;
      case Decoded::kLoad:
        names_[code.dst] = load(code.a, what.log2);
        return;
      case Decoded::kStore: {
        const int operand = form_.inputs + code.b;
        vectors_ |= 1u << (kMaxTapeInputs + code.b);
        stores_ += text("    store<%s, E, N>(%s, at, bits_of<%s>(v%d));\n", kBits[what.log2],
                        pointer(operand, kBits[what.log2]).c_str(), kBits[what.log2], name(code.a));
        return;
      }
      case Decoded::kSelect:
        return make(code.dst, text("select<%s>(v%d, v%d, v%d)", kBits[what.log2], name(code.a), name(code.b), name(code.c)));
      case Decoded::kCast:
        return make(code.dst, text("convert<%s, %s>(v%d)", kColumns[what.column].type, kColumns[what.functor].type,
                                   name(code.a)));
      case Decoded::kFunctor:
        break;
    }
    const FunctorText& functor = kFunctors[what.functor];
    const ColumnText& column = kColumns[what.column];
    const char* const type = what.column == kBoolColumn ? "u8" : column.type;
    if (functor.arity == 1) return make(code.dst, text("map<math::%s, %s>(v%d)", functor.name, type, name(code.a)));
    if (functor.integers_refuse && !column.is_float)
      body_ += text("    check<math::%s, %s>(v%d, %d, run);\n", functor.name, type, name(code.b), int{code.position});
    if (functor.compares && what.column == kBoolColumn)
      return make(code.dst, text("map_truth<math::%s>(v%d, v%d)", functor.name, name(code.a), name(code.b)));
    make(code.dst, text("map<math::%s, %s>(v%d, v%d)", functor.name, type, name(code.a), name(code.b)));
  }

  const Tape& tape_;
  const TapeForm& form_;
  const TapeElements elements_;
  std::string walks_, loads_, body_, stores_;
  std::vector<int> names_;  // of what a register holds now
  int count_ = 0;
  uint32_t vectors_ = 0;  // operands that are read and written by vectors
};

}  // namespace

TapeElements tape_elements(const Tape& tape) {
  // Bytes that a thread holds of each element, and its work; a functor of doubles is several times as long.
  int held = 0, widest = 1, cost = 0;
  for (const TapeInstruction& code : tape.code) {
    const Decoded what = decode(code.code);
    const int bytes = what.kind == Decoded::kFunctor ? kColumns[what.column].bytes
                      : what.kind == Decoded::kCast  ? std::max(kColumns[what.functor].bytes, kColumns[what.column].bytes)
                                                     : 1 << what.log2;
    widest = std::max(widest, bytes);
    if (what.kind == Decoded::kFunctor) cost += kFunctors[what.functor].cost * (bytes == 8 ? 4 : 1);
    else ++cost;
    if (what.kind == Decoded::kStore) held += std::max(bytes, 4);
    if (what.kind == Decoded::kLoadTwo || what.kind == Decoded::kLoad) {
      if (tape.inputs[code.a].kind != 1) held += std::max(bytes, 4);
      if (what.kind == Decoded::kLoadTwo && tape.inputs[code.b].kind != 1) held += std::max(bytes, 4);
    }
  }
  constexpr int kMostHeld = 320, kMostCost = 1024;  // bytes, of the 1020 that a thread's registers have
  const int group = std::min(kTapeElements, 16 / widest);
  int all = 2 * group;  // two groups: twice as many loads on their way
  while (all > 1 && (all * (held + 2 * widest) > kMostHeld || all * cost > kMostCost)) all /= 2;
  return {all, std::min(all, group)};
}

std::string tape_source(const Tape& tape, const TapeForm& form, TapeElements elements) {
  return Writer(tape, form, elements).write();
}

}  // namespace grafo::cuda
