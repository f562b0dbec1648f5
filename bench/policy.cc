// Policies of millions of addresses, made of text files: what it takes to
// compile one, to load it and to look an address up.
//
//   bench_policy generate DIR IPV4 IPV6   three vendors' lists in DIR
//   bench_policy compile DIR              of them, the file DIR/policy
//   bench_policy look-up DIR              in that file
//
// Each prints a JSON object.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "collector/policy/address_list.h"
#include "collector/policy/match_text.h"
#include "collector/policy/policy_compiler.h"
#include "collector/policy/policy_file.h"
#include "collector/policy/vendor_config.h"
#include "collector/scoped_fd.h"
#include "fmt/format.h"
#include "proxymeter/policy_view.h"

namespace proxymeter::bench {
namespace {

using collector::AddressList;
using collector::Cidr;
using collector::VendorConfig;

constexpr std::array<std::string_view, 3> kVendors = {"one", "two", "three"};
constexpr std::uint32_t kSeed = 20240607;
constexpr std::uint64_t kCidrOneIn = 20;

std::string ListOf(const std::string& directory, std::string_view vendor) {
  return fmt::format("{}/{}.txt", directory, vendor);
}

// Networks of all sizes, so that they nest in each other and around single
// addresses. Few of the large ones.
Cidr RandomCidr4(std::mt19937_64& random) {
  const auto bits = static_cast<std::uint32_t>(random());
  const int prefix = random() % 512 == 0 ? 10 + static_cast<int>(random() % 8)
                                         : 18 + static_cast<int>(random() % 14);
  const std::uint32_t first = bits & ~(0xffffffffu >> prefix);
  return CidrOf(
      AddressList::Entry4{first, 0, static_cast<std::uint8_t>(prefix)});
}

Address RandomAddress6(std::mt19937_64& random) {
  Address address;
  const std::uint64_t high = random();
  const std::uint64_t low = random();
  std::memcpy(address.data(), &high, 8);
  std::memcpy(address.data() + 8, &low, 8);
  address[0] = 0x2a;  // 2a00::/12, as it is given out
  address[1] &= 0x0f;
  return address;
}

// Half of them around `inside`.
Cidr RandomCidr6(std::mt19937_64& random, const Address& inside) {
  Cidr cidr{random() % 2 == 0 ? inside : RandomAddress6(random), 0};
  cidr.prefix = static_cast<std::uint8_t>(
      random() % 64 == 0 ? 24 + random() % 8 : 32 + random() % 80);
  for (int bit = cidr.prefix; bit < 128; ++bit) {
    cidr.network[bit / 8] &= static_cast<std::uint8_t>(~(0x80 >> bit % 8));
  }
  return cidr;
}

// The same network in two lists would be a mistake: the network decides whose
// it is.
std::size_t OwnerOf(const Cidr& cidr) {
  return std::hash<std::string_view>()(
             {reinterpret_cast<const char*>(&cidr), sizeof(cidr)}) %
         kVendors.size();
}

void Generate(const std::string& directory, std::uint64_t count4,
              std::uint64_t count6) {
  std::mt19937_64 random(kSeed);
  std::array<std::ofstream, kVendors.size()> lists;
  for (std::size_t v = 0; v < kVendors.size(); ++v) {
    lists[v].open(ListOf(directory, kVendors[v]));
    lists[v] << "# exits of vendor " << kVendors[v] << "\n";
  }
  const auto write = [&](const Cidr& cidr) {
    std::string text = FormatCidr(cidr);
    if (cidr.prefix == 128) text.resize(text.find('/'));
    lists[OwnerOf(cidr)] << text << '\n';
  };
  for (std::uint64_t i = 0; i < count4; ++i) {
    if (i % kCidrOneIn == 0) {
      write(RandomCidr4(random));
    } else {
      write(CidrOf(
          AddressList::Entry4{static_cast<std::uint32_t>(random()), 0, 32}));
    }
  }
  Address address6 = RandomAddress6(random);
  for (std::uint64_t i = 0; i < count6; ++i) {
    if (i % kCidrOneIn == 0) {
      write(RandomCidr6(random, address6));
    } else {
      address6 = RandomAddress6(random);
      write(Cidr{address6, 128});
    }
  }
  std::uint64_t bytes = 0;
  for (auto& list : lists) {
    bytes += static_cast<std::uint64_t>(list.tellp());
    list.close();
    if (!list) throw std::runtime_error("cannot write the lists");
  }
  fmt::print("{{\"text_bytes\": {}}}\n", bytes);
}

double Seconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) +
         static_cast<double>(now.tv_nsec) / 1e9;
}

VendorConfig LoadConfig(const std::string& directory) {
  VendorConfig config;
  config.file_name = "bench.yaml";
  for (const std::string_view name : kVendors) {
    auto list = collector::LoadAddressList(ListOf(directory, name));
    if (!list.ok()) throw std::runtime_error(list.status().ToString());
    collector::MatchRule rule;
    rule.address_lists.push_back(
        std::make_shared<const AddressList>(*std::move(list)));
    collector::Vendor& vendor = config.vendors.emplace_back();
    vendor.name = std::string(name);
    vendor.match.push_back(std::move(rule));
  }
  return config;
}

void Compile(const std::string& directory) {
  const double wall = Seconds(CLOCK_MONOTONIC);
  const double cpu = Seconds(CLOCK_PROCESS_CPUTIME_ID);
  std::size_t size = 0;
  double read = 0;
  {
    const VendorConfig config = LoadConfig(directory);
    read = Seconds(CLOCK_PROCESS_CPUTIME_ID);
    const auto policy = CompilePolicy(config);
    if (!policy.ok()) throw std::runtime_error(policy.status().ToString());
    const absl::Status written = collector::WritePolicyFile(directory, *policy);
    if (!written.ok()) throw std::runtime_error(written.ToString());
    size = policy->size();
  }
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  fmt::print(
      "{{\"wall_seconds\": {}, \"cpu_seconds\": {}, \"read_cpu_seconds\": {}, "
      "\"peak_bytes\": {}, \"policy_bytes\": {}}}\n",
      Seconds(CLOCK_MONOTONIC) - wall, Seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu,
      read - cpu, std::uint64_t(usage.ru_maxrss) * 1024, size);
}

class MappedPolicy {
 public:
  explicit MappedPolicy(const std::string& directory) {
    const double start = Seconds(CLOCK_MONOTONIC);
    const std::uint64_t faults = Faults();
    const collector::ScopedFd file(
        open((directory + "/policy").c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info;
    if (fstat(file.get(), &info) != 0) throw std::runtime_error("no policy");
    size_ = static_cast<std::size_t>(info.st_size);
    data_ = mmap(nullptr, size_, PROT_READ, MAP_SHARED, file.get(), 0);
    if (data_ == MAP_FAILED) throw std::runtime_error("cannot map");
    const PolicyError error =
        PolicyView::Open({static_cast<const std::byte*>(data_), size_}, &view_,
                         PolicyCheck::kLayout);
    load_seconds_ = Seconds(CLOCK_MONOTONIC) - start;
    load_faults_ = Faults() - faults;
    if (error != PolicyError::kOk) {
      throw std::runtime_error(std::string(Describe(error)));
    }
  }
  ~MappedPolicy() { munmap(data_, size_); }

  const PolicyView& view() const { return view_; }
  double load_seconds() const { return load_seconds_; }
  std::uint64_t load_faults() const { return load_faults_; }

  // Nanoseconds for a read whose place the one before tells: what a cache line
  // from this much memory costs here and now.
  double ReadNanoseconds() const {
    constexpr std::size_t kReads = 1'000'000;
    const auto* const words = static_cast<const std::uint64_t*>(data_);
    const std::uint64_t count = size_ / sizeof(*words);
    std::uint64_t state = kSeed;
    const double start = Seconds(CLOCK_THREAD_CPUTIME_ID);
    for (std::size_t i = 0; i < kReads; ++i) {
      state = state * 0x5851f42d4c957f2d + 0x14057b7ef767814f;
      state ^= words[(state >> 32) * count >> 32];
    }
    const double seconds = Seconds(CLOCK_THREAD_CPUTIME_ID) - start;
    if (state == 0) std::puts("");  // or nothing would be read
    return seconds / kReads * 1e9;
  }

  // Maps every page into this process, as the page cache has them already.
  void Warm() const {
    std::uint64_t sum = 0;
    for (std::size_t at = 0; at < size_; at += 4096) {
      sum += static_cast<const volatile std::uint8_t*>(data_)[at];
    }
    if (sum == 1) std::puts("");
  }

 private:
  static std::uint64_t Faults() {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_minflt + usage.ru_majflt);
  }

  void* data_ = nullptr;
  std::size_t size_ = 0;
  PolicyView view_;
  double load_seconds_ = 0;
  std::uint64_t load_faults_ = 0;
};

// The first of `endpoints`, over and over: as many exits as one crawler has
// in use, whose lines of the policy the processor's cache holds.
std::vector<Endpoint> InUse(const std::vector<Endpoint>& endpoints) {
  constexpr std::size_t kInUse = 1000;
  std::vector<Endpoint> repeated;
  repeated.reserve(endpoints.size());
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    repeated.push_back(endpoints[i % kInUse]);
  }
  return repeated;
}

// Nanoseconds of CPU time for one look-up, by the median of many batches: the
// machine's other work comes in bursts.
double LookUpNanoseconds(const PolicyView& view,
                         const std::vector<Endpoint>& endpoints,
                         bool expected) {
  constexpr std::size_t kBatch = 20'000;
  std::vector<double> batches;
  for (std::size_t at = 0; at + kBatch <= endpoints.size(); at += kBatch) {
    std::size_t found = 0;
    const double start = Seconds(CLOCK_THREAD_CPUTIME_ID);
    for (std::size_t i = at; i < at + kBatch; ++i) {
      found += view.Find(endpoints[i], {}).found;
    }
    batches.push_back(Seconds(CLOCK_THREAD_CPUTIME_ID) - start);
    if (found != (expected ? kBatch : 0)) {
      throw std::runtime_error(fmt::format("{} of {} found", found, kBatch));
    }
  }
  std::nth_element(batches.begin(), batches.begin() + batches.size() / 2,
                   batches.end());
  return batches[batches.size() / 2] / kBatch * 1e9;
}

void LookUp(const std::string& directory) {
  std::mt19937_64 random(kSeed + 1);
  constexpr std::size_t kLookUps = 1'000'000;
  constexpr std::uint16_t kPort = 8080;
  std::vector<Endpoint> hits4;
  std::vector<Endpoint> hits6;
  const VendorConfig config = LoadConfig(directory);
  const auto pick = [&](const auto& entries) {
    return CidrOf(entries[random() % entries.size()]).network;
  };
  for (std::size_t i = 0; i < kLookUps; ++i) {
    const AddressList& list =
        *config.vendors[i % kVendors.size()].match[0].address_lists[0];
    hits4.push_back({pick(list.entries4), kPort});
    hits6.push_back({pick(list.entries6), kPort});
  }
  const MappedPolicy policy(directory);
  policy.Warm();
  std::vector<Endpoint> misses4;
  std::vector<Endpoint> misses6;
  while (misses4.size() < kLookUps) {
    const auto bits = static_cast<std::uint32_t>(random());
    const Endpoint endpoint{CidrOf(AddressList::Entry4{bits, 0, 32}).network,
                            kPort};
    if (!policy.view().Find(endpoint, {}).found) misses4.push_back(endpoint);
  }
  while (misses6.size() < kLookUps) {
    const Endpoint endpoint{RandomAddress6(random), kPort};
    if (!policy.view().Find(endpoint, {}).found) misses6.push_back(endpoint);
  }
  fmt::print(
      "{{\"load_seconds\": {}, \"load_faults\": {}, \"used4_ns\": {}, "
      "\"used6_ns\": {}, \"hit4_ns\": {}, \"miss4_ns\": {}, \"hit6_ns\": {}, "
      "\"miss6_ns\": {}, \"read_ns\": {}}}\n",
      policy.load_seconds(), policy.load_faults(),
      LookUpNanoseconds(policy.view(), InUse(hits4), true),
      LookUpNanoseconds(policy.view(), InUse(hits6), true),
      LookUpNanoseconds(policy.view(), hits4, true),
      LookUpNanoseconds(policy.view(), misses4, false),
      LookUpNanoseconds(policy.view(), hits6, true),
      LookUpNanoseconds(policy.view(), misses6, false),
      policy.ReadNanoseconds());
}

int Main(std::span<char*> arguments) {
  const std::string_view what = arguments.size() > 1 ? arguments[1] : "";
  if (what == "generate" && arguments.size() == 5) {
    Generate(arguments[2], std::strtoull(arguments[3], nullptr, 10),
             std::strtoull(arguments[4], nullptr, 10));
  } else if (what == "compile" && arguments.size() == 3) {
    Compile(arguments[2]);
  } else if (what == "look-up" && arguments.size() == 3) {
    LookUp(arguments[2]);
  } else {
    std::fputs("usage: see policy.cc\n", stderr);
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace proxymeter::bench

int main(int argc, char** argv) {
  try {
    return proxymeter::bench::Main({argv, static_cast<std::size_t>(argc)});
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_policy: %s\n", e.what());
    return 1;
  }
}
