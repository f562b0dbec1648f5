#include "collector/reload/compiled_config.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "collector/policy/policy_compiler.h"
#include "collector/policy/text_file.h"
#include "collector/policy/vendor_config.h"
#include "proxymeter/policy_view.h"

namespace proxymeter::collector {
namespace {

std::string Sha256(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         digest.data());
  return absl::BytesToHexString(
      {reinterpret_cast<const char*>(digest.data()), digest.size()});
}

// The configuration's own, and the lists of addresses that it refers to.
std::vector<std::string> FilesOf(const std::string& path,
                                 const VendorConfig& config) {
  std::vector<std::string> files = {path};
  for (const Vendor& vendor : config.vendors) {
    for (const MatchRule& rule : vendor.match) {
      for (const auto& list : rule.address_lists) {
        if (std::ranges::find(files, list->path) == files.end()) {
          files.push_back(list->path);
        }
      }
    }
  }
  return files;
}

absl::StatusOr<VendorConfig> Read(const std::string& path,
                                  std::string* sha256) {
  absl::StatusOr<std::string> text = ReadTextFile(path);
  if (!text.ok()) return text.status();
  *sha256 = Sha256(*text);
  return ParseVendorConfig(*text, path);
}

}  // namespace

absl::StatusOr<CompiledConfig> CompileConfig(const std::string& path,
                                             const FilesKnown& files_known) {
  CompiledConfig compiled;
  InForce& facts = compiled.facts;
  VendorConfig config;
  if (!path.empty()) {
    absl::StatusOr<VendorConfig> read = Read(path, &facts.config_sha256);
    // At most once: a file that names others each time it is read is read anew
    // when it has changed again.
    if (read.ok() && files_known != nullptr &&
        files_known(FilesOf(path, *read))) {
      read = Read(path, &facts.config_sha256);
    }
    if (!read.ok()) return read.status();
    config = *std::move(read);
  }
  absl::StatusOr<std::vector<std::byte>> policy = CompilePolicy(config);
  if (!policy.ok()) return policy.status();
  compiled.policy = *std::move(policy);
  PolicyView view;
  const PolicyError error = PolicyView::Open(compiled.policy, &view);
  if (error != PolicyError::kOk) {
    return absl::InternalError(absl::StrCat(
        path,
        ": the compiled policy is not valid: ", std::string(Describe(error))));
  }
  PolicyHeader header;
  std::memcpy(&header, compiled.policy.data(), sizeof(header));
  facts.policy_checksum = header.checksum;
  facts.policy_bytes = compiled.policy.size();
  facts.vendors = config.vendors.size();
  for (const Vendor& vendor : config.vendors) {
    facts.rules += vendor.match.size();
  }
  // A hundred megabytes of addresses stay in the policy alone.
  for (Vendor& vendor : config.vendors) {
    for (MatchRule& rule : vendor.match) {
      for (auto& list : rule.address_lists) {
        auto name = std::make_shared<AddressList>();
        name->path = list->path;
        list = std::move(name);
      }
    }
  }
  facts.config = std::make_shared<const VendorConfig>(std::move(config));
  return compiled;
}

}  // namespace proxymeter::collector
