// Words -> Plan: the shape of the sections only. What the numbers mean is proved in verify.cc.
#include <new>

#include "base/shape.h"
#include "plan/cursor.h"
#include "plan/plan.h"

namespace grafo {
namespace {

constexpr size_t kStorageWords = 6;
constexpr size_t kValueWords = 3;
constexpr size_t kVariableWords = 4;
constexpr size_t kPortWords = 2;
constexpr size_t kStepWords = 8;

struct Counts {
  int32_t symbols, storages, values, variables, feeds, fetches, blocks;
};

Status decode_header(Cursor& cursor, size_t total_words, Counts* counts, Plan* plan) {
  int32_t magic = 0, version = 0, total = 0;
  TRY(cursor.word(&magic));
  TRY(cursor.word(&version));
  TRY(cursor.word(&total));
  if (magic != kPlanMagic) return Status::error(Code::kInternal, "Plan: bad magic %#x", magic);
  if (version != kPlanVersion) {
    return Status::error(Code::kInternal, "Plan: version %d, this engine reads %d", version,
                         kPlanVersion);
  }
  if (total < 0 || static_cast<size_t>(total) != total_words) {
    return Status::error(Code::kInternal, "Plan: %d words announced, %zu given", total,
                         total_words);
  }
  TRY(cursor.count(1, &counts->symbols));
  TRY(cursor.count(kStorageWords, &counts->storages));
  TRY(cursor.count(kValueWords, &counts->values));
  TRY(cursor.count(kVariableWords, &counts->variables));
  TRY(cursor.count(kPortWords, &counts->feeds));
  TRY(cursor.count(kPortWords, &counts->fetches));
  TRY(cursor.count(1, &counts->blocks));
  TRY(cursor.word(&plan->random_states));
  TRY(cursor.word(&plan->string_constants));
  TRY(cursor.wide(&plan->arena_bytes));
  TRY(cursor.wide(&plan->constant_bytes));
  for (int i = 16; i < kPlanHeaderWords; ++i) {
    int32_t zero = 0;
    TRY(cursor.word(&zero));
    if (zero != 0) return Status::error(Code::kInternal, "Plan: header word %d is not 0", i);
  }
  return {};
}

Status decode_storage(Cursor& cursor, PlanStorage* storage) {
  int32_t kind = 0;
  TRY(cursor.word(&kind));
  if (kind < 0 || kind > static_cast<int32_t>(StorageKind::kStrings)) {
    return Status::error(Code::kInternal, "Plan: storage kind %d", kind);
  }
  storage->kind = static_cast<StorageKind>(kind);
  TRY(cursor.word(&storage->index));
  TRY(cursor.wide(&storage->bytes));
  return cursor.wide(&storage->offset);
}

Status decode_value(Cursor& cursor, PlanValue* value) {
  int32_t dtype = 0;
  TRY(cursor.word(&value->storage));
  TRY(cursor.word(&dtype));
  TRY(cursor.word(&value->rank));
  value->dtype = static_cast<DType>(dtype);
  if (!is_dtype(value->dtype)) return Status::error(Code::kInternal, "Plan: dtype %d", dtype);
  if (value->rank < 0 || value->rank > kPlanMaxRank) {
    return Status::error(Code::kInternal, "Plan: rank %d", value->rank);
  }
  for (int i = 0; i < value->rank; ++i) TRY(cursor.wide(&value->dims[i]));
  if (!element_count(value->dims, value->rank, &value->size) ||
      !byte_count(value->dtype, value->size, &value->bytes)) {
    return Status::error(Code::kInternal, "Plan: a value's size is not a number of bytes");
  }
  return {};
}

Status decode_variable(Cursor& cursor, PlanVariable* variable) {
  int32_t flags = 0;
  TRY(cursor.word(&variable->id));
  TRY(cursor.word(&variable->value));
  TRY(cursor.word(&flags));
  if ((flags & ~1) != 0) return Status::error(Code::kInternal, "Plan: variable flags %d", flags);
  variable->must_be_initialized = (flags & 1) != 0;
  return cursor.word(&variable->node);
}

Status decode_port(Cursor& cursor, PlanPort* port) {
  TRY(cursor.word(&port->value));
  return cursor.word(&port->node);
}

Status decode_step(Cursor& cursor, PlanStep* step) {
  const size_t start = cursor.position();
  int32_t length = 0, kind = 0;
  TRY(cursor.word(&length));
  TRY(cursor.word(&kind));
  if (kind < 0 || kind > static_cast<int32_t>(StepKind::kWhile)) {
    return Status::error(Code::kInternal, "Plan: step kind %d", kind);
  }
  step->kind = static_cast<StepKind>(kind);
  TRY(cursor.word(&step->symbol));
  TRY(cursor.word(&step->node));
  TRY(cursor.word(&step->device));
  TRY(cursor.list(&step->inputs));
  TRY(cursor.list(&step->outputs));
  TRY(cursor.list(&step->attrs));
  if (length < 0 || cursor.position() - start != static_cast<size_t>(length)) {
    return Status::error(Code::kInternal, "Plan: a step of %zu words says it has %d",
                         cursor.position() - start, length);
  }
  return {};
}

template <class Item>
Status decode_each(Cursor& cursor, int32_t count, size_t words_each,
                   Status (*decode)(Cursor&, Item*), std::vector<Item>* items) {
  TRY(cursor.fits(count, words_each));
  items->resize(static_cast<size_t>(count));
  for (Item& item : *items) TRY(decode(cursor, &item));
  return {};
}

Status decode_symbol(Cursor& cursor, std::string* symbol) { return cursor.text(symbol); }

Status decode_block(Cursor& cursor, PlanBlock* block) {
  int32_t steps = 0;
  TRY(cursor.word(&steps));
  return decode_each(cursor, steps, kStepWords, decode_step, &block->steps);
}

}  // namespace

Status decode_plan(std::span<const int32_t> words, Plan* plan) {
  plan->words.assign(words.begin(), words.end());
  Cursor cursor{std::span<const int32_t>(plan->words)};
  Counts counts{};
  TRY(decode_header(cursor, plan->words.size(), &counts, plan));
  TRY(decode_each(cursor, counts.symbols, 1, decode_symbol, &plan->symbols));
  TRY(decode_each(cursor, counts.storages, kStorageWords, decode_storage, &plan->storages));
  TRY(decode_each(cursor, counts.values, kValueWords, decode_value, &plan->values));
  TRY(decode_each(cursor, counts.variables, kVariableWords, decode_variable, &plan->variables));
  TRY(decode_each(cursor, counts.feeds, kPortWords, decode_port, &plan->feeds));
  TRY(decode_each(cursor, counts.fetches, kPortWords, decode_port, &plan->fetches));
  TRY(decode_each(cursor, counts.blocks, 1, decode_block, &plan->blocks));
  if (cursor.left() != 0) {
    return Status::error(Code::kInternal, "Plan: %zu words after the last block", cursor.left());
  }
  return {};
}

Status load_plan(std::span<const int32_t> words, const PlanBlobs& blobs, Plan* plan) {
  try {
    TRY(decode_plan(words, plan));
    TRY(verify_plan(blobs, plan));
    return verify_liveness(*plan);
  } catch (const std::bad_alloc&) {
    return Status::error(Code::kResourceExhausted, "Out of memory while loading a plan of %zu words",
                         words.size());
  }
}

}  // namespace grafo
