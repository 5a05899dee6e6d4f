// See ports.h.
#include "addon/ports.h"

#include <cstring>

namespace grafo {

Status ports_of(SessionObject* self, int32_t plan, Ports* ports) {
  return self->session().ports(plan, &ports->feeds, &ports->fetches);
}

Status read_feed(napi_env env, SessionObject* self, napi_value value, const Port& port, bool copy, Feed* feed,
                 HostCopy* kept) {
  Bytes bytes;
  if (Status status = to_bytes_of(env, value, port.dtype, &bytes); !status.ok()) return status.at(port.node);
  feed->data = bytes.data;
  feed->bytes = bytes.bytes;
  if ((!copy && !bytes.shared) || bytes.bytes == 0) return {};
  Status status = kept->assign(&self->session(), bytes.data, bytes.bytes);
  feed->data = kept->data();
  return status.ok() ? status : status.at(port.node);
}

bool find_memory(napi_env env, napi_value value, const Port& port, void** data) {
  size_t length = 0, held = 0;
  napi_value buffer;
  void* first = nullptr;
  bool own = false;  // asked for: newer versions of Node tell the memory of a shared buffer, too
  if (napi_get_typedarray_info(env, value, nullptr, &length, data, &buffer, nullptr) != napi_ok ||
      napi_is_arraybuffer(env, buffer, &own) != napi_ok || !own ||
      napi_get_arraybuffer_info(env, buffer, &first, &held) != napi_ok) {
    return false;
  }
  const auto bytes = static_cast<uint64_t>(port.bytes);
  const auto offset = reinterpret_cast<uint64_t>(*data) - reinterpret_cast<uint64_t>(first);
  return static_cast<int64_t>(length) == port.size && bytes > 0 && offset <= held && bytes <= held - offset;
}

Status read_feeds(napi_env env, SessionObject* self, int32_t plan, const List& values, bool copy,
                  Ports* found, std::vector<Feed>* feeds, std::vector<HostCopy>* copies,
                  std::vector<Strings>* strings) {
  TRY(ports_of(self, plan, found));
  const size_t n = found->feeds->size();
  if (values.size() != n) {
    return Status::error(Code::kInvalidArgument, "%zu feeds given, %zu expected", values.size(), n);
  }
  // Strings are read through properties, and a getter may run or unload this very plan: they come before any memory is
  // looked at, into a place of their own, and the plan is looked up again.
  std::vector<Strings> texts;
  for (size_t i = 0; i < n; ++i) {
    if ((*found->feeds)[i].dtype != DType::kString) continue;
    texts.resize(n);
    const int32_t node = (*found->feeds)[i].node;
    if (Status status = to_strings(env, values[i], &texts[i]); !status.ok()) return status.at(node);
    TRY(ports_of(self, plan, found));
  }
  const std::vector<Port>& ports = *found->feeds;
  feeds->assign(n, Feed{});
  if (copies->size() < n) copies->resize(n);
  *strings = std::move(texts);
  for (size_t i = 0; i < strings->size(); ++i) (*feeds)[i].strings = &(*strings)[i];
  for (size_t i = 0; i < n; ++i) {
    if (ports[i].dtype == DType::kString) continue;
    TRY(read_feed(env, self, values[i], ports[i], copy, &(*feeds)[i], &(*copies)[i]));
  }
  return {};
}

Status read_sink(napi_env env, napi_value value, const Port& port, int64_t times, Sink* sink) {
  if (is_nullish(env, value)) return {};
  Bytes bytes;
  if (Status status = to_bytes_of(env, value, port.dtype, &bytes); !status.ok()) return status.at(port.node);
  int64_t wanted;
  if (__builtin_mul_overflow(port.bytes, times, &wanted) || bytes.bytes != wanted) {
    return Status::error(Code::kInvalidArgument, "An output array has %lld bytes, not %lld x %lld",
                         static_cast<long long>(bytes.bytes), static_cast<long long>(times),
                         static_cast<long long>(port.bytes))
        .at(port.node);
  }
  *sink = {bytes.data, !bytes.shared};
  return {};
}

Status read_sinks(napi_env env, const List& values, const std::vector<Port>& ports, int64_t times,
                  std::vector<Sink>* sinks) {
  sinks->assign(ports.size(), Sink{});
  for (size_t i = 0; i < ports.size() && i < values.size(); ++i) {
    TRY(read_sink(env, values[i], ports[i], times, &(*sinks)[i]));
  }
  return {};
}

void leave_in_mailbox(uint8_t* mailbox, size_t position, const void* data, int64_t bytes,
                      double first_dim) {
  if (bytes > 0) {
    std::memcpy(mailbox + position * kMailboxBytes, data, static_cast<size_t>(bytes));
  }
  std::memcpy(mailbox + kMailboxFetches * kMailboxBytes + position * sizeof(double), &first_dim,
              sizeof first_dim);
}

Status no_mailbox() {
  return Status::error(Code::kFailedPrecondition, "The session's mailbox was taken away");
}

Status ResultList::finish(napi_env env, napi_value* list) const {
  if (found_.empty()) return {};
  TRY(check(env, napi_create_array_with_length(env, count_, list)));
  for (const auto& [position, value] : found_) {
    TRY(check(env, napi_set_element(env, *list, static_cast<uint32_t>(position), value)));
  }
  return {};
}

Status to_buffer(napi_env env, const void* data, int64_t bytes, napi_value* value) {
  void* target = nullptr;
  TRY(new_buffer(env, bytes, &target, value));
  if (bytes > 0) std::memcpy(target, data, static_cast<size_t>(bytes));
  return {};
}

Status ResultList::add_buffer(napi_env env, size_t position, int64_t bytes, Sink* sink) {
  napi_value buffer;
  TRY(new_buffer(env, bytes, &sink->data, &buffer));
  if (bytes == 0) sink->data = nullptr;
  add(position, buffer);
  return {};
}

namespace {

bool is_planned(const Port& port) { return port.dtype != DType::kString && !port.dynamic; }

// Memory for the results whose size is known and that neither the mailbox nor the caller has a place for.
Status make_sinks(napi_env env, const std::vector<Port>& ports, std::vector<Sink>* sinks, ResultList* list) {
  for (size_t i = 0; i < ports.size(); ++i) {
    const Port& port = ports[i];
    if (in_mailbox(port, i) || !is_planned(port) || (!sinks->empty() && (*sinks)[i].data != nullptr)) continue;
    if (sinks->empty()) sinks->resize(ports.size());
    if (Status status = list->add_buffer(env, i, port.bytes, &(*sinks)[i]); !status.ok()) return status.at(port.node);
  }
  return {};
}

// Hands out what the session's last run fetched and no sink took.
Status deliver_fetches(napi_env env, SessionObject* self, const std::vector<Port>& ports,
                       const std::vector<Sink>& sinks, ResultList* list) {
  uint8_t* mailbox = nullptr;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (!sinks.empty() && sinks[i].data != nullptr) continue;
    const Fetched fetched = self->session().fetched(static_cast<int32_t>(i));
    napi_value value = nullptr;
    if (in_mailbox(ports[i], i)) {
      if (mailbox == nullptr && (mailbox = self->mailbox(env)) == nullptr) return no_mailbox();
      leave_in_mailbox(mailbox, i, fetched.data, fetched.bytes, static_cast<double>(fetched.first_dim));
      continue;
    }
    if (ports[i].dtype == DType::kString) {
      if (fetched.strings == nullptr) return Status::error(Code::kInternal, "A fetch is gone");
      TRY(from_strings(env, *fetched.strings, fetched.size, &value));
    } else if (ports[i].dynamic) {
      TRY(to_buffer(env, fetched.data, fetched.bytes, &value));
    } else {
      continue;  // no bytes: its buffer is in the list
    }
    list->add(i, value);
  }
  return {};
}

}  // namespace

Status run_now(napi_env env, SessionObject* self, int32_t plan, const Ports& ports, std::vector<Sink>& sinks,
               bool traced, napi_value* result) {
  self->worker().wait_idle();
  self->session().arm();
  if (traced) self->times.clear();
  ResultList list(ports.fetches->size());
  Status status = make_sinks(env, *ports.fetches, &sinks, &list);
  // Alone: jobs of the session's thread are submitted on this one, and there are none.
  if (status.ok()) status = self->session().run_alone(plan, self->scratch.feeds, traced ? &self->times : nullptr, sinks);
  if (status.ok()) status = deliver_fetches(env, self, *ports.fetches, sinks, &list);
  for (HostCopy& copy : self->scratch.copies) copy.clear();
  self->report_memory(env);
  TRY(self->deliver_log(env));
  return status.ok() ? list.finish(env, result) : status;
}

}  // namespace grafo
