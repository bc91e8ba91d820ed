# SPDX-License-Identifier: MIT
#
# The tool replay-log: a Swift package of its own, so that the library depends on no other package.
# SwiftPM fetches swift-argument-parser for it; -DREPLAY_TOOL=OFF leaves it out.

option(REPLAY_TOOL "Build and install replay-log" ON)
if(NOT REPLAY_TOOL OR REPLAY_SANITIZE)
    return()
endif()

set(_scratch ${CMAKE_CURRENT_BINARY_DIR}/swiftpm-tool)
set(REPLAY_LOG_TOOL ${CMAKE_CURRENT_BINARY_DIR}/bin/replay-log)
set(_installed_tool ${CMAKE_CURRENT_BINARY_DIR}/bin-installed/replay-log)

# Its manual page and completions are made from what it says about its own command line.
find_package(Python3 COMPONENTS Interpreter)
set(_described ${CMAKE_CURRENT_BINARY_DIR}/tool-documents)
set(_describe_tool COMMAND ${CMAKE_COMMAND} -E make_directory ${_described})
foreach(_shell bash zsh fish)
    list(APPEND _describe_tool
        COMMAND ${REPLAY_LOG_TOOL} --generate-completion-script ${_shell} > ${_described}/${_shell})
endforeach()
if(Python3_FOUND)
    list(APPEND _describe_tool COMMAND Python3::Interpreter
        ${CMAKE_CURRENT_SOURCE_DIR}/Sources/replay-log/make-manual
        ${REPLAY_LOG_TOOL} ${PROJECT_VERSION} > ${_described}/replay-log.1)
else()
    message(STATUS "Without Python 3 replay-log has no manual page")
endif()

# SwiftPM doesn't plan again when files of the library's package, which the tool's depends on,
# come or go: its plan is removed. What is built already stays.
add_custom_target(replay-log ALL
    COMMAND ${CMAKE_COMMAND} -E rm -f ${_scratch}/release.yaml
    COMMAND ${SWIFT} build --package-path ${CMAKE_CURRENT_SOURCE_DIR}/Sources/replay-log
        --scratch-path ${_scratch} -c release --product replay-log
        -Xswiftc -use-ld=lld -Xswiftc -static-stdlib -Xswiftc -L${REPLAY_STATIC_DIR}
        -Xswiftc -Xclang-linker -Xswiftc -static-libgcc -Xswiftc -enforce-exclusivity=unchecked
    COMMAND ${CMAKE_COMMAND} -E make_directory
        ${CMAKE_CURRENT_BINARY_DIR}/bin ${CMAKE_CURRENT_BINARY_DIR}/bin-installed
    COMMAND ${CMAKE_COMMAND} -E copy_if_different ${_scratch}/release/replay-log ${REPLAY_LOG_TOOL}
    COMMAND ${CMAKE_OBJCOPY} --strip-all ${REPLAY_LOG_TOOL} ${_installed_tool}
    ${_describe_tool}
    BYPRODUCTS ${REPLAY_LOG_TOOL} ${_installed_tool}
    COMMENT "Building replay-log by SwiftPM"
    USES_TERMINAL VERBATIM)

# install_tool(COMPONENT [EXCLUDE_FROM_ALL])
function(install_tool component)
    install(PROGRAMS ${CMAKE_CURRENT_BINARY_DIR}/bin-installed/replay-log
        DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT ${component} ${ARGN})
    # Where Debian's shells look.
    foreach(_place bash|bash-completion/completions/replay-log zsh|zsh/vendor-completions/_replay-log
            fish|fish/vendor_completions.d/replay-log.fish)
        string(REGEX MATCH "^([a-z]+)\\|(.*)/([^/]+)$" _ ${_place})
        install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tool-documents/${CMAKE_MATCH_1}
            DESTINATION ${CMAKE_INSTALL_DATADIR}/${CMAKE_MATCH_2} RENAME ${CMAKE_MATCH_3}
            COMPONENT ${component} ${ARGN})
    endforeach()
    if(Python3_FOUND)
        install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tool-documents/replay-log.1
            DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT ${component} ${ARGN})
    endif()
endfunction()
install_tool(tool)
