# Nobody waits for a test's own code, but everybody for its compiler. Threads by
# name, as libraries may bring the option along or not.
set(PROXYMETER_TEST_OPTIONS -O0 -g1 -pthread)
# AddressSanitizer watches memory by intercepting malloc and by what the code
# under test was compiled with: the tests' own would cost half of that build.
# Abseil's containers look different under it, though, so that only tests that
# share none with what they test can do without. (ThreadSanitizer has to see who
# synchronises with whom.)
set(PROXYMETER_UNWATCHED_OPTIONS ${PROXYMETER_TEST_OPTIONS})
if(PROXYMETER_SANITIZE MATCHES address)
  list(APPEND PROXYMETER_UNWATCHED_OPTIONS -fno-sanitize=all)
endif()

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
  target_compile_options(proxymeter_test_headers
                         PRIVATE ${PROXYMETER_UNWATCHED_OPTIONS})
endif()

# proxymeter_test(NAME [UNWATCHED] SOURCES file... LIBRARIES target...)
# One GoogleTest program; ctest sees it as a single test of that name. UNWATCHED:
# without Abseil.
function(proxymeter_test NAME)
  if(NOT BUILD_TESTING)
    return()
  endif()
  cmake_parse_arguments(ARG "UNWATCHED" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE ${ARG_LIBRARIES} GTest::gmock_main
                                        Threads::Threads)
  if(ARG_UNWATCHED OR NOT PROXYMETER_SANITIZE MATCHES address)
    target_compile_options(${NAME} PRIVATE ${PROXYMETER_UNWATCHED_OPTIONS})
    target_precompile_headers(${NAME} REUSE_FROM proxymeter_test_headers)
  else()
    target_compile_options(${NAME} PRIVATE ${PROXYMETER_TEST_OPTIONS})
  endif()
  set_target_properties(${NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY
                                           ${PROJECT_BINARY_DIR}/tests)
  add_test(NAME ${NAME} COMMAND ${NAME})
  # The longest takes a minute and a half under the thread sanitizer alone.
  set_tests_properties(${NAME} PROPERTIES TIMEOUT 400 LABELS unit)
endfunction()
