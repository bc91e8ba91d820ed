# SPDX-License-Identifier: MIT
"""A session of gdb with a replay of Linux, whose results are checked. test-gdb-linux runs it in
gdb, which has the kernel's symbols, and sets $socket, the replay's, and $end, its last icount."""
import re

import gdb

PATH = "/proc/kallsyms"  # which the guest opens only once


def run(command):
    print("(gdb) " + command, flush=True)
    text = gdb.execute(command, to_string=True)
    print(text, end="", flush=True)
    return text


def check(name, good):
    if not good:
        raise gdb.GdbError("FAIL " + name)
    print("pass " + name, flush=True)


def value(expression):
    return int(gdb.parse_and_eval(expression))


def place():
    """The function that the guest executes, and its icount."""
    inside = gdb.execute("info symbol $pc", to_string=True).split()[0]
    where = gdb.execute("monitor where", to_string=True)
    return inside, int(re.search(r"icount (\d+)", where).group(1))


def go(command):
    """Returns the number of the breakpoint at which the machine has stopped; 0: elsewhere."""
    stops = []
    gdb.events.stop.connect(stops.append)
    run(command)
    gdb.events.stop.disconnect(stops.append)
    return stops[-1].breakpoints[0].number if isinstance(stops[-1], gdb.BreakpointEvent) else 0


def main():
    gdb.execute("target remote " + gdb.convenience_variable("socket").string())
    check("the replay waits at its beginning", value("$pc") == 0x80200000 and place()[1] == 0)

    # A condition, which the machine evaluates: the bytes that the name begins with.
    name = int.from_bytes(PATH.encode()[:8], "little")
    run("break do_sys_openat2 if *(unsigned long *)$a1 == %d" % name)
    check("continue stops in the kernel", go("continue") == 1)
    opened = place()
    check("in the system call", opened[0] == "do_sys_openat2")
    check("with that name", gdb.parse_and_eval("(char *)$a1").string() == PATH)

    run("watch *(long *)&jiffies_64")
    ticks = value("*(long *)&jiffies_64")
    check("reverse-continue stops at a write", go("reverse-continue") == 2)
    written = place()
    check("of the timer", written[0] == "tick_do_update_jiffies64" and written[1] < opened[1])
    check("whose value it isn't yet", value("*(long *)&jiffies_64") == ticks - 1)
    check("continue completes it", go("continue") == 2 and value("*(long *)&jiffies_64") == ticks)
    check("after one instruction", place() == (written[0], written[1] + 1))
    run("delete 2")
    check("reverse-stepi undoes it", go("reverse-stepi") == 0 and place() == written)
    check("in memory too", value("*(long *)&jiffies_64") == ticks - 1)

    check("continue is where it was", go("continue") == 1 and place() == opened)
    run("delete")
    registers = gdb.execute("info registers", to_string=True)
    go("stepi 12")
    check("stepi counts", place() == (opened[0], opened[1] + 12))
    go("reverse-stepi 12")
    check("reverse-stepi too", place() == opened)
    check("registers are as before", gdb.execute("info registers", to_string=True) == registers)

    go("stepi 12")
    go("reverse-finish")
    check("reverse-finish is at the call", place() == ("__riscv_sys_openat", opened[1] - 1))
    go("nexti")
    after = place()
    check("nexti passes the call", after[0] == "__riscv_sys_openat" and after[1] > opened[1] + 1000)
    go("reverse-next")  # in a function without lines: until it is left
    check("reverse-next is before its return", place() == (opened[0], after[1] - 1))
    run("break *do_sys_openat2")
    check("reverse-continue is before the call", go("reverse-continue") == 3 and place() == opened)
    run("delete")
    go("finish")
    check("finish is after the call", place() == after)

    check("the beginning", go("reverse-continue") == 0 and place()[1] == 0)
    check("nothing is before it", go("reverse-stepi") == 0 and value("$pc") == 0x80200000)
    run("monitor seek %d" % opened[1])
    run("maint flush register-cache")
    check("monitor seek", gdb.execute("info registers", to_string=True) == registers)
    check("monitor info", "can go back" in run("monitor info"))
    check("the end", go("continue") == 0 and place()[1] == value("$end"))
    check("nothing is after it", go("stepi") == 0 and place()[1] == value("$end"))
    check("one step back", go("reverse-stepi") == 0 and place()[1] == value("$end") - 1)
    run("monitor seek %d" % opened[1])
    run("detach")
    print("DONE")


main()
