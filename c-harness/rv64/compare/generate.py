# SPDX-License-Identifier: MIT
"""Random but valid programs for S mode, over all of RV64IMAFDC: text for the assembler.
The same seed gives the same program."""
import random

NUMBERS = [0, 1, 2, 3, 7, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff,
           0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff]
# Doubles, and singles in a box: zeroes, ones, infinities, NaNs, the smallest, the largest,
# halves of the last place.
DOUBLES = [0, 1 << 63, 0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000,
           0xfff0000000000000, 0x7ff8000000000000, 0x7ff0000000000001, 1, 0x000fffffffffffff,
           0x0010000000000000, 0x7fefffffffffffff, 0x3ca0000000000000, 0x4340000000000001,
           0x43e0000000000000, 0xc3e0000000000000, 0x41dfffffffe00000, 0x3fe0000000000000]
SINGLES = [0, 1 << 31, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 1,
           0x007fffff, 0x00800000, 0x7f7fffff, 0x33800000, 0x4b000001, 0x5f000000, 0xcf000000,
           0x3f000000, 0x4f7fffff]
MODES = ["rne", "rtz", "rdn", "rup", "rmm", "dyn"]
REGISTER = "add sub sll slt sltu xor srl sra or and addw subw sllw srlw sraw mul mulh mulhsu " \
    "mulhu div divu rem remu mulw divw divuw remw remuw".split()
IMMEDIATE = "addi slti sltiu xori ori andi addiw".split()
SHIFTS = [("slli", 64), ("srli", 64), ("srai", 64), ("slliw", 32), ("srliw", 32), ("sraiw", 32)]
LOADS = "lb lh lw ld lbu lhu lwu".split()
STORES = "sb sh sw sd".split()
AMOS = "amoadd amoswap amoxor amoor amoand amomin amomax amominu amomaxu".split()
INTEGERS = ["w", "wu", "l", "lu"]


class Program:
    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.lines = []
        self.label = 0

    def emit(self, *lines):
        self.lines += lines

    def x(self, high=29):
        return f"x{self.dice.randrange(0, high + 1)}"

    def d(self):
        """A destination: x28 to x31 belong to the runtime and to addresses."""
        return f"x{self.dice.randrange(0, 28)}"

    def f(self):
        return f"f{self.dice.randrange(32)}"

    def number(self):
        dice = self.dice
        kind = dice.randrange(4)
        if kind == 0:
            return dice.choice(NUMBERS)
        if kind == 1:
            return dice.getrandbits(64) >> dice.randrange(64)
        return dice.getrandbits(64)

    def real(self):
        dice = self.dice
        kind = dice.randrange(6)
        if kind == 0:
            return dice.choice(DOUBLES)
        if kind == 1:
            return 0xffffffff00000000 | dice.choice(SINGLES)
        if kind == 2:  # near one
            return dice.getrandbits(1) << 63 | (1023 - 30 + dice.randrange(60)) << 52 | \
                dice.getrandbits(52)
        if kind == 3:
            return 0xffffffff00000000 | dice.getrandbits(1) << 31 | \
                (127 - 20 + dice.randrange(40)) << 23 | dice.getrandbits(23)
        if kind == 4:
            return 0xffffffff00000000 | dice.getrandbits(32)
        return dice.getrandbits(64)

    def registers(self):
        """New values in all registers."""
        self.label += 1
        self.emit(".pushsection .data", ".balign 8", f"values{self.label}:")
        self.emit(*(f".dword {self.real():#x}" for _ in range(32)), ".popsection")
        self.emit(f"la x28, values{self.label}")
        self.emit(*(f"fld f{n}, {8 * n}(x28)" for n in range(32)))
        self.emit(*(f"li x{n}, {self.number():#x}" for n in range(1, 30)))

    # ---- one instruction, or a few that belong together

    def arithmetic(self):
        dice = self.dice
        kind = dice.randrange(4)
        if kind == 0:
            self.emit(f"{dice.choice(IMMEDIATE)} {self.d()}, {self.x()}, {dice.randrange(-2048, 2048)}")
        elif kind == 1:
            name, width = dice.choice(SHIFTS)
            self.emit(f"{name} {self.d()}, {self.x()}, {dice.randrange(width)}")
        elif kind == 2 and dice.random() < 0.3:
            self.emit(f"lui {self.d()}, {dice.randrange(1 << 20)}")
        else:
            self.emit(f"{dice.choice(REGISTER)} {self.d()}, {self.x()}, {self.x()}")

    def address(self, low, high, step=1):
        offset = self.dice.randrange(low, high, step)
        self.emit(f"la x28, scratch + {offset}")

    def memory(self):
        dice = self.dice
        self.address(2048, 8192)  # any place, pages' borders too
        near = dice.randrange(-2048, 2048)
        kind = dice.randrange(6)
        if kind < 2:
            self.emit(f"{dice.choice(LOADS)} {self.d()}, {near}(x28)")
        elif kind < 4:
            self.emit(f"{dice.choice(STORES)} {self.x()}, {near}(x28)")
        else:
            self.emit(f"{dice.choice(['flw', 'fld', 'fsw', 'fsd'])} {self.f()}, {near}(x28)")

    def atomic(self):
        dice = self.dice
        width = dice.choice("wd")
        self.address(0, 8192, 8 if width == "d" else 4)
        kind = dice.randrange(4)
        if kind == 0:
            self.emit(f"lr.{width} {self.d()}, (x28)", f"sc.{width} {self.d()}, {self.x()}, (x28)")
        elif kind == 1:
            self.emit(f"lr.{width} {self.d()}, (x28)")
            self.address(0, 4096, 8)
            self.emit(f"sc.{width} x1, {self.x()}, (x28)", f"sc.{width} x2, x3, (x28)")
        else:
            order = dice.choice(["", ".aq", ".rl", ".aqrl"])
            self.emit(f"{dice.choice(AMOS)}.{width}{order} {self.d()}, {self.x()}, (x28)")

    def branch(self):
        dice = self.dice
        self.label += 1
        name = dice.choice("beq bne blt bge bltu bgeu".split())
        self.emit(f"{name} {self.x()}, {self.x()}, skip{self.label}")
        for _ in range(dice.randrange(1, 4)):
            self.arithmetic()
        self.emit(f"skip{self.label}:")

    def loop(self):
        self.label += 1
        self.emit(f"li x29, {self.dice.randrange(1, 20)}", f"loop{self.label}:")
        for _ in range(self.dice.randrange(1, 4)):
            self.arithmetic()
        self.emit("addi x29, x29, -1", f"bnez x29, loop{self.label}")

    def call(self):
        self.label += 1
        n = self.label
        how = self.dice.choice([f"jal x1, function{n}", f"la x5, function{n}\njalr x1, 0(x5)",
                                f"la x5, function{n}\nc.jalr x5"])
        self.emit(*how.split("\n"), f"j over{n}", f"function{n}:", "mv x29, x1")
        self.arithmetic()  # may write x1
        self.emit("mv x1, x29")
        if self.dice.random() < 0.5:
            self.emit("la x28, scratch", "sd x1, 64(x28)", "ld x1, 64(x28)")
        self.emit(f"la x5, over{n}", "sub x5, x5, x1", "ret", f"over{n}:", "li x1, 0")

    def csr(self):
        dice = self.dice
        name = dice.choice(["stval", "scause", "sepc", "scounteren", "fcsr", "fflags", "frm"])
        how, d = dice.choice(["csrrw", "csrrs", "csrrc"]), self.d()
        if name == "frm" or name == "fcsr":
            self.emit(f"csrwi frm, {dice.randrange(5)}")
        elif dice.random() < 0.5:
            self.emit(f"{how}i {d}, {name}, {dice.randrange(32)}")
        else:
            self.emit(f"{how} {d}, {name}, {self.x()}")
        if name == "scounteren":  # of the counters, only three must be there
            self.emit(f"andi {d}, {d}, 7")
        if name == "sepc":  # QEMU 7.2 keeps the lowest bit, which reads as zero
            self.emit(f"andi {d}, {d}, -2")

    def real_arithmetic(self):
        dice = self.dice
        s = dice.choice("sd")
        o = "d" if s == "s" else "s"
        mode = dice.choice(MODES)
        a, b, c, d = (self.f() for _ in range(4))
        self.emit(dice.choice([
            f"fadd.{s} {d}, {a}, {b}, {mode}", f"fsub.{s} {d}, {a}, {b}, {mode}",
            f"fmul.{s} {d}, {a}, {b}, {mode}", f"fdiv.{s} {d}, {a}, {b}, {mode}",
            f"fsqrt.{s} {d}, {a}, {mode}", f"fmadd.{s} {d}, {a}, {b}, {c}, {mode}",
            f"fmsub.{s} {d}, {a}, {b}, {c}, {mode}", f"fnmadd.{s} {d}, {a}, {b}, {c}, {mode}",
            f"fnmsub.{s} {d}, {a}, {b}, {c}, {mode}", f"fmin.{s} {d}, {a}, {b}",
            f"fmax.{s} {d}, {a}, {b}", f"fsgnj.{s} {d}, {a}, {b}", f"fsgnjn.{s} {d}, {a}, {b}",
            f"fsgnjx.{s} {d}, {a}, {b}", f"feq.{s} {self.d()}, {a}, {b}",
            f"flt.{s} {self.d()}, {a}, {b}", f"fle.{s} {self.d()}, {a}, {b}",
            f"fclass.{s} {self.d()}, {a}",
            f"fcvt.{dice.choice(INTEGERS)}.{s} {self.d()}, {a}, {mode}",
            f"fcvt.{s}.{dice.choice(['l', 'lu'])} {d}, {self.x()}, {mode}",
            f"fcvt.s.w {d}, {self.x()}, {mode}", f"fcvt.d.wu {d}, {self.x()}",
            f"fcvt.{s}.{o} {d}, {a}" + (f", {mode}" if s == "s" else ""),
            "fmv.x.%s %s, %s" % ("w" if s == "s" else "d", self.d(), a),
            "fmv.%s.x %s, %s" % ("w" if s == "s" else "d", d, self.x())]))
        if dice.random() < 0.1:
            self.emit(f"csrwi frm, {dice.randrange(5)}")

    def trap(self):
        dice = self.dice
        self.emit(*dice.choice([
            ["ebreak"], ["c.ebreak"], [".word 0xffffffff"], [".half 0"], ["csrr x5, 0x300"],
            ["csrw instret, x5"], ["li x28, 0x0f000000", f"{dice.choice(LOADS)} x7, 0(x28)"],
            ["li x28, 0x0f000000", f"{dice.choice(STORES)} x7, 0(x28)"],
            ["la x28, scratch", f"lr.d x6, (x28)", "addi x28, x28, 2", "lr.w x7, (x28)"],
            ["li x28, 0x0f000000", "jalr x1, 0(x28)", "li x1, 0"]]))

    def compressed(self):
        dice = self.dice
        r = lambda: f"x{dice.randrange(8, 16)}"
        d = f"x{dice.randrange(3, 28)}"
        self.emit(dice.choice([
            f"c.addi {d}, {dice.choice([-32, -1, 1, 31])}", f"c.addiw {d}, {dice.randrange(-32, 32)}",
            f"c.li {d}, {dice.randrange(-32, 32)}", f"c.lui {d}, {dice.randrange(1, 32)}",
            f"c.srli {r()}, {dice.randrange(1, 64)}", f"c.srai {r()}, {dice.randrange(1, 64)}",
            f"c.andi {r()}, {dice.randrange(-32, 32)}", f"c.sub {r()}, {r()}", f"c.xor {r()}, {r()}",
            f"c.or {r()}, {r()}", f"c.and {r()}, {r()}", f"c.subw {r()}, {r()}",
            f"c.addw {r()}, {r()}", f"c.slli {d}, {dice.randrange(1, 64)}", f"c.mv {d}, {d}",
            f"c.add {d}, {r()}", f"c.addi4spn {r()}, sp, {4 * dice.randrange(1, 256)}", "c.nop"]))

    def compressed_memory(self):
        dice = self.dice
        self.emit(f"la x8, scratch + {8 * dice.randrange(400)}", "mv x2, x8")
        r = f"x{dice.randrange(9, 16)}"
        f = f"f{dice.randrange(8, 16)}"
        self.emit(dice.choice([
            f"c.lw {r}, {4 * dice.randrange(32)}(x8)", f"c.ld {r}, {8 * dice.randrange(32)}(x8)",
            f"c.sw {r}, {4 * dice.randrange(32)}(x8)", f"c.sd {r}, {8 * dice.randrange(32)}(x8)",
            f"c.fld {f}, {8 * dice.randrange(32)}(x8)", f"c.fsd {f}, {8 * dice.randrange(32)}(x8)",
            f"c.lwsp {r}, {4 * dice.randrange(64)}(sp)", f"c.ldsp {r}, {8 * dice.randrange(64)}(sp)",
            f"c.swsp {r}, {4 * dice.randrange(64)}(sp)", f"c.sdsp {r}, {8 * dice.randrange(64)}(sp)",
            f"c.fldsp {f}, {8 * dice.randrange(64)}(sp)", f"c.fsdsp {f}, {8 * dice.randrange(64)}(sp)"]))
        self.emit("li x8, 8", "li x2, 2")

    # ---- groups

    def fold(self):
        self.emit("jal x31, fold")

    def usual(self, count):
        kinds = [self.arithmetic] * 6 + [self.memory] * 3 + [self.atomic] * 2 + \
            [self.branch, self.branch, self.loop, self.call, self.csr, self.trap] + \
            [self.real_arithmetic] * 5 + [self.compressed] * 3 + [self.compressed_memory]
        self.registers()
        for _ in range(count):
            self.dice.choice(kinds)()
        self.emit("li x28, 0", "li x29, 0")
        self.fold()

    def user(self):
        """U mode: what it may not do, and a way back."""
        self.label += 1
        self.registers()
        self.emit(f"la x28, user{self.label}", "csrw sepc, x28", "li x28, 0x100",
                  "csrc sstatus, x28", "sret", f"user{self.label}:", "csrr x5, sstatus",
                  "csrw satp, x0", "sret", "sfence.vma", "ecall", "ebreak")
        for _ in range(20):
            self.arithmetic()
        self.emit("li x17, 0x777", "ecall", "li x28, 0")
        self.fold()

    def pages(self):
        """A page table with random leaves behind a window, and accesses through it."""
        dice = self.dice
        self.label += 1
        n = self.label
        self.emit(".pushsection .data", ".balign 4096", f"root{n}:", ".zero 4096", f"middle{n}:",
                  ".zero 4096", f"leaves{n}:", ".zero 4096", ".popsection")
        self.registers()

        def entry(table, index, target, flags):
            self.emit(f"la x28, {target}" if isinstance(target, str) else f"li x28, {target:#x}",
                      "srli x28, x28, 12", "slli x28, x28, 10", f"li x29, {flags:#x}",
                      "or x28, x28, x29", f"la x29, {table}", f"sd x28, {8 * index}(x29)")
        entry(f"root{n}", 0, 0, 0xc7)
        entry(f"root{n}", 1, f"middle{n}", 1)
        entry(f"root{n}", 2, 0x80000000, 0xcf)
        entry(f"middle{n}", 0, f"leaves{n}", 1)
        # Large pages: one of RAM beyond this program, and one that is not aligned.
        entry(f"middle{n}", 1, 0x80800000, dice.choice([0xc3, 0xcf, 0x03, 0xd3]))
        entry(f"middle{n}", 2, 0x80801000, 0xcf)
        for i in range(16):
            flags = dice.getrandbits(10) | (1 if dice.random() < 0.9 else 0)
            if not flags & 0xe:
                flags |= 2
            entry(f"leaves{n}", i, dice.choice(["scratch", "scratch + 4096", "scratch + 8192"]), flags)
        self.emit(f"la x28, root{n}", "srli x28, x28, 12", "li x29, 8", "slli x29, x29, 60",
                  "or x28, x28, x29", "csrw satp, x28", "sfence.vma")
        for _ in range(60):
            if dice.random() < 0.2:
                self.emit("li x28, %#x" % dice.choice([0x40000, 0x80000]),
                          dice.choice(["csrs sstatus, x28", "csrc sstatus, x28"]))
            place = dice.choice([0x40000000 + dice.randrange(16 * 4096), 0x40200000, 0x40400000,
                                 0x4000000000, 0x40000000 + 4096 * dice.randrange(1, 16) - 4])
            kind = dice.randrange(5)
            self.emit(f"li x28, {place:#x}")
            if kind < 2:
                self.emit(f"{dice.choice(LOADS)} {self.d()}, 0(x28)")
            elif kind < 4:
                self.emit(f"{dice.choice(STORES)} {self.x()}, 0(x28)")
            else:
                # Whether an AMO that may not write marks the page as accessed is left open by
                # the specification: so it is marked before.
                self.emit("andi x28, x28, -8", "lb x0, 0(x28)",
                          f"amoadd.d {self.d()}, {self.x()}, (x28)")
        self.emit("csrw satp, x0", "sfence.vma", "li x28, 0xc0000", "csrc sstatus, x28")
        for i in range(16):  # accessed and dirty bits
            self.emit(f"la x28, leaves{n}", f"ld x{i + 5}, {8 * i}(x28)", f"andi x{i + 5}, x{i + 5}, 0x3ff")
        self.emit("li x28, 0", "li x29, 0")
        self.fold()

    def changing(self):
        """Code that is written, and executed after fence.i."""
        self.registers()
        for _ in range(10):
            self.label += 1
            value = self.dice.randrange(2048)
            self.emit(f"li x28, {0x00000513 | value << 20:#x}", f"la x29, patch{self.label}",
                      "sw x28, 0(x29)", "fence.i", f"patch{self.label}:", ".option push",
                      ".option norvc", "addi x0, x0, 0", ".option pop", "add x11, x11, x10")
        self.emit("li x28, 0", "li x29, 0")
        self.fold()

    def fuzz(self, wide):
        """Words of random bits, but for those that would lead away."""
        self.registers()
        for n in range(100):
            if wide:
                self.emit(f".word {self.random_word():#x}")
            else:
                self.emit(f".half {self.random_half():#x}")
            if n % 20 == 19:
                if not wide:
                    self.emit(".balign 4", "li x2, 2")
                self.emit("li x28, 0", "li x29, 0", "csrw fcsr, x0")
                self.fold()
                self.registers()

    def random_word(self):
        dice = self.dice
        while True:
            word = dice.getrandbits(32) | 3
            if dice.random() < 0.6:  # where the holes are interesting
                word = word & ~0x7f | dice.choice([0x13, 0x1b, 0x33, 0x3b, 0x53, 0x43, 0x0f, 0x73,
                                                   0x2f, 0x37, 0x17])
            if dice.random() < 0.5:
                word = word & ~(0x7f << 25) | dice.choice([0, 1, 0x20, 0x50, 0x60, 0x61, 0x68, 0x69,
                                                           0x70, 0x71, 0x78, 0x79, 0x2c, 0x14]) << 25
            opcode, rd, f3, csr = word & 0x7f, word >> 7 & 31, word >> 12 & 7, word >> 20
            if word & 0x1f == 0x1f or rd >= 28:
                continue  # longer than 32 bits; registers of the runtime
            if opcode in (0x63, 0x67, 0x6f, 0x03, 0x07, 0x23, 0x27, 0x2f):
                continue  # jumps, and memory at a random place
            if opcode == 0x17:
                continue  # depends on the place only
            if opcode == 0x73 and (f3 in (0, 4) or csr in (
                    0x100, 0x104, 0x105, 0x140, 0x141, 0x144, 0x180, 0x106, 0x10a, 0x002, 0x003) or
                    csr & 0xfe0 == 0xc00 or csr & 0xff0 in (0xda0, 0x5a0, 0x600, 0x6a0, 0xe10) or
                    csr >= 0x200 and csr >> 8 & 3 == 2 or csr & 0xf00 in (0x200, 0x600, 0xa00, 0xe00)):
                continue  # CSRs that lead away, count, or belong to a hypervisor
            if opcode == 0x0f and f3 > 1:
                continue
            return word

    def random_half(self):
        dice = self.dice
        while True:
            half = dice.getrandbits(16)
            quadrant, f3 = half & 3, half >> 13
            rd = half >> 7 & 31
            if quadrant == 3 or (quadrant == 0 and f3 not in (0, 4)):
                continue
            if quadrant == 1 and f3 > 4:
                continue
            if quadrant == 2 and (f3 not in (0, 4) or f3 == 4 and half >> 2 & 31 == 0):
                continue
            if quadrant in (1, 2) and rd >= 28 and not (quadrant == 1 and f3 == 4):
                continue
            return half


def program(seed):
    p = Program(seed)
    p.emit(".option norelax", ".text", ".global program", "program:")
    for _ in range(6):
        p.usual(120)
        p.user()
        p.pages()
        p.changing()
        p.fuzz(True)
        p.fuzz(False)
    p.emit("j end")
    return "\n".join(p.lines) + "\n"
