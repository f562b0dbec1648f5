# Links gRPC, Abseil and protobuf from their archives: the dynamic loader takes
# 10 ms for their sixty shared objects, and `proxymeter run` would add that to
# every start of a crawler. Debian's CMake packages name shared objects only, so
# the locations of their imported targets are changed here.
#
# Must be included where the targets were found, after the last find_package.
get_directory_property(IMPORTED IMPORTED_TARGETS)
foreach(LIBRARY IN LISTS IMPORTED)
  if(NOT LIBRARY MATCHES "^(gRPC|absl|protobuf)::")
    continue()
  endif()
  foreach(NAME IMPORTED_LOCATION IMPORTED_LOCATION_NONE
               IMPORTED_LOCATION_RELEASE)
    get_target_property(LOCATION ${LIBRARY} ${NAME})
    if(LOCATION MATCHES "^(.*)\\.so[.0-9]*$")
      set(ARCHIVE ${CMAKE_MATCH_1}.a)
      if(EXISTS ${ARCHIVE})
        set_target_properties(${LIBRARY} PROPERTIES ${NAME} ${ARCHIVE})
      endif()
    endif()
  endforeach()
endforeach()
