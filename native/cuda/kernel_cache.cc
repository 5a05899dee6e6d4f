// See kernel_cache.h. A file is written under a name of its own and then renamed, so that others find all of it or nothing.
#include "cuda/kernel_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

namespace grafo::cuda {
namespace {

constexpr size_t kMostFileBytes = size_t{16} << 20;
constexpr char kSuffix[] = ".cubin";

struct Header {
  char magic[8];
  uint64_t key_bytes, code_bytes, checksum;
};
constexpr char kMagic[8] = {'g', 'r', 'a', 'f', 'o', 'k', '1', '\n'};

// A file of ours alone, and its size.
bool is_own_file(int file, size_t* bytes) {
  struct stat found{};
  if (fstat(file, &found) != 0 || !S_ISREG(found.st_mode)) return false;
  *bytes = static_cast<size_t>(found.st_size);
  return found.st_uid == geteuid() && (found.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool read_all(int file, char* to, size_t bytes) {
  for (size_t done = 0; done < bytes;) {
    const ssize_t got = ::read(file, to + done, bytes - done);
    if (got <= 0) return false;
    done += static_cast<size_t>(got);
  }
  return true;
}
bool write_all(int file, const char* from, size_t bytes) {
  for (size_t done = 0; done < bytes;) {
    const ssize_t put = ::write(file, from + done, bytes - done);
    if (put <= 0) return false;
    done += static_cast<size_t>(put);
  }
  return true;
}

// Each folder of the path that is missing, for us alone.
void make_folders(const std::string& path) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    (void)mkdir(path.substr(0, slash).c_str(), 0700);
    if (slash == std::string::npos) return;
  }
}

bool ends_with(const char* name, const char* end) {
  const size_t length = std::strlen(name), end_length = std::strlen(end);
  return length >= end_length && std::strcmp(name + length - end_length, end) == 0;
}

}  // namespace

uint64_t hash_of(const std::string& bytes, uint64_t start) {
  uint64_t hash = start;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return hash;
}

std::string KernelCache::default_folder() {
  const auto absolute = [](const char* name) {
    const char* const value = std::getenv(name);
    return std::string(value != nullptr && value[0] == '/' ? value : "");
  };
  if (const char* const given = std::getenv("GRAFO_CACHE"); given != nullptr && *given != '\0') {
    const std::string folder = absolute("GRAFO_CACHE");
    return folder.empty() ? folder : folder + "/kernels";
  }
  if (const std::string folder = absolute("XDG_CACHE_HOME"); !folder.empty()) return folder + "/grafo/kernels";
  const std::string home = absolute("HOME");
  return home.empty() ? home : home + "/.cache/grafo/kernels";
}

std::string KernelCache::path_of(const std::string& key) const {
  char name[17];
  const uint64_t hash = hash_of(key);
  for (int digit = 0; digit < 16; ++digit) name[digit] = "0123456789abcdef"[hash >> (60 - 4 * digit) & 15];
  name[16] = '\0';
  return folder_ + "/" + name + kSuffix;
}

// Nobody else may have put anything there: what is read is run.
bool KernelCache::is_own_folder() const {
  struct stat found{};
  return !folder_.empty() && lstat(folder_.c_str(), &found) == 0 && S_ISDIR(found.st_mode) &&
         found.st_uid == geteuid() && (found.st_mode & 077) == 0;
}

bool KernelCache::read(const std::string& key, std::string* code) const {
  if (!is_own_folder()) return false;
  const int file = open(path_of(key).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return false;
  Header header;
  std::string found;
  size_t bytes = 0;
  bool good = is_own_file(file, &bytes) && bytes <= kMostFileBytes && bytes >= sizeof header &&
              read_all(file, reinterpret_cast<char*>(&header), sizeof header) &&
              std::memcmp(header.magic, kMagic, sizeof kMagic) == 0 && header.key_bytes == key.size() &&
              header.code_bytes <= kMostFileBytes && bytes == sizeof header + key.size() + header.code_bytes;
  if (good) {
    found.resize(bytes - sizeof header);
    good = read_all(file, found.data(), found.size()) && hash_of(found) == header.checksum &&
           found.compare(0, key.size(), key) == 0;
  }
  if (good) {
    (void)futimens(file, nullptr);  // used: not among the oldest
    *code = found.substr(key.size());
  }
  (void)close(file);
  return good && !code->empty();
}

bool KernelCache::write(const std::string& key, const std::string& code) const {
  if (folder_.empty() || sizeof(Header) + key.size() + code.size() > kMostFileBytes) return false;
  make_folders(folder_);
  if (!is_own_folder()) return false;
  static std::atomic<unsigned> number{0};
  const std::string path = path_of(key);
  const std::string fresh = path + "." + std::to_string(getpid()) + "." + std::to_string(number++) + ".tmp";
  const int file = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return false;
  Header header{{}, key.size(), code.size(), hash_of(code, hash_of(key))};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  bool good = write_all(file, reinterpret_cast<const char*>(&header), sizeof header) &&
              write_all(file, key.data(), key.size()) && write_all(file, code.data(), code.size());
  good = close(file) == 0 && good;
  good = good && rename(fresh.c_str(), path.c_str()) == 0;
  if (!good) (void)unlink(fresh.c_str());
  if (good) drop_oldest();
  return good;
}

void KernelCache::drop_oldest() const {
  struct Found {
    timespec used;
    size_t bytes;
    std::string path;
  };
  std::vector<Found> files;
  size_t total = 0;
  DIR* const folder = opendir(folder_.c_str());
  if (folder == nullptr) return;
  const time_t now = std::time(nullptr);
  while (const dirent* entry = readdir(folder)) {
    const bool is_fresh = ends_with(entry->d_name, ".tmp");
    if (!is_fresh && !ends_with(entry->d_name, kSuffix)) continue;
    const std::string path = folder_ + "/" + entry->d_name;
    struct stat about{};
    if (lstat(path.c_str(), &about) != 0) continue;
    if (is_fresh) {  // of a process that ended while it wrote
      if (now - about.st_mtime > 3600) (void)unlink(path.c_str());
      continue;
    }
    total += static_cast<size_t>(about.st_size);
    files.push_back({about.st_mtim, static_cast<size_t>(about.st_size), path});
  }
  (void)closedir(folder);
  if (total <= most_bytes_) return;
  std::sort(files.begin(), files.end(), [](const Found& a, const Found& b) {
    return a.used.tv_sec != b.used.tv_sec ? a.used.tv_sec < b.used.tv_sec : a.used.tv_nsec < b.used.tv_nsec;
  });
  // With room for more, so that not every write comes here.
  for (const Found& file : files) {
    if (total <= most_bytes_ / 4 * 3) return;
    if (unlink(file.path.c_str()) == 0) total -= file.bytes;
  }
}

}  // namespace grafo::cuda
