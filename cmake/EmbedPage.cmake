# Run by the build: writes OUTPUT, a source file that holds FILES of the folder
# FROM. docs: collector/web/page_files.h. As numbers, since a string literal is
# bounded and one of raw text could be ended by the text.
set(arrays "")
set(entries "")
foreach(file IN LISTS FILES)
  get_filename_component(extension ${file} LAST_EXT)
  if(extension STREQUAL ".html")
    set(type "text/html; charset=utf-8")
  elseif(extension STREQUAL ".js")
    set(type "text/javascript; charset=utf-8")
  elseif(extension STREQUAL ".css")
    set(type "text/css; charset=utf-8")
  elseif(extension STREQUAL ".svg")
    set(type "image/svg+xml")
  else()
    set(type "text/plain; charset=utf-8")
  endif()
  if(file MATCHES "^index\\.")
    set(path "/")
  else()
    set(path "/${file}")
  endif()
  file(READ ${FROM}/${file} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)"
                       "\\1\n    " bytes "${bytes}")
  string(MAKE_C_IDENTIFIER "k_${file}" name)
  string(APPEND arrays "constexpr unsigned char ${name}[] = {\n    ${bytes}};\n")
  string(APPEND entries
         "    {\"${path}\", \"${type}\",\n"
         "     {reinterpret_cast<const char*>(${name}), sizeof ${name}}},\n")
endforeach()
file(
  WRITE ${OUTPUT}
  "#include \"collector/web/page_files.h\"

namespace proxymeter::collector {
namespace {

${arrays}
}  // namespace

std::span<const PageFile> PageFiles() {
  static const PageFile kFiles[] = {
${entries}  };
  return kFiles;
}

}  // namespace proxymeter::collector
")
