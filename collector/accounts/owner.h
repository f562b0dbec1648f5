// Whose a session is.
#ifndef PROXYMETER_COLLECTOR_ACCOUNTS_OWNER_H_
#define PROXYMETER_COLLECTOR_ACCOUNTS_OWNER_H_

#include <cstdint>
#include <optional>

namespace proxymeter::collector {

/// The uid of a frame's sender or of a journal's file, in the collector's user
/// namespace: the kernel's word, never the crawler's. Nothing for sessions of
/// gRPC, which share one quota.
using Owner = std::optional<std::uint32_t>;

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_OWNER_H_
