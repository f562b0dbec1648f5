# Nobody waits for a test's own code, but everybody for its compiler. Threads by
# name, as libraries may bring the option along or not.
set(PROXYMETER_TEST_OPTIONS -O0 -g1 -pthread)

# What nearly every test includes, compiled once: GoogleTest alone costs more than
# most tests of their own. An executable, since position-independent code of
# other kinds could not use it.
if(BUILD_TESTING)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/test_headers.cc CONTENT
       "int main() {}\n")
  add_executable(proxymeter_test_headers EXCLUDE_FROM_ALL
                                         ${PROJECT_BINARY_DIR}/test_headers.cc)
  target_precompile_headers(
    proxymeter_test_headers
    PRIVATE
    <gmock/gmock.h>
    <gtest/gtest.h>
    <chrono>
    <filesystem>
    <fstream>
    <functional>
    <map>
    <memory>
    <optional>
    <string>
    <thread>
    <vector>)
  target_link_libraries(proxymeter_test_headers PRIVATE GTest::gmock_main
                                                        Threads::Threads)
  target_compile_options(proxymeter_test_headers PRIVATE ${PROXYMETER_TEST_OPTIONS})
endif()

# proxymeter_test(NAME SOURCES file... LIBRARIES target...)
# One GoogleTest program; ctest sees it as a single test of that name.
function(proxymeter_test NAME)
  if(NOT BUILD_TESTING)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE ${ARG_LIBRARIES} GTest::gmock_main
                                        Threads::Threads)
  target_precompile_headers(${NAME} REUSE_FROM proxymeter_test_headers)
  target_compile_options(${NAME} PRIVATE ${PROXYMETER_TEST_OPTIONS})
  set_target_properties(${NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY
                                           ${PROJECT_BINARY_DIR}/tests)
  add_test(NAME ${NAME} COMMAND ${NAME})
  set_tests_properties(${NAME} PROPERTIES TIMEOUT 120 LABELS unit)
endfunction()
