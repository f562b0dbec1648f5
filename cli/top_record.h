// A view for programs: tab-separated lines, or JSON.
#ifndef PROXYMETER_CLI_TOP_RECORD_H_
#define PROXYMETER_CLI_TOP_RECORD_H_

#include <string>

#include "cli/top_view.h"

namespace proxymeter::cli {

/// One block: tab-separated lines of raw figures whose first word tells their
/// kind, for each kind that occurs a line "#kind" with the column names before
/// it, and an empty line at the end. A rate that is not known is "-".
std::string FormatLines(const View& view);

/// One JSON object on one line. A rate that is not known is null.
std::string FormatJson(const View& view);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_TOP_RECORD_H_
