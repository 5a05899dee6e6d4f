// See tape_compile.h. A kernel comes from this process's memory, else from the disk, else from NVRTC.
#include "cuda/tape_compile.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>

#include "cuda/kernel_cache.h"
#include "cuda/nvrtc.h"

namespace grafo::cuda {
namespace {

// As Head in tape_kernel.h.
static_assert(offsetof(TapeRun, guard) == 8 && offsetof(TapeRun, failed) == 16 && offsetof(TapeRun, fault) == 24 &&
              offsetof(TapeRun, tiles) == 32 && offsetof(TapeRun, aligned) == 40 && offsetof(TapeRun, segments) == 44 &&
              offsetof(TapeRun, first_segment_word) == 48 && offsetof(TapeRun, segment_words) == 52 &&
              offsetof(TapeRun, stores) == 60 && offsetof(TapeRun, words) == 64);

constexpr size_t kMostMemory = size_t{16} << 20;

enum Count { kCompiled, kFromDisk, kFromMemory, kRefused, kInterpreted, kCounts };

// What the process knows of kernels. A kernel is a function of its source alone, so sessions share them.
struct Kernels {
  std::mutex mutex;
  Nvrtc nvrtc;
  std::string looked;  // GRAFO_CUDA_LIBRARIES when NVRTC was looked for
  bool has_looked = false;
  std::map<std::string, std::weak_ptr<const CompiledTape>> loaded;
  std::map<std::string, std::string> codes;  // of what is no longer loaded too
  size_t code_bytes = 0;
  std::set<std::string> refused;
  std::string why;  // of the last refusal
  int64_t counts[kCounts] = {};
  std::string told;
};
Kernels& kernels() {
  static auto* all = new Kernels();  // outlives every session
  return *all;
}

void count(Count what) {
  const std::lock_guard<std::mutex> lock(kernels().mutex);
  ++kernels().counts[what];
}

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Everything that decides about the code. The headers are this library's, so their hash stands for them.
std::string key_of(const std::string& source, int arch, int version) {
  std::string key = "sm_" + std::to_string(arch) + " NVRTC " + std::to_string(version);
  for (int o = 0; o < kNumRtcOptions; ++o) key += std::string(" ") + kRtcOptions[o];
  uint64_t headers = hash_of("");
  for (int h = 0; h < kNumTapeHeaders; ++h) headers = hash_of(kTapeHeaders[h].text, headers);
  return key + " " + std::to_string(headers) + "\n" + source;
}

void keep(Kernels& all, const std::string& key, const std::string& code) {
  if (all.code_bytes + key.size() + code.size() > kMostMemory) {
    all.codes.clear();
    all.code_bytes = 0;
    std::erase_if(all.loaded, [](const auto& entry) { return entry.second.expired(); });
  }
  if (all.codes.emplace(key, code).second) all.code_bytes += key.size() + code.size();
}

std::shared_ptr<const CompiledTape> load(Kernels& all, const std::string& key, const std::string& code) {
  auto made = std::make_shared<CompiledTape>();
  if (const Status status = made->load(code); !status.ok()) {
    all.why = status.text;
    return nullptr;
  }
  keep(all, key, code);
  all.loaded[key] = made;
  return made;
}

// Once for every value of the variable.
void look_for_compiler(Kernels& all) {
  const std::string folders = environment("GRAFO_CUDA_LIBRARIES");
  if (all.has_looked && folders == all.looked) return;
  all.nvrtc.find();
  all.looked = folders;
  all.has_looked = true;
}

std::shared_ptr<const CompiledTape> find_or_compile(const std::string& source, int arch) {
  Kernels& all = kernels();
  // Held while something is compiled: another session that wants the same waits for it and takes it.
  const std::lock_guard<std::mutex> lock(all.mutex);
  look_for_compiler(all);
  if (!all.nvrtc.found()) return nullptr;
  const std::string key = key_of(source, arch, all.nvrtc.version());
  if (all.refused.count(key) != 0) return nullptr;
  if (const auto found = all.loaded.find(key); found != all.loaded.end()) {
    if (auto kernel = found->second.lock(); kernel != nullptr) {
      ++all.counts[kFromMemory];
      return kernel;
    }
  }
  if (const auto found = all.codes.find(key); found != all.codes.end()) {
    const std::string code = found->second;
    if (auto kernel = load(all, key, code); kernel != nullptr) {
      ++all.counts[kFromMemory];
      return kernel;
    }
  }
  const KernelCache disk(KernelCache::default_folder());
  std::string code;
  if (disk.read(key, &code)) {
    if (auto kernel = load(all, key, code); kernel != nullptr) {
      ++all.counts[kFromDisk];
      return kernel;
    }
  }
  if (all.nvrtc.compile(source, arch, &code, &all.why)) {
    if (auto kernel = load(all, key, code); kernel != nullptr) {
      ++all.counts[kCompiled];
      (void)disk.write(key, code);
      return kernel;
    }
  }
  ++all.counts[kRefused];
  all.refused.insert(key);
  return nullptr;
}

}  // namespace

// cudaLibraryLoadData came with a late CUDA 12: built by an older one, every tape is interpreted.
#if defined(CUDART_VERSION) && CUDART_VERSION < 12080
CompiledTape::~CompiledTape() = default;
Status CompiledTape::load(const std::string&) { return Status::error(Code::kUnavailable, "built by CUDA before 12.8"); }
Status CompiledTape::launch(Device&, dim3, unsigned, const TapeRun&) const { return load({}); }
#else
CompiledTape::~CompiledTape() {
  if (library_ != nullptr) (void)cudaLibraryUnload(static_cast<cudaLibrary_t>(library_));
}
Status CompiledTape::load(const std::string& cubin) {
  cudaLibrary_t library = nullptr;
  cudaKernel_t kernel = nullptr;
  TRY(check(cudaLibraryLoadData(&library, cubin.data(), nullptr, nullptr, 0, nullptr, nullptr, 0), "the loading of a kernel"));
  library_ = library;
  TRY(check(cudaLibraryGetKernel(&kernel, library, kTapeKernelName), "the loading of a kernel"));
  kernel_ = reinterpret_cast<void*>(kernel);
  return {};
}
Status CompiledTape::launch(Device& device, dim3 grid, unsigned threads, const TapeRun& run) const {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = threads;
  config.stream = device.stream;
  void* arguments[] = {const_cast<TapeRun*>(&run)};  // the kernel takes as much of it as it has words
  return check(cudaLaunchKernelExC(&config, kernel_, arguments), "a kernel launch");
}
#endif

void compile_tape(Device& device, const TapeForm& form, int64_t size, Tape& tape) {
  const std::string mode = environment("GRAFO_NVRTC");
  const bool wanted = mode == "always" || (mode != "off" && size >= kLeastCompiledElements);
  if (wanted && size > 0 && tape.code.size() <= kMostCompiledInstructions) {
    const TapeElements elements = tape_elements(tape);
    tape.compiled = find_or_compile(tape_source(tape, form, elements), device.arch);
    if (tape.compiled != nullptr) {
      tape.elements = elements.all;
      tape.threads = kThreads;
      return;
    }
  }
  count(kInterpreted);
}

std::string compiler_text() {
  Kernels& all = kernels();
  const std::lock_guard<std::mutex> lock(all.mutex);
  look_for_compiler(all);
  return all.nvrtc.text();
}

}  // namespace grafo::cuda

const char* grafo_cuda_tapes(int64_t* counts) {
  using namespace grafo::cuda;
  Kernels& all = kernels();
  const std::lock_guard<std::mutex> lock(all.mutex);
  std::memcpy(counts, all.counts, sizeof all.counts);
  all.told = !all.has_looked ? "NVRTC was not looked for" : all.nvrtc.text();
  if (!all.why.empty()) all.told += "; refused: " + all.why;
  return all.told.c_str();
}
