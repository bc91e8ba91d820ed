# SPDX-License-Identifier: MIT
# Tests of the examples; not installed.

find_package(Python3 REQUIRED COMPONENTS Interpreter)

# With the icount at which the machine ends.
foreach(_name minimal-host loop-host frame-host)
    set(_icount 50000000)
    if(_name STREQUAL frame-host)
        set(_icount 300)
    endif()
    add_test(NAME examples-${_name}
        COMMAND ./test-host $<TARGET_FILE:${_name}> $<TARGET_FILE:${_name}-stubs> ${_icount}
        WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set_tests_properties(examples-${_name} PROPERTIES TIMEOUT 60)
endforeach()

# Keys until the very end, in so many rounds.
foreach(_name minimal-host loop-host frame-host)
    set(_rounds 2)
    if(_name STREQUAL minimal-host)
        set(_rounds 10)
    endif()
    add_test(NAME examples-last-keys-${_name}
        COMMAND ./test-last-keys $<TARGET_FILE:${_name}> ${_rounds}
        WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set_tests_properties(examples-last-keys-${_name} PROPERTIES TIMEOUT 120)
endforeach()

add_test(NAME examples-continue
    COMMAND ./test-continue $<TARGET_FILE:continue-host>
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
set_tests_properties(examples-continue PROPERTIES TIMEOUT 60)

add_test(NAME examples-poll-host
    COMMAND ./test-poll-host $<TARGET_FILE:poll-host> $<TARGET_FILE:poll-host-stubs>
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
set_tests_properties(examples-poll-host PROPERTIES TIMEOUT 60)

# replay/log.h from Python.
add_test(NAME examples-list-recordings
    COMMAND ./test-list-recordings $<TARGET_FILE:minimal-host> ${REPLAY_LIBRARY_DIR}/libreplay.so.${REPLAY_SOVERSION}
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
set_tests_properties(examples-list-recordings PROPERTIES TIMEOUT 60)

# Compiled, never run: what the documents show besides.
add_library(example-snippets OBJECT snippets.c snippets-table.c)
target_link_libraries(example-snippets PRIVATE libreplay::replay PkgConfig::GLIB)

add_test(NAME examples-documents COMMAND ./check-documents
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
set_tests_properties(examples-documents PROPERTIES TIMEOUT 60)

# The links of all pages, in the repository's web view and in DocC.
add_test(NAME examples-links COMMAND ../tools/make-pages
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
set_tests_properties(examples-links PROPERTIES TIMEOUT 60)
