# Everything comes from Debian packages (scripts/install-packages lists them).

find_package(Threads REQUIRED)
find_package(Protobuf 3.21 REQUIRED MODULE)
find_package(gRPC 1.51 CONFIG REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED) # states no version; 1.0.1
find_package(OpenSSL 3 REQUIRED)
find_package(nanopb CONFIG REQUIRED)
find_package(yaml-cpp CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(fmt CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(SQLite3 3.40 REQUIRED)
find_package(GTest CONFIG REQUIRED)
find_package(GnuTLS REQUIRED) # tests only
find_package(benchmark CONFIG REQUIRED) # scripts/bench

# No CMake package: Debian ships the library and its header alone. The layout of
# its classes depends on these definitions: they are those that the library was
# compiled with (cpp-httplib.pc), though neither TLS nor brotli is wanted here.
find_library(HTTPLIB_LIBRARY cpp-httplib REQUIRED)
find_path(HTTPLIB_INCLUDE_DIR httplib.h REQUIRED)
add_library(httplib::httplib UNKNOWN IMPORTED)
set_target_properties(
  httplib::httplib
  PROPERTIES IMPORTED_LOCATION ${HTTPLIB_LIBRARY}
             INTERFACE_INCLUDE_DIRECTORIES ${HTTPLIB_INCLUDE_DIR}
             INTERFACE_COMPILE_DEFINITIONS
             "CPPHTTPLIB_OPENSSL_SUPPORT;CPPHTTPLIB_ZLIB_SUPPORT;CPPHTTPLIB_BROTLI_SUPPORT"
)
target_link_libraries(httplib::httplib INTERFACE Threads::Threads ZLIB::ZLIB
                                                 OpenSSL::SSL OpenSSL::Crypto)

# elfutils' libelf, from its archive where there is one: `proxymeter run` is the
# same program, and must not need a library more in a crawler's image.
find_library(ELF_LIBRARY NAMES libelf.a elf REQUIRED)
find_path(ELF_INCLUDE_DIR gelf.h REQUIRED)
add_library(elf::elf UNKNOWN IMPORTED)
set_target_properties(
  elf::elf
  PROPERTIES IMPORTED_LOCATION ${ELF_LIBRARY}
             INTERFACE_INCLUDE_DIRECTORIES ${ELF_INCLUDE_DIR}
             INTERFACE_LINK_LIBRARIES ZLIB::ZLIB)

# From its archive where there is one, as above.
find_library(DEFLATE_LIBRARY NAMES libdeflate.a deflate REQUIRED)
find_path(DEFLATE_INCLUDE_DIR libdeflate.h REQUIRED)
add_library(deflate::deflate UNKNOWN IMPORTED)
set_target_properties(
  deflate::deflate PROPERTIES IMPORTED_LOCATION ${DEFLATE_LIBRARY}
                              INTERFACE_INCLUDE_DIRECTORIES
                              ${DEFLATE_INCLUDE_DIR})

# Netlink: what the kernel says of sockets.
find_library(PSL_LIBRARY psl REQUIRED)
find_path(PSL_INCLUDE_DIR libpsl.h REQUIRED)
add_library(psl::psl SHARED IMPORTED)
set_target_properties(
  psl::psl PROPERTIES IMPORTED_LOCATION ${PSL_LIBRARY}
                      INTERFACE_INCLUDE_DIRECTORIES ${PSL_INCLUDE_DIR})
find_library(MNL_LIBRARY mnl REQUIRED)
find_path(MNL_INCLUDE_DIR libmnl/libmnl.h REQUIRED)
add_library(mnl::mnl UNKNOWN IMPORTED)
set_target_properties(
  mnl::mnl PROPERTIES IMPORTED_LOCATION ${MNL_LIBRARY}
                      INTERFACE_INCLUDE_DIRECTORIES ${MNL_INCLUDE_DIR})

# HPACK for the preload library, which may need no library: its archive.
find_library(NGHTTP2_LIBRARY libnghttp2.a REQUIRED)
find_path(NGHTTP2_INCLUDE_DIR nghttp2/nghttp2.h REQUIRED)
add_library(nghttp2::nghttp2 STATIC IMPORTED)
set_target_properties(
  nghttp2::nghttp2 PROPERTIES IMPORTED_LOCATION ${NGHTTP2_LIBRARY}
                              INTERFACE_INCLUDE_DIRECTORIES
                              ${NGHTTP2_INCLUDE_DIR})

find_program(NANOPB_PROTOC_PLUGIN protoc-gen-nanopb REQUIRED)

option(PROXYMETER_STATIC_GRPC "Link gRPC, Abseil and protobuf statically" OFF)
if(PROXYMETER_STATIC_GRPC)
  include(StaticLibraries)
endif()
