# SPDX-License-Identifier: MIT
# Tests of the examples; not installed.

find_package(Python3 REQUIRED COMPONENTS Interpreter)

foreach(_name minimal-host loop-host)
    add_test(NAME examples-${_name}
        COMMAND ./test-host $<TARGET_FILE:${_name}> $<TARGET_FILE:${_name}-stubs>
        WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set_tests_properties(examples-${_name} PROPERTIES TIMEOUT 60)
endforeach()

add_test(NAME examples-documents COMMAND ./check-documents
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
set_tests_properties(examples-documents PROPERTIES TIMEOUT 60)
