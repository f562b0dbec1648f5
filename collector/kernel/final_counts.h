// What sockets had sent when the kernel ended them, for as long as somebody may
// ask.
#ifndef PROXYMETER_COLLECTOR_KERNEL_FINAL_COUNTS_H_
#define PROXYMETER_COLLECTOR_KERNEL_FINAL_COUNTS_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"

namespace proxymeter::collector {

/// A ring of the last kCapacity sockets, in a mapped file: what a collector has
/// heard and not used yet, the next one finds, also when the first was killed.
/// Thread-safe.
class FinalCounts {
 public:
  static constexpr std::size_t kCapacity = 32768;

  /// Uses `file`, which is made when it is not there, and begun anew when it is
  /// not one of these or is of another boot or network namespace, where cookies
  /// mean other sockets. Where no file can be had (a full file system), memory
  /// serves: only what is heard now is known then.
  explicit FinalCounts(const std::string& file);
  ~FinalCounts();
  FinalCounts(const FinalCounts&) = delete;
  FinalCounts& operator=(const FinalCounts&) = delete;

  /// `cookie` is not 0; `sent` is in bytes of payload.
  void Note(std::uint64_t cookie, std::uint64_t sent);

  std::optional<std::uint64_t> SentBy(std::uint64_t cookie) const;

  bool in_file() const { return in_file_; }

 private:
  struct Header;
  struct Entry;

  bool MapFile(const std::string& file);
  void MapMemory();
  bool IsOurs() const;
  void BeginAnew();
  void ReadEntries();
  Entry* entries() const;

  Header* header_ = nullptr;
  bool in_file_ = false;
  mutable std::mutex mutex_;
  absl::flat_hash_map<std::uint64_t, std::uint64_t> sent_;  // by cookie
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_KERNEL_FINAL_COUNTS_H_
