// Classes of responses, as labels name them.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_RESPONSE_CLASSES_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_RESPONSE_CLASSES_H_

#include "proxymeter/journal.h"

namespace proxymeter::collector {

struct ResponseClass {
  TrafficCounter counter;
  const char* name;
};

inline constexpr ResponseClass kResponseClasses[] = {
    {kResponses1xx, "1xx"}, {kResponses2xx, "2xx"}, {kResponses3xx, "3xx"},
    {kResponses4xx, "4xx"}, {kResponses5xx, "5xx"}, {kResponsesOther, "other"}};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_RESPONSE_CLASSES_H_
