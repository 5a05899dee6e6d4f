// runPlan: one function for all plans of all sessions, so that V8 compiles the way into it once, with no receiver to unwrap and no list to
// read. A training loop's way in.
#include "addon/ports.h"

namespace grafo {
namespace {

constexpr size_t kNamed = 2;  // the session's number, the plan's
constexpr size_t kMaxMemory = 126, kFewMemory = 4;

bool is_fed_by_mailbox(const Port& port, size_t position) {
  return port.rank == 0 && port.dtype != DType::kString && position < kMailboxFetches;
}

// What crosses beside the mailbox, one by one: the number of a host buffer, or an array.
class Memory {
 public:
  Memory(napi_env env, SessionObject* self, const napi_value* given, size_t count)
      : env_(env), buffers_(*self->environment()->host_buffers()), given_(given), count_(count) {}

  bool is_left() const { return next_ < count_; }
  // The next one, as the memory of `port`; false where it has to be read by the long way.
  bool find(const Port& port, void** data) {
    int32_t number = 0;
    const napi_value value = given_[next_];
    if (napi_get_value_int32(env_, value, &number) != napi_ok) return find_memory(env_, value, port, data);
    const HostMemory memory = buffers_.find(number);
    *data = memory.data;
    return memory.bytes == port.bytes && memory.data != nullptr;
  }
  napi_value take() { return given_[next_++]; }

 private:
  napi_env env_;
  const HostBuffers& buffers_;
  const napi_value* given_;
  size_t count_, next_ = 0;
};

Status read_memory(napi_env env, SessionObject* self, const Ports& ports, Memory& memory, std::vector<Sink>* sinks) {
  std::vector<Feed>& feeds = self->scratch.feeds;
  std::vector<HostCopy>& copies = self->scratch.copies;
  const size_t n = ports.feeds->size();
  feeds.assign(n, Feed{});
  if (copies.size() < n) copies.resize(n);
  uint8_t* mailbox = nullptr;
  for (size_t i = 0; i < n; ++i) {
    const Port& port = (*ports.feeds)[i];
    void* data = nullptr;
    if (is_fed_by_mailbox(port, i)) {
      if (mailbox == nullptr && (mailbox = self->mailbox(env)) == nullptr) return no_mailbox();
      data = mailbox + kMailboxFeeds + i * sizeof(double);
    } else if (!memory.is_left() || port.dtype == DType::kString) {
      return Status::error(Code::kInvalidArgument, "A typed array is expected").at(port.node);
    } else if (memory.find(port, &data)) {
      (void)memory.take();
    } else {
      TRY(read_feed(env, self, memory.take(), port, false, &feeds[i], &copies[i]));
      continue;
    }
    feeds[i].data = data;
    feeds[i].bytes = port.bytes;
  }
  if (!memory.is_left()) return {};
  sinks->resize(ports.fetches->size());
  for (size_t i = 0; i < ports.fetches->size() && memory.is_left(); ++i) {
    const Port& port = (*ports.fetches)[i];
    if (in_mailbox(port, i)) continue;
    void* data = nullptr;
    const bool found = memory.find(port, &data);
    const napi_value value = memory.take();
    if (found) (*sinks)[i] = {data, true};
    else TRY(read_sink(env, value, port, 1, &(*sinks)[i]));
  }
  return {};
}

Status run_numbered(napi_env env, napi_callback_info info, napi_value* result) {
  napi_value given[kNamed + kMaxMemory];
  size_t count = kNamed + kFewMemory;  // all that are asked for are written
  void* environment = nullptr;
  int32_t number = -1, plan = -1;
  TRY(check(env, napi_get_cb_info(env, info, &count, given, nullptr, &environment)));
  if (count > kNamed + kMaxMemory) return Status::error(Code::kInvalidArgument, "%zu arguments", count);
  if (count > kNamed + kFewMemory) TRY(check(env, napi_get_cb_info(env, info, &count, given, nullptr, &environment)));
  // Not to_int32: it takes as long again, and all that a fraction does here is to name another number.
  if (napi_get_value_int32(env, given[0], &number) != napi_ok || napi_get_value_int32(env, given[1], &plan) != napi_ok)
    return Status::error(Code::kInvalidArgument, "The numbers of a session and a plan are expected");
  SessionObject* const self = static_cast<const Environment*>(environment)->session(number);
  if (self == nullptr) return Status::error(Code::kInvalidArgument, "No session has the number %d", number);
  Ports ports;
  TRY(ports_of(self, plan, &ports));
  std::vector<Sink>& sinks = self->scratch.sinks;
  sinks.clear();
  Memory memory(env, self, given + kNamed, count < kNamed ? 0 : count - kNamed);
  TRY(read_memory(env, self, ports, memory, &sinks));
  if (memory.is_left()) return Status::error(Code::kInvalidArgument, "%zu arguments are too many", count);
  return run_now(env, self, plan, ports, sinks, false, result);
}

napi_value run_plan(napi_env env, napi_callback_info info) noexcept {
  napi_value result = nullptr;
  const Status status = guarded([&] { return run_numbered(env, info, &result); });
  if (status.ok()) return result;
  throw_status(env, status);
  return nullptr;
}

}  // namespace

Status define_run_plan(Napi::Env env, Napi::Object exports) {
  napi_value function;
  TRY(check(env, napi_create_function(env, "runPlan", NAPI_AUTO_LENGTH, run_plan, Environment::get(env), &function)));
  TRY(set_number(env, exports, "runPlanMemory", static_cast<double>(kMaxMemory)));
  return set_property(env, exports, "runPlan", function);
}

}  // namespace grafo
