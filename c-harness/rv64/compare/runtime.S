/* SPDX-License-Identifier: MIT */
/* What every generated program begins with: start, traps, digests, and the end.
 * Generated code keeps its hands off x30 and x31. The digest lies in memory. */

    .option norelax
    .section .text.start, "ax"
    .global _start
_start:
    la t0, trap
    csrw stvec, t0
    li t0, 0x6000
    csrw sstatus, t0
    li t0, 7
    csrw scounteren, t0
    j program

/* The digest takes in the value in x30; called by x28, changes x30 and x31. */
mix:
    sd x29, save_mix, x31
#ifdef TRACE
    la x31, save_trace
    sd x30, 56(x31)
#endif
    la x31, digest
    ld x29, 0(x31)
    xor x29, x29, x30
    li x30, 0x100000001b3
    mul x29, x29, x30
    srli x30, x29, 29
    xor x29, x29, x30
    sd x29, 0(x31)
#ifdef TRACE
    la x31, save_trace          /* every value that goes in is printed, in front of a "+" */
    sd x28, 0(x31)
    sd x1, 8(x31)
    ld x29, 56(x31)
    sd x5, 16(x31)
    mv x5, x29
    li x29, 43
    jal x1, print
    la x31, save_trace
    ld x28, 0(x31)
    ld x1, 8(x31)
    ld x5, 16(x31)
#endif
    ld x29, save_mix
    jr x28

/* Prints x5 in hex after the character in x29; changes x28 to x31. */
print:
    li x31, 0x10000000
    sb x29, 0(x31)
    li x28, 60
1:  srl x29, x5, x28
    andi x29, x29, 15
    la x30, digits
    add x30, x30, x29
    lbu x30, 0(x30)
2:  lbu x29, 5(x31)
    andi x29, x29, 0x20
    beqz x29, 2b
    sb x30, 0(x31)
    addi x28, x28, -4
    bgez x28, 1b
    li x29, 10
    sb x29, 0(x31)
    jr x1

/* A trap: its registers go into the digest, and execution continues after the instruction. An
 * ecall of U mode with a7 = 0x777 continues in S mode. */
    .balign 4
trap:
    csrw sscratch, x30
    la x30, save_trap
    sd x28, 0(x30)
    sd x31, 8(x30)
    sd x29, 16(x30)
    csrr x29, scause
    li x31, 0                   /* the instruction's first half, if it could be fetched */
    addi x28, x29, -1
    beqz x28, 1f
    addi x28, x29, -12
    beqz x28, 1f
    li x28, 0x40000             /* it may lie in a page of U mode */
    csrrs x30, sstatus, x28
    csrr x29, sepc
    lhu x31, 0(x29)
    and x30, x30, x28
    bnez x30, 1f
    csrc sstatus, x28
1:  la x30, save_trap
    sd x31, 24(x30)
    csrr x30, scause
    andi x31, x31, 0x7f         /* QEMU 7.2 tells some faults of an AMO as a load's: the */
    addi x31, x31, -0x2f        /* specification wants those of a store */
    bnez x31, 3f
    addi x31, x30, -5
    beqz x31, 2f
    addi x31, x30, -13
    bnez x31, 3f
2:  addi x30, x30, 2
3:  jal x28, mix
    csrr x30, stval
    csrr x29, scause
    addi x29, x29, -3           /* a breakpoint's value may be its address or nothing */
    bnez x29, 1f
    li x30, 0
    csrw stval, x0
1:  jal x28, mix
    csrr x30, sepc
    la x29, _start
    sub x30, x30, x29
    jal x28, mix
    csrr x30, sstatus
    jal x28, mix
    csrr x29, scause
    addi x28, x29, -8
    bnez x28, 2f
    li x28, 0x777
    bne x28, x17, 2f
    li x28, 0x100
    csrs sstatus, x28
2:  addi x28, x29, -12          /* a fetch that failed was a call: back to the caller */
    bnez x28, 3f
    csrw sepc, x1
    j 5f
3:  addi x28, x29, -1
    bnez x28, 4f
    csrw sepc, x1
    j 5f
4:  la x30, save_trap
    ld x31, 24(x30)
    csrr x29, sepc
    andi x31, x31, 3
    addi x31, x31, -3
    addi x29, x29, 2
    bnez x31, 6f
    addi x29, x29, 2
6:  csrw sepc, x29
5:  la x30, save_trap
    ld x28, 0(x30)
    ld x31, 8(x30)
    ld x29, 16(x30)
    csrr x30, sscratch
    sret

/* jal x31, fold: all registers go into the digest, which is printed. */
    .global fold
fold:
    la x30, save_all
    .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29
    sd x\n, 8*\n(x30)
    .endr
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fsd f\n, 256+8*\n(x30)
    .endr
    sd x31, 0(x30)
    csrr x1, fcsr
    sd x1, 512(x30)
    csrr x1, sstatus
    sd x1, 520(x30)
    la x1, save_all + 8
    la x2, save_all + 528
1:  ld x30, 0(x1)
    jal x28, mix
    addi x1, x1, 8
    bltu x1, x2, 1b
    la x1, scratch              /* what was stored */
    la x2, scratch_end
2:  ld x30, 0(x1)
    jal x28, mix
    addi x1, x1, 8
    bltu x1, x2, 2b
    ld x5, digest
    li x29, 61
    jal x1, print
    csrw fcsr, x0
    la x30, save_all
    ld x31, 0(x30)
    jr x31

    .global end
end:
    li a7, 0x53525354
    li a6, 0
    li a0, 0
    li a1, 0
    ecall
1:  j 1b

    .data
    .balign 8
digest:
    .dword 0xcbf29ce484222325
save_mix:
    .dword 0
save_trap:
    .dword 0, 0, 0, 0
save_trace:
    .zero 64
save_all:
    .zero 528
digits:
    .ascii "0123456789abcdef"
    .balign 4096
    .global scratch, scratch_end
scratch:
    .zero 3 * 4096
scratch_end:
