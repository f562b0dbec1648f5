# The unwinder of the compiler's own libgcc, as two objects in which every symbol
# has the prefix proxymeter_gcc_. So it cannot mix with the unwinder that throws
# exceptions in the program, and what it would ask of libc (abort, malloc, and
# _dl_find_object, which is glibc 2.35's) it asks of us: see libgcc_walk.cc.

execute_process(
  COMMAND ${CMAKE_C_COMPILER} -print-file-name=libgcc_eh.a
  OUTPUT_VARIABLE LIBGCC_EH
  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)

set(LIBGCC_UNWINDER)
foreach(MEMBER unwind-dw2 unwind-dw2-fde-dip)
  set(OBJECT ${CMAKE_CURRENT_BINARY_DIR}/libgcc/${MEMBER}.o)
  set(PLAIN ${CMAKE_CURRENT_BINARY_DIR}/libgcc/plain)
  add_custom_command(
    OUTPUT ${OBJECT}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PLAIN}/${MEMBER}
    COMMAND ${CMAKE_COMMAND} -E chdir ${PLAIN}/${MEMBER} ${CMAKE_AR} x
            ${LIBGCC_EH} ${MEMBER}.o
    COMMAND ${CMAKE_OBJCOPY} --prefix-symbols=proxymeter_gcc_
            ${PLAIN}/${MEMBER}/${MEMBER}.o ${OBJECT}
    # The linker's own name.
    COMMAND
      ${CMAKE_OBJCOPY} --redefine-sym
      proxymeter_gcc__GLOBAL_OFFSET_TABLE_=_GLOBAL_OFFSET_TABLE_ ${OBJECT}
    DEPENDS ${LIBGCC_EH}
    VERBATIM)
  set_source_files_properties(${OBJECT} PROPERTIES EXTERNAL_OBJECT TRUE
                                                   GENERATED TRUE)
  list(APPEND LIBGCC_UNWINDER ${OBJECT})
endforeach()
