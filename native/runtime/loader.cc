// Finds the CPU backend library next to the addon: the best one that this processor can run.
#include <cstdlib>
#include <cstring>
#include <map>

#include "base/dynlib.h"
#include "runtime/engine.h"

namespace grafo {
namespace {

struct Level {
  const char* name;
  bool (*runs)();
};

#if defined(__x86_64__)
bool runs_v2() { return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt"); }
bool runs_v3() {
  return runs_v2() && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}
bool runs_v4() {
  return runs_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
constexpr Level kLevels[] = {{"v4", runs_v4}, {"v3", runs_v3}, {"v2", runs_v2}};
#else
constexpr Level kLevels[] = {{"arm64", [] { return true; }}};
#endif

const Backend* open_backend(const std::string& path, std::string* why) {
  void* library = nullptr;
  if (const Status status = open_library(path, &library); !status.ok()) {
    *why = status.text;
    return nullptr;
  }
  const auto entry = reinterpret_cast<BackendEntry>(library_symbol(library, "grafo_backend"));
  const Backend* backend = entry == nullptr ? nullptr : entry();
  if (backend == nullptr) {
    *why = entry == nullptr ? "has no grafo_backend" : "does not run on this machine";
  } else if (backend->version != kBackendVersion) {
    *why = "is of backend version " + std::to_string(backend->version) + ", not " +
           std::to_string(kBackendVersion);
    backend = nullptr;
  }
  return backend;
}

}  // namespace

Status Engine::load_cuda(const std::string& folder, const Engine** engine) {
  static std::mutex* mutex = new std::mutex();
  static auto* engines = new std::map<std::string, const Engine*>();
  const char* given = std::getenv("GRAFO_CUDA_LIBRARY");
  const std::string path = given != nullptr && *given != '\0' ? given : folder + "/grafo_cuda.so";
  const std::lock_guard<std::mutex> lock(*mutex);
  if (const auto found = engines->find(path); found != engines->end()) {
    *engine = found->second;
    return {};
  }
  std::string why;
  const Backend* backend = open_backend(path, &why);
  if (backend == nullptr) {
    if (why.find(path) == std::string::npos) why = path + ": " + why;  // dlopen's own words begin with it
    return Status::error(Code::kUnavailable, "%s", why.c_str());
  }
  DeviceInfo info{};
  const Status status = backend->device_info(0, &info);
  if (backend->device_count() == 0) {
    return Status::error(Code::kUnavailable, "%s: no GPU (%s)", path.c_str(), status.ok() ? "none is told" : status.text);
  }
  TRY(status);
  auto* loaded = new Engine(backend);
  loaded->info_.path = path;
  engines->emplace(path, loaded);
  *engine = loaded;
  return {};
}

Status Engine::load(const std::string& folder, const Engine** engine) {
  static std::mutex* mutex = new std::mutex();
  static auto* engines = new std::map<std::string, const Engine*>();
  const std::lock_guard<std::mutex> lock(*mutex);
  if (const auto found = engines->find(folder); found != engines->end()) {
    *engine = found->second;
    return {};
  }
  const char* forced = std::getenv("GRAFO_ISA");
  EngineInfo info;
  for (const Level& level : kLevels) {
    const std::string path = folder + "/grafo_cpu_" + level.name + ".so";
    if (forced != nullptr && *forced != '\0' && std::strcmp(forced, level.name) != 0) {
      info.tried.push_back(path + ": GRAFO_ISA is " + forced);
      continue;
    }
    if (!level.runs()) {
      info.tried.push_back(path + ": this processor lacks its instructions");
      continue;
    }
    std::string why;
    if (const Backend* backend = open_backend(path, &why)) {
      info.tried.push_back(path + ": loaded");
      info.path = path;
      auto* loaded = new Engine(backend);
      loaded->info_ = std::move(info);
      engines->emplace(folder, loaded);
      *engine = loaded;
      return {};
    }
    info.tried.push_back(path + ": " + why);
  }
  std::string text = "No CPU backend could be loaded.";
  for (const std::string& line : info.tried) text += "\n  " + line;
  return Status::error(Code::kUnavailable, "%s", text.c_str());
}

}  // namespace grafo
