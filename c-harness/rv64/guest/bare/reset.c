/* SPDX-License-Identifier: MIT */
/* Resets the machine, twice. What survives is the clock that it has set. */
#include "bare.h"

void guest_main(uint64_t device_tree) {
    (void)device_tree;
    uint32_t low = read32(RTC);
    uint64_t seconds = ((uint64_t)read32(RTC + 4) << 32 | low) / UINT64_C(1000000000);
    uint64_t boots = seconds < 1000000 ? seconds / 10000 : 0;
    put_line("boot", boots);
    check("lines are down", csr_read(sip), 0);
    check("the serial line's register is as at first", read8(UART + 7), 0);
    write8(UART + 7, 0x77);
    if (boots < 3) {
        uint64_t next = (boots + 1) * 10000 * UINT64_C(1000000000);
        write32(RTC + 4, (uint32_t)(next >> 32));
        write32(RTC, (uint32_t)next);
        if (boots > 0)
            sbi_reset(boots == 1 ? 1 : 2, 0);
        else
            sbi_reset(1, 0);
        for (;;)
            wfi();
    }
}
