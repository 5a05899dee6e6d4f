// Status: the one error type of the engine. It owns no memory, so it crosses library borders by value and reports that memory has run out.
#pragma once
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace grafo {

// The numbers are TensorFlow's (error_codes.proto).
enum class Code : int32_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

struct [[nodiscard]] Status {
  static constexpr int kTextBytes = 1008;

  Code code = Code::kOk;
  int32_t node = -1;  // graph operation to blame, -1 where the caller knows better
  char text[kTextBytes];

  Status() { text[0] = '\0'; }
  // A run passes a few of these on, and nearly all are ok: the text is copied only where there is one.
  Status(const Status& other) : code(other.code), node(other.node) { copy_text(other); }
  Status& operator=(const Status& other) {
    code = other.code;
    node = other.node;
    if (this != &other) copy_text(other);
    return *this;
  }
  bool ok() const { return code == Code::kOk; }

  __attribute__((format(printf, 2, 3))) static Status error(Code code, const char* format, ...) {
    Status status;
    status.code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(status.text, kTextBytes, format, args);
    va_end(args);
    return status;
  }
  Status at(int32_t blamed) const {
    Status status = *this;
    if (status.node < 0) status.node = blamed;
    return status;
  }

 private:
  void copy_text(const Status& other) {
    if (other.ok()) text[0] = '\0';
    else std::memcpy(text, other.text, kTextBytes);
  }
};

#define TRY(expression)                                      \
  do {                                                       \
    if (::grafo::Status try_ = (expression); !try_.ok()) return try_; \
  } while (0)

}  // namespace grafo
