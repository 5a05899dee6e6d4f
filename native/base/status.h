// Status: the one error type of the engine. A plain struct, so that it crosses library borders by value.
#pragma once
#include <cstdarg>
#include <cstdint>
#include <cstdio>

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
};

#define TRY(expression)                                      \
  do {                                                       \
    if (::grafo::Status try_ = (expression); !try_.ok()) return try_; \
  } while (0)

}  // namespace grafo
