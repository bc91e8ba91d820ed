# SPDX-License-Identifier: MIT
#
# -DREPLAY_SANITIZE=thread|address. Host and library must share one sanitizer
# runtime, which comes with the compiler: use the Swift toolchain's clang
# (c-harness/tools/sanitize does all of it).

if(NOT REPLAY_SANITIZE)
    return()
endif()
if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "REPLAY_SANITIZE needs -DCMAKE_C_COMPILER= the Swift toolchain's clang")
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
