# The live page: web/ bundled by esbuild, as npm brings it, in the build folder;
# the source tree is left alone.
#
# Sanitizers and fuzzers have nothing to find in it: their builds, and whoever
# has no npm, do without, and say so at `/`.
if(PROXYMETER_SANITIZE)
  set(default OFF)
else()
  set(default ON)
endif()
option(PROXYMETER_LIVE_PAGE "Bundle the live page into the program; needs npm"
       ${default})

# proxymeter_live_page(SOURCE): SOURCE is made of it.
function(proxymeter_live_page SOURCE)
  set(web ${PROJECT_SOURCE_DIR}/web)
  set(embed ${PROJECT_SOURCE_DIR}/cmake/EmbedPage.cmake)
  if(NOT PROXYMETER_LIVE_PAGE)
    add_custom_command(
      OUTPUT ${SOURCE}
      COMMAND ${CMAKE_COMMAND} -DOUTPUT=${SOURCE} -DFROM=${web}
              -DFILES=index.txt -P ${embed}
      DEPENDS ${embed} ${web}/index.txt
      VERBATIM)
    return()
  endif()

  find_program(PROXYMETER_NPM npm)
  find_program(PROXYMETER_NODE NAMES node nodejs)
  if(NOT PROXYMETER_NPM OR NOT PROXYMETER_NODE)
    message(
      FATAL_ERROR
        "The live page is bundled with npm and Node.js, and they are not here: "
        "run scripts/install-packages, or leave the page out with "
        "-DPROXYMETER_LIVE_PAGE=OFF.")
  endif()

  set(work ${PROJECT_BINARY_DIR}/web)
  set(manifests ${web}/package.json ${web}/package-lock.json)
  # Again only when what is to be installed changes.
  add_custom_command(
    OUTPUT ${work}/installed
    COMMAND ${CMAKE_COMMAND} -E make_directory ${work}
    COMMAND ${CMAKE_COMMAND} -E copy ${manifests} ${work}
    COMMAND ${PROXYMETER_NPM} ci --ignore-scripts --no-audit --no-fund
            --loglevel=error
    COMMAND ${CMAKE_COMMAND} -E touch ${work}/installed
    DEPENDS ${manifests}
    WORKING_DIRECTORY ${PROJECT_BINARY_DIR}/web
    COMMENT "Installing what bundles the live page (npm ci)"
    VERBATIM)
  file(MAKE_DIRECTORY ${work})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${web}/src/*)
  set(files index.html page.js page.css icon.svg)
  list(TRANSFORM files PREPEND ${work}/page/ OUTPUT_VARIABLE outputs)
  add_custom_command(
    OUTPUT ${outputs}
    COMMAND ${CMAKE_COMMAND} -E env NODE_PATH=${work}/node_modules
            ${PROXYMETER_NODE} ${work}/node_modules/esbuild/bin/esbuild
            ${web}/src/page.js ${web}/src/page.css --bundle --minify
            --format=esm --target=es2020 --charset=utf8 --log-level=warning
            --legal-comments=inline --outdir=${work}/page
    COMMAND ${CMAKE_COMMAND} -E copy ${web}/src/index.html
            ${web}/src/icon.svg ${work}/page
    DEPENDS ${work}/installed ${sources}
    COMMENT "Bundling the live page"
    VERBATIM)
  add_custom_command(
    OUTPUT ${SOURCE}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${SOURCE} -DFROM=${work}/page
            "-DFILES=${files}" -P ${embed}
    DEPENDS ${embed} ${outputs}
    VERBATIM)
endfunction()
