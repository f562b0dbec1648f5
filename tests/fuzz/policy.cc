// Any policy file: refused, or look-ups that stay inside it, also when it
// changes after it was opened. As it stands, and sealed anew, since no
// mutation hits a checksum.
#include <cstring>
#include <memory>
#include <vector>

#include "proxymeter/policy_view.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

using proxymeter::Endpoint;
using proxymeter::PolicyView;
using proxymeter::fuzz::Expect;

void ExpectInside(std::span<const std::byte> file, std::string_view text) {
  if (text.empty()) return;
  const auto* at = reinterpret_cast<const std::byte*>(text.data());
  Expect(at >= file.data() && text.size() <= file.size() &&
             at + text.size() <= file.data() + file.size(),
         "text lies in the file");
}

// Names and addresses that rules of the file may speak of: pieces of it.
void LookUp(const PolicyView& view, std::span<const std::byte> file) {
  std::vector<std::string_view> hosts = {"gw.acme.test", "x.y.acme.test.", ".",
                                         ""};
  const auto* text = reinterpret_cast<const char*>(file.data());
  for (std::size_t at = 0; at + 12 < file.size(); at += 37) {
    hosts.emplace_back(text + at, 12);
  }
  for (const std::string_view host : hosts) view.NamesHost(host);
  std::vector<Endpoint> endpoints = {
      {proxymeter::MappedIpv4(192, 0, 2, 7), 8080}, {{}, 0}};
  for (std::size_t at = 0; at + 18 <= file.size(); at += 29) {
    Endpoint endpoint;
    std::memcpy(endpoint.address.data(), file.data() + at, 16);
    std::memcpy(&endpoint.port, file.data() + at + 16, 2);
    endpoints.push_back(endpoint);
    std::uint8_t v4[4];
    std::memcpy(v4, file.data() + at, sizeof v4);
    endpoint.address = proxymeter::MappedIpv4(v4[3], v4[2], v4[1], v4[0]);
    endpoints.push_back(endpoint);
  }
  for (const Endpoint& endpoint : endpoints) {
    for (const std::span<const std::string_view> names :
         {std::span<const std::string_view>(),
          std::span<const std::string_view>(hosts)}) {
      const PolicyView::Match match = view.Find(endpoint, names);
      Expect(match.found != match.vendor.empty(), "a match has a vendor");
      Expect(match.vendor.size() <= proxymeter::kMaxVendorLength,
             "its name fits a label");
      ExpectInside(file, match.vendor);
      ExpectInside(file, view.RuleText(match.rule));
    }
  }
  view.Setting(proxymeter::PolicySettingKind::kCallSites);
}

void OpenAndLookUp(std::span<std::byte> file) {
  using proxymeter::PolicyCheck;
  using proxymeter::PolicyError;
  PolicyView full;
  PolicyView layout;
  const PolicyError checked = PolicyView::Open(file, &full, PolicyCheck::kFull);
  const PolicyError looked_at =
      PolicyView::Open(file, &layout, PolicyCheck::kLayout);
  Expect(!proxymeter::Describe(checked).empty(), "an error has a name");
  Expect(checked == looked_at || checked == PolicyError::kBadChecksum,
         "only the checksum is between the two");
  if (looked_at != PolicyError::kOk) return;
  LookUp(layout, file);
  // Its owner may write while a crawler reads.
  std::uint32_t state = 1;
  for (std::byte& byte : file) {
    state = state * 1664525 + 1013904223;
    if (state >> 28 == 0) byte = static_cast<std::byte>(state >> 20);
  }
  LookUp(layout, file);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Blocks of their own size: a sanitizer sees a read behind their end.
  const auto as_it_is = std::make_unique<std::byte[]>(size);
  if (size > 0) std::memcpy(as_it_is.get(), data, size);
  OpenAndLookUp({as_it_is.get(), size});
  if (size < sizeof(proxymeter::PolicyHeader)) return 0;
  const auto sealed = std::make_unique<std::byte[]>(size);
  std::memcpy(sealed.get(), data, size);
  const std::uint64_t checksum =
      proxymeter::PolicyChecksum({sealed.get(), size});
  std::memcpy(sealed.get() + offsetof(proxymeter::PolicyHeader, checksum),
              &checksum, sizeof checksum);
  OpenAndLookUp({sealed.get(), size});
  return 0;
}
