# proxymeter_test(NAME SOURCES file... LIBRARIES target...)
# One GoogleTest program; ctest sees it as a single test of that name.
function(proxymeter_test NAME)
  if(NOT BUILD_TESTING)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE ${ARG_LIBRARIES} GTest::gmock_main)
  # Nobody waits for a test's own code, but everybody for its compiler.
  target_compile_options(${NAME} PRIVATE -O0 -g1)
  set_target_properties(${NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY
                                           ${PROJECT_BINARY_DIR}/tests)
  add_test(NAME ${NAME} COMMAND ${NAME})
  set_tests_properties(${NAME} PROPERTIES TIMEOUT 120 LABELS unit)
endfunction()
