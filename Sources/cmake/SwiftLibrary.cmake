# SPDX-License-Identifier: MIT
#
# The shared library: SwiftPM builds it, CMake gives it to C as the imported
# target `replay`. SwiftPM runs in every build and does nothing if nothing
# changed.

find_program(SWIFT swift REQUIRED)

set(_root ${CMAKE_CURRENT_SOURCE_DIR})
set(_scratch ${CMAKE_CURRENT_BINARY_DIR}/swiftpm)
set(REPLAY_LIBRARY_DIR ${CMAKE_CURRENT_BINARY_DIR}/lib)
set(REPLAY_INSTALLED_DIR ${CMAKE_CURRENT_BINARY_DIR}/lib-installed)
set(_installed ${REPLAY_INSTALLED_DIR}/libreplay.so.${PROJECT_VERSION})
set(REPLAY_LIBRARY ${REPLAY_LIBRARY_DIR}/libreplay.so.${PROJECT_VERSION})

# A folder in which -lstdc++ finds the static archive and nothing else, so that
# the library carries what the Swift runtime needs of C++.
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libstdc++.a
    OUTPUT_VARIABLE _libstdcxx OUTPUT_STRIP_TRAILING_WHITESPACE)
set(REPLAY_STATIC_DIR ${CMAKE_CURRENT_BINARY_DIR}/static-libraries)
file(MAKE_DIRECTORY ${REPLAY_STATIC_DIR} ${REPLAY_LIBRARY_DIR})
file(CREATE_LINK ${_libstdcxx} ${REPLAY_STATIC_DIR}/libstdc++.a SYMBOLIC)

# DWARF 4 for the C sources, as Swift writes it: valgrind 3.19 gives up on clang's
# DWARF 5. lld, because gold leaves local symbols among the dynamic ones.
set(_flags
    -Xcc -gdwarf-4
    -Xswiftc -use-ld=lld
    -Xswiftc -static-stdlib
    -Xswiftc -no-toolchain-stdlib-rpath
    -Xswiftc -L${REPLAY_STATIC_DIR}
    -Xswiftc -Xclang-linker -Xswiftc -static-libgcc
    -Xlinker -soname=libreplay.so.${REPLAY_SOVERSION}
    -Xlinker --version-script=${_root}/Sources/CReplay/replay.map
    -Xlinker --no-undefined-version
    -Xlinker -z -Xlinker nodelete)
# The Swift runtime keeps the number of each thread, for locks that the kernel checks, and a
# forked child still has its parent's: Sources/CReplay/process.c makes it forget.
set(_thread_number _ZZN5swift14threading_impl5linux13ulock_get_tidEvE3tid)
execute_process(COMMAND ${SWIFT}c -print-target-info OUTPUT_VARIABLE _info COMMAND_ERROR_IS_FATAL ANY)
string(JSON _resources GET "${_info}" paths runtimeResourcePath)
execute_process(COMMAND ${CMAKE_NM} ${_resources}_static/linux/libswiftCore.a
    OUTPUT_VARIABLE _symbols ERROR_QUIET)
if(_symbols MATCHES ${_thread_number})
    list(APPEND _flags -Xcc -DREPLAY_SWIFT_THREAD_NUMBER)
else()
    message(WARNING "this Swift runtime has no ${_thread_number}: a program that forks after it loaded "
        "the library may hang in the child")
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
    set(_configuration debug)
else()
    set(_configuration release)
    list(APPEND _flags -Xswiftc -enforce-exclusivity=unchecked)
    if(NOT REPLAY_SANITIZE)
        # A short call costs up to a seventh less. Debuggers and profilers unwind by .eh_frame; the sanitizers don't.
        list(APPEND _flags --omit-frame-pointers)
    endif()
endif()
if(REPLAY_SANITIZE)
    # The sanitizer's runtime is the host's: its symbols stay undefined here.
    list(APPEND _flags --sanitize=${REPLAY_SANITIZE})
    if(REPLAY_SANITIZE STREQUAL "fuzzer")
        list(APPEND _flags --sanitize=address)
    endif()
else()
    list(APPEND _flags -Xlinker -z -Xlinker defs)
endif()

add_custom_target(replay-swift ALL
    COMMAND ${SWIFT} build --package-path ${_root} --scratch-path ${_scratch}
        -c ${_configuration} --product replay ${_flags}
    COMMAND ${CMAKE_COMMAND} -E copy_if_different
        ${_scratch}/${_configuration}/libreplay.so ${REPLAY_LIBRARY}
    COMMAND ${CMAKE_COMMAND} -E create_symlink
        libreplay.so.${PROJECT_VERSION} ${REPLAY_LIBRARY_DIR}/libreplay.so.${REPLAY_SOVERSION}
    COMMAND ${CMAKE_COMMAND} -E create_symlink
        libreplay.so.${REPLAY_SOVERSION} ${REPLAY_LIBRARY_DIR}/libreplay.so
    # What is installed: stripped, with its debug information in a file beside it.
    COMMAND ${CMAKE_COMMAND} -E make_directory ${REPLAY_INSTALLED_DIR}
    COMMAND ${CMAKE_OBJCOPY} --only-keep-debug ${REPLAY_LIBRARY} ${_installed}.debug
    COMMAND ${CMAKE_COMMAND} -E chdir ${REPLAY_INSTALLED_DIR} ${CMAKE_OBJCOPY} --strip-unneeded
        --add-gnu-debuglink=libreplay.so.${PROJECT_VERSION}.debug ${REPLAY_LIBRARY} ${_installed}
    BYPRODUCTS ${REPLAY_LIBRARY} ${_installed} ${_installed}.debug
    COMMENT "Building libreplay.so.${PROJECT_VERSION} by SwiftPM"
    USES_TERMINAL VERBATIM)

add_library(replay SHARED IMPORTED GLOBAL)
set_target_properties(replay PROPERTIES
    IMPORTED_LOCATION ${REPLAY_LIBRARY}
    IMPORTED_SONAME libreplay.so.${REPLAY_SOVERSION}
    INTERFACE_INCLUDE_DIRECTORIES ${_root}/include
    INTERFACE_LINK_LIBRARIES Threads::Threads)
add_dependencies(replay replay-swift)
add_library(libreplay::replay ALIAS replay)
