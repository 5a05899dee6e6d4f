// NVRTC for the emulated device: compiles the same text with the host's C++ compiler, against emulate/cuda_runtime.h, to a shared
// library that emulate/library.cc loads. For tests; built as libnvrtc.so.13 in a folder of its own, and never installed.
// FAKE_NVRTC=refuse makes it refuse everything.
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

extern char** environ;

namespace {

enum Result : int { kSuccess = 0, kInvalidInput = 3, kInvalidOption = 5, kCompilation = 6 };

struct Program {
  std::string source, log, code;
  std::vector<std::pair<std::string, std::string>> headers;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// What runs one thread of the kernel, whose one parameter is a struct of the kernel's own.
constexpr char kEntry[] = R"(
thread_local uint3 threadIdx, blockIdx;
thread_local dim3 blockDim, gridDim;
extern "C" void emulated_grafo_tape(const uint3* thread, const uint3* block, const dim3* threads, const dim3* blocks,
                                    const void* run) {
  threadIdx = *thread, blockIdx = *block, blockDim = *threads, gridDim = *blocks;
  grafo_tape(*static_cast<const grafo::jit::Run*>(run));
}
extern "C" const size_t emulated_grafo_tape_bytes = sizeof(grafo::jit::Run);
)";

bool run_compiler(std::vector<std::string> words, const std::string& log) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t child = 0;
  const bool started = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ) == 0;
  posix_spawn_file_actions_destroy(&actions);
  int status = 1;
  return started && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Result compile(Program& program) {
  const char* const asked = std::getenv("FAKE_NVRTC");
  if (asked != nullptr && std::strcmp(asked, "refuse") == 0) {
    program.log = "refused, as FAKE_NVRTC asks";
    return kCompilation;
  }
  char folder[] = "/tmp/grafo-nvrtc-XXXXXX";
  if (mkdtemp(folder) == nullptr) return kCompilation;
  const std::string at = folder;
  std::vector<std::string> made;
  const auto put = [&](const std::string& name, const std::string& text) {
    for (size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
      const std::string inner = at + "/" + name.substr(0, slash);
      if (mkdir(inner.c_str(), 0700) == 0) made.insert(made.begin(), inner);
    }
    write_file(at + "/" + name, text);
    made.insert(made.begin(), at + "/" + name);
  };
  for (const auto& [name, text] : program.headers) put(name, text);
  put("kernel.cc", "#include \"cuda_runtime.h\"\n" + program.source + kEntry);
  const std::string library = at + "/kernel.so", log = at + "/log";
  const bool good = run_compiler({FAKE_NVRTC_COMPILER, "-std=c++20", "-O1", "-w", "-shared", "-fPIC", "-ffp-contract=off",
                                  "-fno-math-errno", "-fno-trapping-math", "-fno-strict-aliasing", FAKE_NVRTC_FMA[0] == 0 ? "-w" : FAKE_NVRTC_FMA, "-I" + at,
                                  "-I" FAKE_NVRTC_EMULATE, at + "/kernel.cc", "-o", library},
                                 log);
  program.log = read_file(log);
  if (good) program.code = read_file(library);
  for (const std::string& path : {library, log}) (void)unlink(path.c_str());
  for (const std::string& path : made) (void)std::remove(path.c_str());
  (void)rmdir(folder);
  return good && !program.code.empty() ? kSuccess : kCompilation;
}

}  // namespace

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED const char* nvrtcGetErrorString(Result result) { return result == kSuccess ? "NVRTC_SUCCESS" : "NVRTC_ERROR_COMPILATION"; }
EXPORTED Result nvrtcVersion(int* major, int* minor) {
  *major = 13;
  *minor = 999;  // no real one, so that nothing takes its kernels for real ones
  return kSuccess;
}
EXPORTED Result nvrtcCreateProgram(Program** program, const char* source, const char*, int headers, const char* const* texts,
                                   const char* const* names) {
  if (program == nullptr || source == nullptr) return kInvalidInput;
  *program = new Program{source, {}, {}, {}};
  for (int h = 0; h < headers; ++h) (*program)->headers.emplace_back(names[h], texts[h]);
  return kSuccess;
}
EXPORTED Result nvrtcDestroyProgram(Program** program) {
  delete *program;
  *program = nullptr;
  return kSuccess;
}
EXPORTED Result nvrtcCompileProgram(Program* program, int count, const char* const* options) {
  bool contracts = true, arch = false;
  for (int o = 0; o < count; ++o) {
    contracts &= std::strcmp(options[o], "--fmad=false") != 0;
    arch |= std::strcmp(options[o], "--gpu-architecture=sm_90") == 0;
  }
  if (contracts || !arch) return kInvalidOption;  // the emulated device is an sm_90
  return compile(*program);
}
EXPORTED Result nvrtcGetCUBINSize(Program* program, size_t* bytes) {
  *bytes = program->code.size();
  return kSuccess;
}
EXPORTED Result nvrtcGetCUBIN(Program* program, char* code) {
  std::memcpy(code, program->code.data(), program->code.size());
  return kSuccess;
}
EXPORTED Result nvrtcGetProgramLogSize(Program* program, size_t* bytes) {
  *bytes = program->log.size() + 1;
  return kSuccess;
}
EXPORTED Result nvrtcGetProgramLog(Program* program, char* log) {
  std::memcpy(log, program->log.c_str(), program->log.size() + 1);
  return kSuccess;
}
