# Language level, warnings and sanitizers, the same for every target.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

set(PROXYMETER_SANITIZE "" CACHE STRING
    "Sanitizers for the tests' builds, as -fsanitize= takes them")

add_compile_options(
  $<$<COMPILE_LANGUAGE:CXX>:-Wall>
  $<$<COMPILE_LANGUAGE:CXX>:-Wextra>
  $<$<COMPILE_LANGUAGE:CXX>:-Werror>
  $<$<COMPILE_LANGUAGE:CXX>:-Wshadow>
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>)

option(PROXYMETER_FUZZ "Link the fuzz targets with libFuzzer; needs clang" OFF)

if(PROXYMETER_SANITIZE)
  add_compile_options(-fsanitize=${PROXYMETER_SANITIZE}
                      -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${PROXYMETER_SANITIZE})
endif()

# ccache makes the second build cheap, a fresh clone's in another folder too:
# paths below this one count as relative.
find_program(PROXYMETER_CCACHE ccache)
if(PROXYMETER_CCACHE)
  set(LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}
               CCACHE_NOHASHDIR=1
               # Precompiled headers, as ccache's manual has it for GCC.
               CCACHE_SLOPPINESS=pch_defines,time_macros ${PROXYMETER_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${LAUNCHER})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${LAUNCHER})
endif()
