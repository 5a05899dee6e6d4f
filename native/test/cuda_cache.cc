// The cache of kernels on the disk: what was written comes back; what is cut, changed, foreign or another key's does not; folders that
// cannot be used are no error; two processes at once; and a bounded size.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cuda/kernel_cache.h"
#include "test/cuda_device.h"

namespace {

using grafo::cuda::KernelCache;
using grafo::test::cuda::Environment;
using grafo::test::cuda::Folder;

std::string contents(const KernelCache& cache, const std::string& key) {
  std::string code;
  return cache.read(key, &code) ? code : "";
}
mode_t mode_of(const std::string& path) {
  struct stat found{};
  return stat(path.c_str(), &found) == 0 ? found.st_mode & 0777 : 0;
}

}  // namespace

TEST("Kernel cache: what was written comes back, for the same key alone and for us alone") {
  const Folder folder;
  const KernelCache cache(folder.path() + "/a/kernels");
  CHECK_EQ(contents(cache, "key"), "");
  CHECK(cache.write("key", "code\0of it"));
  CHECK(cache.write("another", std::string(100000, 'x')));
  CHECK_EQ(contents(cache, "key"), std::string("code\0of it"));
  CHECK_EQ(contents(cache, "another").size(), size_t{100000});
  CHECK_EQ(contents(cache, "kez"), "");
  CHECK_EQ(mode_of(folder.path() + "/a/kernels"), mode_t{0700});
  CHECK_EQ(mode_of(cache.path_of("key")), mode_t{0600});
  CHECK(cache.write("key", "newer"));
  CHECK_EQ(contents(cache, "key"), "newer");
  // Another key's file under this one's name, as if hashes were the same.
  std::filesystem::copy_file(cache.path_of("another"), cache.path_of("key"), std::filesystem::copy_options::overwrite_existing);
  CHECK_EQ(contents(cache, "key"), "");
}

TEST("Kernel cache: files that were cut or changed are none, and are written anew") {
  const Folder folder;
  const KernelCache cache(folder.path() + "/kernels");
  CHECK(cache.write("key", "a kernel of some length"));
  std::ifstream whole(cache.path_of("key"), std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(whole), {}};
  for (size_t at = 0; at < good.size(); ++at) {
    std::string changed = good;
    changed[at] = static_cast<char>(changed[at] ^ 4);
    std::ofstream(cache.path_of("key"), std::ios::binary) << changed;
    EXPECT(contents(cache, "key").empty(), "byte %zu changed", at);
    std::ofstream(cache.path_of("key"), std::ios::binary) << good.substr(0, at);
    EXPECT(contents(cache, "key").empty(), "cut at %zu", at);
  }
  std::ofstream(cache.path_of("key"), std::ios::binary) << good << "more";
  CHECK_EQ(contents(cache, "key"), "");
  CHECK(cache.write("key", "again"));
  CHECK_EQ(contents(cache, "key"), "again");
}

TEST("Kernel cache: folders and files that others may write to are not read, and none of it is an error") {
  const Folder folder;
  const std::string path = folder.path() + "/kernels";
  const KernelCache cache(path);
  CHECK(cache.write("key", "code"));
  CHECK(chmod(path.c_str(), 0777) == 0);
  CHECK_EQ(contents(cache, "key"), "");
  CHECK(!cache.write("key", "code"));
  CHECK(chmod(path.c_str(), 0700) == 0);
  CHECK_EQ(contents(cache, "key"), "code");
  CHECK(chmod(cache.path_of("key").c_str(), 0622) == 0);
  CHECK_EQ(contents(cache, "key"), "");
  // Links lead to what others wrote.
  const KernelCache linked(folder.path() + "/link");
  CHECK(symlink(path.c_str(), (folder.path() + "/link").c_str()) == 0);
  CHECK(!linked.write("other", "code"));
  CHECK(cache.write("key", "code"));
  CHECK_EQ(contents(linked, "key"), "");
  CHECK(rename(cache.path_of("key").c_str(), (folder.path() + "/elsewhere").c_str()) == 0);
  CHECK(symlink((folder.path() + "/elsewhere").c_str(), cache.path_of("key").c_str()) == 0);
  CHECK_EQ(contents(cache, "key"), "");
  // A file where the folder should be, a folder that nobody can make, and none at all.
  std::ofstream(folder.path() + "/file") << "x";
  for (const std::string& bad : {folder.path() + "/file", folder.path() + "/file/in", std::string("/proc/none/kernels"), std::string()}) {
    CHECK(!KernelCache(bad).write("key", "code"));
    CHECK_EQ(contents(KernelCache(bad), "key"), "");
  }
}

TEST("Kernel cache: the folder is the environment's") {
  const Environment cache("GRAFO_CACHE", ""), xdg("XDG_CACHE_HOME", "/x"), home("HOME", "/h");
  CHECK_EQ(KernelCache::default_folder(), "/x/grafo/kernels");
  const Environment given("GRAFO_CACHE", "/g");
  CHECK_EQ(KernelCache::default_folder(), "/g/kernels");
  const Environment relative("GRAFO_CACHE", "g");
  CHECK_EQ(KernelCache::default_folder(), "");
  const Environment none("GRAFO_CACHE", ""), no_xdg("XDG_CACHE_HOME", "");
  CHECK_EQ(KernelCache::default_folder(), "/h/.cache/grafo/kernels");
  unsetenv("HOME");
  CHECK_EQ(KernelCache::default_folder(), "");
}

TEST("Kernel cache: two processes that write and read one key see all of a kernel or nothing") {
  const Folder folder;
  const KernelCache cache(folder.path() + "/kernels");
  std::vector<pid_t> children;
  for (int c = 0; c < 2; ++c) {
    const pid_t child = fork();
    if (child == 0) {
      int wrong = 0;
      for (int i = 0; i < 300; ++i) {
        wrong += !cache.write("key", std::string(5000 + 1000 * static_cast<size_t>(c), static_cast<char>('a' + c)));
        const std::string found = contents(cache, "key");
        // What it reads is one of the two, whole.
        wrong += found != std::string(5000, 'a') && found != std::string(6000, 'b');
      }
      _exit(wrong == 0 ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 1;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  CHECK_EQ(folder.files("kernels").size(), size_t{1});  // nothing is left over
}

TEST("Kernel cache: the least recently used files go where there are too many bytes, and old scraps") {
  const Folder folder;
  const KernelCache cache(folder.path() + "/kernels", 50000);
  const auto age = [&](const std::string& path, time_t seconds) {
    const timespec times[2] = {{time(nullptr) - seconds, 0}, {time(nullptr) - seconds, 0}};
    CHECK(utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
  };
  for (int i = 0; i < 4; ++i) {
    CHECK(cache.write("key" + std::to_string(i), std::string(10000, 'x')));
    age(cache.path_of("key" + std::to_string(i)), 1000 - 100 * i);
  }
  CHECK(!contents(cache, "key0").empty());  // used again: the newest
  std::ofstream(folder.path() + "/kernels/scrap.tmp") << "x";
  std::ofstream(folder.path() + "/kernels/fresh.tmp") << "x";
  age(folder.path() + "/kernels/scrap.tmp", 4000);
  CHECK(cache.write("large", std::string(15000, 'y')));
  CHECK(contents(cache, "key1").empty() && contents(cache, "key2").empty());
  CHECK(!contents(cache, "key0").empty() && !contents(cache, "large").empty());
  CHECK(access((folder.path() + "/kernels/scrap.tmp").c_str(), F_OK) != 0);
  CHECK(access((folder.path() + "/kernels/fresh.tmp").c_str(), F_OK) == 0);
}
