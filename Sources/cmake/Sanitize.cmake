# SPDX-License-Identifier: MIT
#
# -DREPLAY_SANITIZE=thread|address|fuzzer. The library finds the sanitizer's
# runtime in the host, so both must be built by the Swift toolchain's compilers.

if(NOT REPLAY_SANITIZE)
    return()
endif()
if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "REPLAY_SANITIZE needs -DCMAKE_C_COMPILER= the Swift toolchain's clang")
endif()
if(REPLAY_SANITIZE STREQUAL "fuzzer")
    # The fuzzer's runtime has a main() of its own: only the fuzz targets link it.
    add_compile_options(-fsanitize=address -fno-omit-frame-pointer -g)
    return()
endif()
add_compile_options(-fsanitize=${REPLAY_SANITIZE} -fno-omit-frame-pointer -g)
add_link_options(-fsanitize=${REPLAY_SANITIZE})
if(REPLAY_SANITIZE STREQUAL "thread")
    # The library finds the runtime's functions in the host. This toolchain's
    # runtime intercepts Dispatch, so a host needs that too.
    add_link_options(-rdynamic)
    execute_process(COMMAND swiftc -print-target-info OUTPUT_VARIABLE _info COMMAND_ERROR_IS_FATAL ANY)
    string(JSON _runtime GET "${_info}" paths runtimeLibraryPaths 0)
    link_libraries(-L${_runtime} -ldispatch -lBlocksRuntime -Wl,-rpath,${_runtime})
endif()
