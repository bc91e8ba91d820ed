/* SPDX-License-Identifier: MIT */
/* For builds with the thread sanitizer only. A contended Swift Mutex goes into
   the standard library, whose code is not instrumented, so the sanitizer sees
   neither who waited nor for whom, and reports races that are none. The linker
   (--wrap) puts these functions around the two slow paths, to tell it.

   A Swift method's self, here the address of the mutex, is in r13. */

    .text

    .globl "__wrap_$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
"__wrap_$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF":
    push %rbp
    mov %rsp, %rbp
    call "__real_$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
    mov %r13, %rdi
    call __tsan_acquire@PLT
    pop %rbp
    ret

    .globl "__wrap_$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
"__wrap_$s15Synchronization12_MutexHandleV11_unlockSlowyyF":
    push %rbp
    mov %rsp, %rbp
    mov %r13, %rdi
    call __tsan_release@PLT
    pop %rbp
    jmp "__real_$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

    .section .note.GNU-stack, "", @progbits
