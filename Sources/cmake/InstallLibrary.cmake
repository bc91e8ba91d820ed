# SPDX-License-Identifier: MIT
#
# What `cmake --install` puts where: library, stubs, headers, pkg-config files
# and the package for find_package(libreplay).

include(CMakePackageConfigHelpers)

install(FILES
    ${REPLAY_INSTALLED_DIR}/libreplay.so.${PROJECT_VERSION}
    ${REPLAY_LIBRARY_DIR}/libreplay.so.${REPLAY_SOVERSION}
    ${REPLAY_LIBRARY_DIR}/libreplay.so
    DESTINATION ${CMAKE_INSTALL_LIBDIR}
    PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
        WORLD_READ WORLD_EXECUTE)
install(FILES ${REPLAY_INSTALLED_DIR}/libreplay.so.${PROJECT_VERSION}.debug
    DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS replay-stubs ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/replay DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.h")
include(InstallDocuments)

# Paths in the pkg-config files start from the file itself, so that an
# installation can be moved.
set(_pkgconfig ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH REPLAY_PKGCONFIG_TO_PREFIX /${_pkgconfig} /)
foreach(_name replay replay-stubs)
    configure_file(Sources/cmake/${_name}.pc.in ${_name}.pc @ONLY)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${_name}.pc DESTINATION ${_pkgconfig})
endforeach()

set(_package ${CMAKE_INSTALL_LIBDIR}/cmake/libreplay)
configure_package_config_file(Sources/cmake/libreplay-config.cmake.in libreplay-config.cmake
    INSTALL_DESTINATION ${_package}
    PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(libreplay-config-version.cmake
    VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
install(FILES
    ${CMAKE_CURRENT_BINARY_DIR}/libreplay-config.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/libreplay-config-version.cmake
    DESTINATION ${_package})
