// Any text as a list of addresses: networks that stand on lines it has, or an
// error that names one.
#include "collector/policy/address_list.h"

#include <algorithm>
#include <string>

#include "tests/fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace proxymeter;
  using fuzz::Expect;
  const auto text = fuzz::AsText(data, size);
  const auto lines = static_cast<std::uint32_t>(
      1 + std::count(text.begin(), text.end(), '\n'));
  collector::AddressListLimits limits;
  limits.entries = 10'000;
  const auto list = collector::ParseAddressList(text, "fuzz.txt", limits);
  if (!list.ok()) {
    Expect(list.status().message().substr(0, 9) == "fuzz.txt:",
           "an error names the file");
    return 0;
  }
  Expect(list->size() > 0 && list->size() <= limits.entries,
         "as many entries as it may have");
  const auto check = [&](const auto& entry, bool v4) {
    const collector::Cidr cidr = CidrOf(entry);
    Expect(entry.line >= 1 && entry.line <= lines, "its line is there");
    Expect(cidr.prefix <= 128 && (!v4 || cidr.prefix >= 96),
           "a prefix fits its family");
    const auto again = collector::ParseCidr(FormatCidr(cidr));
    Expect(again.ok() && *again == cidr, "a network has no host bits");
  };
  for (const auto& entry : list->entries4) check(entry, true);
  for (const auto& entry : list->entries6) check(entry, false);
  return 0;
}
