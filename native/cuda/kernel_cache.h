// Compiled kernels on the disk, for the next process: files in a folder of the user's own, each with the whole text that it was
// compiled from. Whatever cannot be read or written is as if it were not there.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace grafo::cuda {

class KernelCache {
 public:
  // The folder is made by the first write.
  explicit KernelCache(std::string folder, size_t most_bytes = size_t{64} << 20)
      : folder_(std::move(folder)), most_bytes_(most_bytes) {}

  // GRAFO_CACHE, XDG_CACHE_HOME/grafo or ~/.cache/grafo, and "kernels" in it; empty where none of them is an absolute path.
  static std::string default_folder();

  // What was kept for exactly this key. A file that is cut, changed, foreign or of another key is none.
  bool read(const std::string& key, std::string* code) const;
  // False where it was not kept, which is no error. The oldest files go where there are too many bytes.
  bool write(const std::string& key, const std::string& code) const;

  std::string path_of(const std::string& key) const;

 private:
  bool is_own_folder() const;
  void drop_oldest() const;

  std::string folder_;
  size_t most_bytes_;
};

uint64_t hash_of(const std::string& bytes, uint64_t start = 0xcbf29ce484222325);

}  // namespace grafo::cuda
