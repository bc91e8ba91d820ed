# SPDX-License-Identifier: MIT
#
# Debian packages, by CPack's generator DEB, from what is built already:
#
#   libreplayN       the shared library
#   libreplay-dev    headers, stubs, pkg-config and CMake files, pages, examples
#   libreplayN-dbgsym  debug information
#   replay-log       the tool
#
# Whatever prefix the build has, they install below /usr, at Debian's places.

if(NOT CMAKE_LIBRARY_ARCHITECTURE)
    return() # not Debian's layout
endif()

set(REPLAY_MAINTAINER "libreplay maintainers <libreplay@localhost>"
    CACHE STRING "Who made the Debian packages")

set(_library libreplay${REPLAY_SOVERSION})
set(_libdir lib/${CMAKE_LIBRARY_ARCHITECTURE})
install_library(${_libdir} lib/debug/usr/${_libdir} share/doc/libreplay-dev
    deb-library deb-development deb-debug EXCLUDE_FROM_ALL)
set(CPACK_COMPONENTS_ALL deb-library deb-development deb-debug)
if(COMMAND install_tool)
    install_tool(deb-tool EXCLUDE_FROM_ALL)
    list(APPEND CPACK_COMPONENTS_ALL deb-tool)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME libreplay)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT ${REPLAY_MAINTAINER})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/packages)
set(CPACK_STRIP_FILES OFF) # they are
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# Copyright, changelog, permissions: what Debian's policy asks of each package.
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_SOURCE_DIR}/Sources/cmake/debian/complete.cmake)

# describe(COMPONENT PACKAGE SECTION SUMMARY TEXT)
macro(describe component package section summary text)
    string(TOUPPER ${component} _upper)
    set(CPACK_DEBIAN_${_upper}_PACKAGE_NAME ${package})
    set(CPACK_DEBIAN_${_upper}_PACKAGE_SECTION ${section})
    set(CPACK_DEBIAN_${_upper}_DESCRIPTION "${summary}\n${text}")
endmacro()
describe(deb-library ${_library} libs "deterministic record and replay for emulators"
    "An emulator that calls this library records a run of its guest, and replays it\n\
bit for bit: forward, backward, and under gdb.")
describe(deb-development libreplay-dev libdevel "files to build emulators with libreplay"
    "Headers, an archive of stubs for programs that run without the library, files\n\
for pkg-config and CMake, documentation, and examples.")
describe(deb-debug ${_library}-dbgsym debug "debug information of libreplay"
    "With it debuggers and profilers show the functions of the library by name.")
describe(deb-tool replay-log utils "shows, verifies and mends recordings of emulators"
    "Reads what emulators have recorded with libreplay, and the logs of QEMU's\n\
record and replay.")

# Programs that are linked with the library depend on its package, and ldconfig finds it.
set(_control ${CMAKE_CURRENT_BINARY_DIR}/debian)
file(CONFIGURE OUTPUT ${_control}/shlibs
    CONTENT "libreplay ${REPLAY_SOVERSION} ${_library} (>= ${PROJECT_VERSION})\n")
file(CONFIGURE OUTPUT ${_control}/triggers CONTENT "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_DEB-LIBRARY_PACKAGE_CONTROL_EXTRA ${_control}/shlibs ${_control}/triggers)
set(CPACK_DEBIAN_DEB-DEVELOPMENT_PACKAGE_DEPENDS "${_library} (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_DEB-DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DEB-DEBUG_PACKAGE_DEPENDS "${_library} (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_DEB-DEBUG_PACKAGE_SHLIBDEPS OFF)
include(CPack)
