#include "collector/rpc/reload_message.h"

#include <chrono>
#include <cstdint>

namespace proxymeter::collector {
namespace {

v1::ReloadResult Message(ReloadResult result) {
  switch (result) {
    case ReloadResult::kOk:
      return v1::RELOAD_RESULT_OK;
    case ReloadResult::kUnchanged:
      return v1::RELOAD_RESULT_UNCHANGED;
    case ReloadResult::kFailed:
      return v1::RELOAD_RESULT_FAILED;
  }
  return v1::RELOAD_RESULT_UNSPECIFIED;
}

}  // namespace

v1::ReloadResponse ReloadMessage(const ReloadAnswer& answer,
                                 const std::string& config_file) {
  v1::ReloadResponse message;
  message.set_result(Message(answer.result));
  message.set_error(answer.error);
  const InForce& facts = *answer.in_force;
  v1::PolicyInForce& in_force = *message.mutable_in_force();
  in_force.set_config_file(config_file);
  in_force.set_generation(facts.generation);
  in_force.set_config_sha256(facts.config_sha256);
  in_force.set_policy_checksum(facts.policy_checksum);
  in_force.set_policy_bytes(facts.policy_bytes);
  in_force.set_vendors(facts.vendors);
  in_force.set_rules(facts.rules);
  in_force.set_since_unix_ns(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(
          facts.since.time_since_epoch())
          .count()));
  return message;
}

}  // namespace proxymeter::collector
