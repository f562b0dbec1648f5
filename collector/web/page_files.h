// The files of the live page, which are part of the program.
#ifndef PROXYMETER_COLLECTOR_WEB_PAGE_FILES_H_
#define PROXYMETER_COLLECTOR_WEB_PAGE_FILES_H_

#include <span>
#include <string_view>

#include "collector/exposition/http_answer.h"

namespace proxymeter::collector {

struct PageFile {
  std::string_view path;  ///< as it is asked for
  std::string_view content_type;
  std::string_view text;
};

/// Made by the build (cmake/LivePage.cmake).
std::span<const PageFile> PageFiles();

/// 404 for a path that no file has.
HttpAnswer PageAnswer(std::string_view path);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_WEB_PAGE_FILES_H_
