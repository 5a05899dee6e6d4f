// What crosses at a run: feeds in, results out. Raw Node-API: see convert.h.
#pragma once
#include <utility>
#include <vector>

#include "addon/session_object.h"

namespace grafo {

struct Ports {
  const std::vector<Port>* feeds;
  const std::vector<Port>* fetches;
};
Status ports_of(SessionObject* self, int32_t plan, Ports* ports);

// Reads the memory of one numeric feed. With `copy` (and for shared memory always) the bytes are taken now, because they may
// change or go before they are used.
Status read_feed(napi_env env, SessionObject* self, napi_value value, const Port& port, bool copy, Feed* feed,
                 HostCopy* kept);
// The memory of an array whose elements the caller has found to be the port's: asking Node-API for their type costs more than all the
// rest of a crossing. False where it is shared, or has not the port's elements within its buffer: read_feed or read_sink says why.
bool find_memory(napi_env env, napi_value value, const Port& port, void** data);
// Reads all feeds, strings too.
Status read_feeds(napi_env env, SessionObject* self, int32_t plan, const List& values, bool copy, Ports* found,
                  std::vector<Feed>* feeds, std::vector<HostCopy>* copies, std::vector<Strings>* strings);

// One of the caller's own arrays for results: the right element type and exactly the planned bytes.
Status read_sink(napi_env env, napi_value value, const Port& port, int64_t times, Sink* sink);
Status read_sinks(napi_env env, const List& values, const std::vector<Port>& ports, int64_t times, std::vector<Sink>* sinks);

void leave_in_mailbox(uint8_t* mailbox, size_t position, const void* data, int64_t bytes, double first_dim);
Status no_mailbox();
Status to_buffer(napi_env env, const void* data, int64_t bytes, napi_value* value);

// Results outside of the mailbox, by position. They become a JavaScript array only when all is done with the session: a
// setter planted on Array.prototype may run anything.
class ResultList {
 public:
  explicit ResultList(size_t count) : count_(count) {}
  void add(size_t position, napi_value value) { found_.push_back({position, value}); }
  // A buffer for a result, and the memory of it that stays null where it has no bytes.
  Status add_buffer(napi_env env, size_t position, int64_t bytes, Sink* sink);
  Status finish(napi_env env, napi_value* list) const;

 private:
  size_t count_;
  std::vector<std::pair<size_t, napi_value>> found_;
};

// Runs a plan on this thread with the session's scratch feeds, after the runs that wait, and hands out its fetches, those
// without a sink in memory of their own. `sinks` is empty, or has one for each fetch. A traced run leaves its times with the
// session.
Status run_now(napi_env env, SessionObject* self, int32_t plan, const Ports& ports, std::vector<Sink>& sinks,
               bool traced, napi_value* result);

}  // namespace grafo
