// A backend of a few plain kernels, and a writer of plans: what the engine's own tests run on.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "runtime/engine.h"
#include "test/check.h"

namespace grafo::test {

// Kernels: Copy, Double (y = 2x, float32, in ranges), Increment (var += 1, float32), Below (bool: x < attr), Sum2
// (y = a + b), Concat and Gather (axis 0, rank 1, int32), Unique (int32), Spin (until cancelled), Fail, IsInitialized, Say.
const Backend* fake_backend();

// Instances and prepared steps that were made and not yet destroyed.
int64_t fake_leaks();

struct Dims {
  std::vector<int64_t> list;
  Dims(std::initializer_list<int64_t> dims) : list(dims) {}
};

class PlanWriter {
 public:
  int storage(StorageKind kind, int32_t index, int64_t bytes, int64_t offset);
  int value(int storage, DType dtype, const Dims& dims);
  // A value with an arena storage of its own.
  int arena(DType dtype, const Dims& dims);
  int feed(DType dtype, const Dims& dims, int32_t node = 100);
  int variable(int32_t id, DType dtype, const Dims& dims, bool must = false, int32_t node = 200);
  int text(const Dims& dims, int32_t first_constant = -1);  // strings
  int constant(DType dtype, const Dims& dims, int64_t offset);
  void fetch(int value, int32_t node = 300);
  int block();  // block 0 is there from the start
  void step(const std::string& kernel, std::vector<int> inputs, std::vector<int> outputs,
            std::vector<int32_t> attrs = {}, int block = 0, int32_t node = 7);
  void control(StepKind kind, std::vector<int> inputs, std::vector<int32_t> attrs, int block = 0);
  int symbol(const std::string& text);
  std::vector<int32_t> words() const;

  int32_t states = 0;
  int32_t strings = 0;
  int64_t constant_bytes = 0;
  int64_t arena_bytes = 0;

 private:
  void raw_step(StepKind kind, int32_t symbol, int32_t node, const std::vector<int>& inputs,
                const std::vector<int>& outputs, const std::vector<int32_t>& attrs, int block);

  std::vector<std::string> symbols_;
  std::vector<int32_t> storages_, values_, variables_, feeds_, fetches_;
  std::vector<std::vector<int32_t>> blocks_{1};
  std::vector<int32_t> steps_{0};
  int num_storages_ = 0, num_values_ = 0, num_variables_ = 0, num_feeds_ = 0, num_fetches_ = 0;
};

constexpr DType F = DType::kFloat32;

inline std::unique_ptr<Session> make_session(int64_t memory = 0, int32_t threads = 1) {
  std::unique_ptr<Session> session;
  const Status status = Session::open(*fake_backend(), {threads, memory}, &session);
  CHECK(status.ok());
  return session;
}

inline Status load(Session& session, const PlanWriter& w, int32_t* id, const Strings& strings = {},
            const std::vector<uint8_t>& constants = {}, const std::vector<int32_t>& states = {}) {
  return session.load_plan(w.words(), constants, strings, states, id);
}

inline Feed floats(const std::vector<float>& data) {
  return {data.data(), static_cast<int64_t>(data.size() * 4), nullptr};
}

#define CHECK_OK(expression) CHECK_EQ(std::string((expression).text), std::string())

}  // namespace grafo::test
