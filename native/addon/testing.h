// Functions for the tests of this package, exported as `testing` where GRAFO_TESTING=1 is set when the addon is loaded.
#pragma once
#include <napi.h>

#include "base/status.h"

namespace grafo {

Status define_testing(Napi::Env env, Napi::Object exports);

}  // namespace grafo
