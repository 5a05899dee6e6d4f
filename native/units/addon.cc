// The addon, as one translation unit.
#include "addon/addon.cc"
#include "addon/convert.cc"
#include "addon/environment.cc"
#include "addon/runs.cc"
#include "addon/session_object.cc"
#include "addon/testing.cc"
#include "addon/worker.cc"
