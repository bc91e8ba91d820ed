# SPDX-License-Identifier: MIT
#
# What `cmake --install` puts where: library, stubs, headers, pkg-config files
# and the package for find_package(libreplay). Packages.cmake puts the same into
# Debian's packages, at Debian's places.

include(CMakePackageConfigHelpers)

# install_library(LIBDIR DEBUGDIR DOCDIR RUNTIME DEVELOPMENT DEBUG [EXCLUDE_FROM_ALL])
#   LIBDIR …   below the prefix
#   RUNTIME …  the components: the library; what hosts are built with; debug information
function(install_library libdir debugdir docdir runtime development debug)
    set(_runtime COMPONENT ${runtime} ${ARGN})
    set(_development COMPONENT ${development} ${ARGN})
    set(_version ${PROJECT_VERSION})
    set(_built ${CMAKE_CURRENT_BINARY_DIR}/install-${development})

    install(FILES
        ${REPLAY_INSTALLED_DIR}/libreplay.so.${_version}
        ${REPLAY_LIBRARY_DIR}/libreplay.so.${REPLAY_SOVERSION}
        DESTINATION ${libdir} ${_runtime}
        PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
            WORLD_READ WORLD_EXECUTE)
    install(FILES ${REPLAY_INSTALLED_DIR}/libreplay.so.${_version}.debug
        DESTINATION ${debugdir} COMPONENT ${debug} ${ARGN})
    install(FILES ${REPLAY_LIBRARY_DIR}/libreplay.so DESTINATION ${libdir} ${_development})
    install(FILES $<TARGET_FILE:replay-stubs> DESTINATION ${libdir} ${_development})
    install(DIRECTORY include/replay DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} ${_development}
        FILES_MATCHING PATTERN "*.h")
    install_documents(${docdir} ${_development})

    # Paths in the pkg-config files start from the file itself, so that an
    # installation can be moved.
    set(REPLAY_LIBDIR ${libdir})
    file(RELATIVE_PATH REPLAY_PKGCONFIG_TO_PREFIX /${libdir}/pkgconfig /)
    foreach(_name replay replay-stubs)
        configure_file(Sources/cmake/${_name}.pc.in ${_built}/${_name}.pc @ONLY)
        install(FILES ${_built}/${_name}.pc DESTINATION ${libdir}/pkgconfig ${_development})
    endforeach()

    set(_package ${libdir}/cmake/libreplay)
    file(RELATIVE_PATH REPLAY_PACKAGE_TO_PREFIX /${_package} /)
    configure_package_config_file(Sources/cmake/libreplay-config.cmake.in
        ${_built}/libreplay-config.cmake INSTALL_DESTINATION ${_package} NO_SET_AND_CHECK_MACRO)
    write_basic_package_version_file(${_built}/libreplay-config-version.cmake
        VERSION ${_version} COMPATIBILITY SameMinorVersion)
    install(FILES ${_built}/libreplay-config.cmake ${_built}/libreplay-config-version.cmake
        DESTINATION ${_package} ${_development})
endfunction()

include(InstallDocuments)
install_library(${CMAKE_INSTALL_LIBDIR} ${CMAKE_INSTALL_LIBDIR} ${CMAKE_INSTALL_DOCDIR}
    runtime development development)
