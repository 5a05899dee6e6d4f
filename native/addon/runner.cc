// A plan as a JavaScript function of its own: no receiver to unwrap, no plan to name, no list to read. A training loop's way in.
#include "addon/ports.h"

namespace grafo {
namespace {

constexpr size_t kMaxArguments = 32;

struct Runner {
  std::shared_ptr<SessionObject*> session;  // nullptr inside once the session is gone
  int32_t plan;
};

bool is_fed_by_mailbox(const Port& port, size_t position) {
  return port.rank == 0 && port.dtype != DType::kString && position < kMailboxFetches;
}

Status read_arguments(napi_env env, SessionObject* self, const Ports& ports, const napi_value* given, size_t count,
                      std::vector<Sink>* sinks) {
  std::vector<Feed>& feeds = self->scratch.feeds;
  std::vector<HostCopy>& copies = self->scratch.copies;
  const size_t n = ports.feeds->size();
  feeds.assign(n, Feed{});
  if (copies.size() < n) copies.resize(n);
  uint8_t* mailbox = nullptr;
  size_t next = 0;
  for (size_t i = 0; i < n; ++i) {
    const Port& port = (*ports.feeds)[i];
    if (is_fed_by_mailbox(port, i)) {
      if (mailbox == nullptr && (mailbox = self->mailbox(env)) == nullptr) return no_mailbox();
      feeds[i].data = mailbox + kMailboxFeeds + i * sizeof(double);
      feeds[i].bytes = port.bytes;
    } else if (void* data = nullptr; find_memory(env, given[next], port, &data)) {
      feeds[i].data = data;
      feeds[i].bytes = port.bytes;
      ++next;
    } else {
      TRY(read_feed(env, self, given[next++], port, false, &feeds[i], &copies[i]));
    }
  }
  if (count <= next) return {};
  sinks->resize(ports.fetches->size());
  for (size_t i = 0; i < ports.fetches->size() && next < count; ++i) {
    const Port& port = (*ports.fetches)[i];
    if (in_mailbox(port, i)) continue;
    const napi_value value = given[next++];
    if (void* data = nullptr; find_memory(env, value, port, &data)) (*sinks)[i] = {data, true};
    else TRY(read_sink(env, value, port, 1, &(*sinks)[i]));
  }
  return {};
}

Status run_plan(napi_env env, napi_callback_info info, napi_value* result) {
  napi_value given[kMaxArguments];
  size_t count = kMaxArguments;
  void* data = nullptr;
  TRY(check(env, napi_get_cb_info(env, info, &count, given, nullptr, &data)));
  const auto* runner = static_cast<const Runner*>(data);
  SessionObject* self = *runner->session;
  if (self == nullptr) return Status::error(Code::kCancelled, "Session has been closed.");
  Ports ports;
  TRY(ports_of(self, runner->plan, &ports));
  std::vector<Sink>& sinks = self->scratch.sinks;
  sinks.clear();
  TRY(read_arguments(env, self, ports, given, count, &sinks));
  return run_now(env, self, runner->plan, ports, sinks, false, result);
}

napi_value run(napi_env env, napi_callback_info info) noexcept {
  napi_value result = nullptr;
  const Status status = guarded([&] { return run_plan(env, info, &result); });
  if (status.ok()) return result;
  throw_status(env, status);
  return nullptr;
}

// What crosses as an argument: feeds beside the mailbox, then memory for fetches beside it.
size_t count_arguments(const Ports& ports) {
  size_t count = 0;
  for (size_t i = 0; i < ports.feeds->size(); ++i) count += !is_fed_by_mailbox((*ports.feeds)[i], i);
  for (size_t i = 0; i < ports.fetches->size(); ++i) count += !in_mailbox((*ports.fetches)[i], i);
  return count;
}

bool has_strings(const std::vector<Port>& ports) {
  for (const Port& port : ports) {
    if (port.dtype == DType::kString) return true;
  }
  return false;
}

}  // namespace

Status make_runner(napi_env env, const Call& call, napi_value* result) {
  SessionObject* self = nullptr;
  int32_t plan = -1;
  TRY(self_of(env, call, &self));
  TRY(to_int32(env, call.args[0], &plan));
  Ports ports;
  TRY(ports_of(self, plan, &ports));
  if (count_arguments(ports) > kMaxArguments || has_strings(*ports.feeds)) return {};
  auto runner = std::make_unique<Runner>(Runner{self->link(), plan});
  napi_value function;
  TRY(check(env, napi_create_function(env, "run", NAPI_AUTO_LENGTH, run, runner.get(), &function)));
  const auto release = [](napi_env, void* data, void*) { delete static_cast<Runner*>(data); };
  TRY(check(env, napi_add_finalizer(env, function, runner.get(), release, nullptr, nullptr)));
  (void)runner.release();
  *result = function;
  return {};
}

}  // namespace grafo
