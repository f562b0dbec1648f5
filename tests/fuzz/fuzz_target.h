// What every fuzz target shares: libFuzzer calls it with bytes of any kind, and
// replay.cc with those of the corpus.
#ifndef PROXYMETER_TESTS_FUZZ_FUZZ_TARGET_H_
#define PROXYMETER_TESTS_FUZZ_FUZZ_TARGET_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

/// Returns 0; ends the process when the code under test breaks a promise.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace proxymeter::fuzz {

inline std::string_view AsText(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Ends the process, which is how a fuzzer is told of a mistake.
inline void Expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

}  // namespace proxymeter::fuzz

#endif  // PROXYMETER_TESTS_FUZZ_FUZZ_TARGET_H_
