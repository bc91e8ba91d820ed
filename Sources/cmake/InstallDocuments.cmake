# SPDX-License-Identifier: MIT
#
# install_documents(DOCDIR [COMPONENT …]): the pages for users, and the examples that they
# quote. A link to a file that is not installed becomes that file's name. Text between the
# comments "source tree" and "end" is left out.

set(_pages README.md CHANGELOG.md SECURITY.md)
file(GLOB _catalogue RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS Sources/Replay/Replay.docc/*.md)
list(FILTER _catalogue EXCLUDE REGEX "/(Architecture|Decisions)\\.md$") # for contributors
list(APPEND _pages ${_catalogue})
set(_installed ${_pages} LICENSE)

foreach(_page ${_pages})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${_page})
    get_filename_component(_folder ${_page} DIRECTORY)
    file(READ ${_page} _text)
    string(FIND "${_text}" "<!-- source tree -->" _from)
    while(_from GREATER_EQUAL 0)
        string(FIND "${_text}" "<!-- end -->" _to)
        math(EXPR _to "${_to} + 12") # the length of the comment
        string(SUBSTRING "${_text}" 0 ${_from} _before)
        string(SUBSTRING "${_text}" ${_to} -1 _after)
        set(_text "${_before}${_after}")
        string(FIND "${_text}" "<!-- source tree -->" _from)
    endwhile()
    # Brackets and semicolons mean something in CMake's lists.
    string(REPLACE "](" "@LINK@" _text "${_text}")
    string(REGEX MATCHALL "@LINK@[^)#: ]+" _targets "${_text}")
    list(REMOVE_DUPLICATES _targets)
    foreach(_target ${_targets})
        string(REPLACE "@LINK@" "" _target ${_target})
        get_filename_component(_file ${_target} ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR}/${_folder})
        file(RELATIVE_PATH _file ${PROJECT_SOURCE_DIR} ${_file})
        if(NOT _file IN_LIST _installed)
            string(REGEX REPLACE "\\[([^][]*)@LINK@${_target}(#[^)]*)?\\)"
                "\\1 (`${_file}` in the source tree)" _text "${_text}")
        endif()
    endforeach()
    string(REPLACE "@LINK@" "](" _text "${_text}")
    string(REGEX REPLACE "^(# [^\n]*\n)" "\\1\n> Installed with libreplay ${PROJECT_VERSION}. Files and programs \
that this page names and that are not installed are in the source tree, or in its build.\n" _text "${_text}")
    file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/documents/${_page} CONTENT "${_text}" @ONLY)
endforeach()
set(REPLAY_PAGES ${_pages})

function(install_documents docdir)
    foreach(_page ${REPLAY_PAGES})
        get_filename_component(_folder ${_page} DIRECTORY)
        install(FILES ${CMAKE_CURRENT_BINARY_DIR}/documents/${_page} DESTINATION ${docdir}/${_folder} ${ARGN})
    endforeach()
    install(FILES LICENSE DESTINATION ${docdir} ${ARGN})
    install(DIRECTORY c-harness/examples DESTINATION ${docdir}/c-harness ${ARGN}
        FILES_MATCHING PATTERN "*-host.c" PATTERN "*.py" PATTERN "CMakeLists.txt")
endfunction()
