// The outcome of a reload as a ReloadResponse.
#ifndef PROXYMETER_COLLECTOR_RPC_RELOAD_MESSAGE_H_
#define PROXYMETER_COLLECTOR_RPC_RELOAD_MESSAGE_H_

#include <string>

#include "collector/reload/config_keeper.h"
#include "proxymeter/v1/collector.pb.h"

namespace proxymeter::collector {

v1::ReloadResponse ReloadMessage(const ReloadAnswer& answer,
                                 const std::string& config_file);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_RPC_RELOAD_MESSAGE_H_
