/* SPDX-License-Identifier: MIT */
#include "code.h"

#include <stdlib.h>
#include <string.h>

#include "break.h"
#include "mmu.h"
#include "trap.h"

bool code_open(cpu_t *cpu) {
    cpu->code = calloc(1, sizeof(*cpu->code));
    if (!cpu->code)
        return false;
    cpu->code->pages = calloc(cpu->ram_bytes / CPU_PAGE_BYTES, sizeof(*cpu->code->pages));
    cpu->code->cut = calloc(1, sizeof(block_t) + (CODE_BLOCK_MOST + 1) * sizeof(op_t));
    code_flush_fetch(cpu);
    return cpu->code->pages && cpu->code->cut;
}

static void free_trash(code_t *code) {
    while (code->trash) {
        block_t *block = code->trash;
        code->trash = block->sibling;
        free(block);
    }
}

void code_close(cpu_t *cpu) {
    if (!cpu->code)
        return;
    if (cpu->code->pages) {
        code_drop_all(cpu);
        for (uint64_t i = 0; i < cpu->ram_bytes / CPU_PAGE_BYTES; i++)
            free(cpu->code->pages[i]);
    }
    free_trash(cpu->code);
    free(cpu->code->cut);
    free(cpu->code->pages);
    free(cpu->code);
    cpu->code = NULL;
}

/* ---------------------------------------------------------------------- dropping */

/* Blocks aren't freed at once, because one of them may be the one that is being executed. */
void code_drop_page(cpu_t *cpu, uint64_t index) {
    code_page_t *page = cpu->code->pages[index];
    if (!page || !page->first)
        return;
    while (page->first) {
        block_t *block = page->first;
        page->first = block->sibling;
        page->blocks[block->offset / 2] = NULL;
        block->sibling = cpu->code->trash;
        cpu->code->trash = block;
    }
    memset(page->decoded, 0, sizeof(page->decoded));
    cpu->code->changed = true;
}

void code_drop_all(cpu_t *cpu) {
    for (uint64_t i = 0; i < cpu->ram_bytes / CPU_PAGE_BYTES; i++)
        code_drop_page(cpu, i);
}

void code_forget_breaks(cpu_t *cpu) {
    for (uint64_t i = 0; i < cpu->ram_bytes / CPU_PAGE_BYTES; i++) {
        code_page_t *page = cpu->code->pages[i];
        if (page && page->has_breaks) {
            code_drop_page(cpu, i);
            memset(page->breaks, 0, sizeof(page->breaks));
            page->has_breaks = false;
        }
    }
    cpu->code->has_breaks = false;
}

void code_written(cpu_t *cpu, uint64_t address, uint64_t length) {
    uint64_t at = address - cpu->ram_base, end = at + length;
    while (at < end) {
        uint64_t index = at / CPU_PAGE_BYTES, next = (index + 1) * CPU_PAGE_BYTES;
        uint64_t stop = next < end ? next : end;
        if (code_in_page(cpu, index)) {
            const code_page_t *page = cpu->code->pages[index];
            bool hit = false;
            for (uint64_t half = at % CPU_PAGE_BYTES / 2; half <= (stop - 1) % CPU_PAGE_BYTES / 2;
                 half++)
                hit = hit || (page->decoded[half / 64] >> (half % 64) & 1);
            if (hit)
                code_drop_page(cpu, index);
        }
        at = stop;
    }
}

/* ------------------------------------------------------------------- fetch TLB */

/* The beginning of a page can't have these bits. */
enum { NO_TAG = 1 };

void code_flush_fetch(cpu_t *cpu) {
    for (unsigned mode = 0; mode < 2; mode++)
        for (unsigned i = 0; i < CODE_FETCH_ENTRIES; i++)
            cpu->code->fetch[mode][i].tag = NO_TAG;
    cpu->code->changed = true;
}

void code_flush_fetch_page(cpu_t *cpu, uint64_t address) {
    for (unsigned mode = 0; mode < 2; mode++)
        cpu->code->fetch[mode][(address >> CPU_PAGE_SHIFT) % CODE_FETCH_ENTRIES].tag = NO_TAG;
    cpu->code->changed = true;
}

/* Breakpoints were set at a virtual page: the blocks of the page that is there begin at them. */
static void mark_breaks(cpu_t *cpu, uint64_t address, code_page_t *page) {
    if (!break_mark(cpu, address, page->breaks))
        return;
    page->has_breaks = cpu->code->has_breaks = true;
    code_drop_page(cpu, page->index);
}

/* Fills an entry of the fetch TLB. @return NULL: an exception was noted. */
static code_page_t *fill(cpu_t *cpu, uint64_t address, uint64_t tag, code_fetch_t *entry) {
    code_t *code = cpu->code;
    uint64_t physical;
    if (!mmu_translate(cpu, address, MMU_FETCH, &physical))
        return NULL;
    if (!cpu_ram(cpu, physical, 1)) {
        exception(cpu, CAUSE_FETCH_ACCESS, address);
        return NULL;
    }
    uint64_t index = (physical - cpu->ram_base) / CPU_PAGE_BYTES;
    if (!code->pages[index]) {
        code->pages[index] = calloc(1, sizeof(code_page_t));
        if (!code->pages[index]) {
            exception(cpu, CAUSE_FETCH_ACCESS, address);
            return NULL;
        }
        code->pages[index]->index = index;
    }
    if (cpu->break_count > 0)
        mark_breaks(cpu, tag, code->pages[index]);
    *entry = (code_fetch_t){tag, code->pages[index]};
    return entry->page;
}

/* The page of code at a virtual address. @return NULL: an exception was noted. */
static inline code_page_t *fetch_page(cpu_t *cpu, uint64_t address) {
    uint64_t tag = address & ~(uint64_t)(CPU_PAGE_BYTES - 1);
    code_fetch_t *entry =
        &cpu->code->fetch[cpu->privilege][(address >> CPU_PAGE_SHIFT) % CODE_FETCH_ENTRIES];
    return entry->tag == tag ? entry->page : fill(cpu, address, tag, entry);
}

static const uint8_t *page_bytes(const cpu_t *cpu, const code_page_t *page) {
    return cpu->ram + page->index * CPU_PAGE_BYTES;
}

static uint32_t half_at(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

/* ---------------------------------------------------------------------- decoding */

enum { WIDE = 3 }; /* both low bits are set in an instruction of 32 bits */

/* Decodes what is at @p offset; @p other is the half in the next page, if it straddles. */
static bool decode_at(const uint8_t *bytes, uint64_t offset, uint32_t other, op_t *op, bool *wide) {
    uint32_t instruction = half_at(bytes + offset);
    *wide = (instruction & WIDE) == WIDE;
    if (!*wide)
        instruction = decode_compressed(instruction);
    else if (offset + 2 < CPU_PAGE_BYTES)
        instruction |= half_at(bytes + offset + 2) << 16;
    else
        instruction |= other << 16;
    return decode(instruction, offset, op);
}

static bool is_wide(const uint8_t *bytes, uint64_t offset) {
    return (half_at(bytes + offset) & WIDE) == WIDE;
}

static void note_decoded(code_page_t *page, uint64_t from, uint64_t to) {
    for (uint64_t half = from / 2; half < to / 2 && half < CPU_PAGE_BYTES / 2; half++)
        page->decoded[half / 64] |= UINT64_C(1) << (half % 64);
}

static bool is_break(const code_page_t *page, uint64_t offset) {
    return page->breaks[offset / 2 / 64] >> (offset / 2 % 64) & 1;
}

/* Allocates a block with its operations, and adds it to its page. */
static block_t *add_block(cpu_t *cpu, const block_t *head, const op_t *ops, unsigned count) {
    code_page_t *page = head->page;
    block_t *block = malloc(sizeof(*block) + count * sizeof(op_t));
    if (!block)
        return NULL;
    *block = *head;
    memcpy(block->ops, ops, count * sizeof(op_t));
    if (!page->first)
        mmu_protect(cpu, page->index); /* from now on every store here must be noticed */
    block->sibling = page->first;
    page->first = block;
    return block;
}

/* Where the page has the block of the instruction at an offset: after the block that breaks, if
 * there is a breakpoint. @return NULL: memory ran out. */
static block_t **place_of(cpu_t *cpu, code_page_t *page, uint64_t offset) {
    block_t **place = &page->blocks[offset / 2];
    if (!is_break(page, offset))
        return place;
    if (!*place) {
        const block_t head = {
            .page = page, .offset = (uint16_t)offset, .end = (uint16_t)offset, .breaks = true};
        const op_t ask = {.code = CODE_BREAK};
        *place = add_block(cpu, &head, &ask, 1);
    }
    return *place ? &(*place)->next : NULL;
}

/* Makes the block that begins at @p offset. @p other: the other half of an instruction
 * that straddles. */
static block_t *decode_block(cpu_t *cpu, code_page_t *page, uint64_t offset, bool straddles,
                             uint32_t other) {
    const uint8_t *bytes = page_bytes(cpu, page);
    op_t ops[CODE_BLOCK_MOST + 1];
    block_t head = {.page = page,
                    .offset = (uint16_t)offset,
                    .straddles = straddles,
                    .other_half = (uint16_t)other};
    uint64_t at = offset;
    bool ends = false;
    while (!ends && head.count < CODE_BLOCK_MOST && at < CPU_PAGE_BYTES) {
        bool wide;
        if (at != offset && is_break(page, at))
            break;
        if (at + 2 == CPU_PAGE_BYTES && is_wide(bytes, at) && !straddles)
            break; /* half of it is in the next page: a block of its own */
        ends = decode_at(bytes, at, other, &ops[head.count], &wide);
        head.wide |= (uint64_t)wide << head.count++;
        at += wide ? 4 : 2;
    }
    head.end = (uint16_t)at;
    unsigned room = head.count;
    if (!ends)
        ops[room++] = (op_t){.code = CODE_END};
    block_t **place = place_of(cpu, page, offset);
    block_t *block = place ? add_block(cpu, &head, ops, room) : NULL;
    if (!block)
        return NULL;
    note_decoded(page, offset, at);
    *place = block;
    return block;
}

/* An instruction that straddles: looked up each time, and decoded again if the half in
 * the next page has changed. */
static block_t *find_straddling(cpu_t *cpu, code_page_t *page) {
    const code_page_t *next = fetch_page(cpu, cpu->pc + 2);
    if (!next)
        return NULL;
    /* Only now, because the walk to the next page may have written to this one. */
    block_t **place = place_of(cpu, page, CPU_PAGE_BYTES - 2);
    uint32_t other = half_at(page_bytes(cpu, next));
    if (place && *place && (*place)->other_half == other)
        return *place;
    if (place && *place)
        code_drop_page(cpu, page->index);
    return decode_block(cpu, page, CPU_PAGE_BYTES - 2, true, other);
}

/* The page at cpu->pc. */
static code_page_t *find_page(cpu_t *cpu) {
    /* No block that was dropped earlier is being executed now. One that is dropped from here
     * on may be the one that led here. */
    free_trash(cpu->code);
    cpu->code->changed = false;
    return fetch_page(cpu, cpu->pc);
}

static block_t *find_in_page(cpu_t *cpu, code_page_t *page) {
    uint64_t offset = cpu->pc % CPU_PAGE_BYTES;
    block_t **place = place_of(cpu, page, offset), *block = place ? *place : NULL;
    if (block && !block->straddles)
        return block;
    if (offset + 2 == CPU_PAGE_BYTES && is_wide(page_bytes(cpu, page), offset)) {
        block = find_straddling(cpu, page);
        if (!block && cpu->exception_cause != CAUSE_NONE)
            return NULL;
    } else {
        block = decode_block(cpu, page, offset, false, 0);
    }
    if (!block) /* memory ran out */
        exception(cpu, CAUSE_FETCH_ACCESS, cpu->pc);
    return block;
}

block_t *code_find(cpu_t *cpu) {
    code_page_t *page = find_page(cpu);
    if (!page)
        return NULL;
    block_t *block = page->blocks[cpu->pc % CPU_PAGE_BYTES / 2];
    if (block && !block->straddles)
        return block;
    if (is_break(page, cpu->pc % CPU_PAGE_BYTES) && place_of(cpu, page, cpu->pc % CPU_PAGE_BYTES))
        return page->blocks[cpu->pc % CPU_PAGE_BYTES / 2];
    return find_in_page(cpu, page);
}

block_t *code_find_instruction(cpu_t *cpu) {
    code_page_t *page = find_page(cpu);
    return page ? find_in_page(cpu, page) : NULL;
}

block_t *code_cut(cpu_t *cpu, const block_t *block, uint64_t count) {
    block_t *cut = cpu->code->cut;
    *cut = *block;
    cut->count = (uint16_t)count;
    cut->end = (uint16_t)code_offset(block, count);
    cut->taken = cut->next = NULL;
    memcpy(cut->ops, block->ops, count * sizeof(op_t));
    cut->ops[count] = (op_t){.code = CODE_STOP};
    return cut;
}
