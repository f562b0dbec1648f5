# Run by the build: writes OUTPUT, a source file that holds the text of FILES.
# docs: collector/policy/catalogue.h
set(entries "")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} text)
  string(APPEND entries "    {\"${name}\", R\"YAML(${text})YAML\"},\n")
endforeach()
file(
  WRITE ${OUTPUT}
  "#include \"collector/policy/catalogue.h\"

namespace proxymeter::collector {

std::span<const CatalogueFile> CatalogueFiles() {
  static constexpr CatalogueFile kFiles[] = {
${entries}  };
  return kFiles;
}

}  // namespace proxymeter::collector
")
