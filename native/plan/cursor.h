// The only reader of plan words: every read is checked against the words that are left.
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "base/status.h"

namespace grafo {

class Cursor {
 public:
  explicit Cursor(std::span<const int32_t> words) : words_(words) {}

  size_t position() const { return position_; }
  size_t left() const { return words_.size() - position_; }

  Status word(int32_t* value) {
    if (left() < 1) return truncated(1);
    *value = words_[position_++];
    return {};
  }

  Status wide(int64_t* value) {
    if (left() < 2) return truncated(2);
    const uint64_t low = static_cast<uint32_t>(words_[position_]);
    const uint64_t high = static_cast<uint32_t>(words_[position_ + 1]);
    *value = static_cast<int64_t>(low | high << 32);
    position_ += 2;
    return {};
  }

  // A number of items that take at least `words_each` words each, so that it is safe to allocate for.
  Status count(size_t words_each, int32_t* value) {
    TRY(word(value));
    return fits(*value, words_each);
  }

  Status fits(int32_t items, size_t words_each) const {
    if (items < 0 || static_cast<size_t>(items) > left() / words_each) {
      return Status::error(Code::kInternal, "Plan word %zu: %d items do not fit in %zu words",
                           position_, items, left());
    }
    return {};
  }

  // A counted list: n, then n words.
  Status list(std::span<const int32_t>* items) {
    int32_t n = 0;
    TRY(count(1, &n));
    *items = words_.subspan(position_, static_cast<size_t>(n));
    position_ += static_cast<size_t>(n);
    return {};
  }

  // Byte length, then the bytes, zero padded to whole words.
  Status text(std::string* value) {
    int32_t length = 0;
    TRY(word(&length));
    if (length < 0 || static_cast<size_t>(length) > left() * 4) return truncated(left() + 1);
    const size_t bytes = static_cast<size_t>(length);
    const size_t padded = (bytes + 3) / 4;
    const char* start = reinterpret_cast<const char*>(words_.data() + position_);
    for (size_t i = bytes; i < padded * 4; ++i) {
      if (start[i] != 0) {
        return Status::error(Code::kInternal, "Plan word %zu: a string is not zero padded",
                             position_);
      }
    }
    value->assign(start, bytes);
    position_ += padded;
    return {};
  }

 private:
  Status truncated(size_t wanted) const {
    return Status::error(Code::kInternal, "Plan word %zu: %zu words wanted, %zu left", position_,
                         wanted, left());
  }

  std::span<const int32_t> words_;
  size_t position_ = 0;
};

}  // namespace grafo
