# SPDX-License-Identifier: MIT
#
# CPack runs this when the packages' files are in place, and adds what Debian's policy asks
# of each package. The files of a component are below its folder.

string(TIMESTAMP _date "%a, %d %b %Y %H:%M:%S +0000" UTC) # SOURCE_DATE_EPOCH, if that is set
set(_changelog ${CPACK_TEMPORARY_DIRECTORY}/changelog)
file(WRITE ${_changelog} "libreplay (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium

  * What has changed is in CHANGELOG.md of libreplay-dev.

 -- ${CPACK_PACKAGE_CONTACT}  ${_date}
")
execute_process(COMMAND gzip -9n ${_changelog} COMMAND_ERROR_IS_FATAL ANY)

foreach(_component ${CPACK_COMPONENTS_ALL})
    string(TOUPPER ${_component} _upper)
    set(_usr ${CPACK_TEMPORARY_DIRECTORY}/${_component}/usr)
    set(_documents ${_usr}/share/doc/${CPACK_DEBIAN_${_upper}_PACKAGE_NAME})
    file(MAKE_DIRECTORY ${_documents})
    configure_file(${CMAKE_CURRENT_LIST_DIR}/copyright ${_documents}/copyright COPYONLY)
    configure_file(${_changelog}.gz ${_documents}/changelog.gz COPYONLY)
    file(GLOB_RECURSE _manuals ${_usr}/share/man/*)
    if(_manuals)
        execute_process(COMMAND gzip -9n ${_manuals} COMMAND_ERROR_IS_FATAL ANY)
    endif()
    file(GLOB_RECURSE _libraries ${_usr}/lib/*.so.*)
    foreach(_library ${_libraries})
        if(NOT IS_SYMLINK ${_library})
            file(CHMOD ${_library} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
        endif()
    endforeach()
endforeach()
file(REMOVE ${_changelog}.gz)
