/* SPDX-License-Identifier: MIT */
/** @file snippets.c
 *  What headers and pages show and no example host has. It is compiled and never run;
 *  check-documents compares each block of code with these functions and the example hosts. */
#include <dlfcn.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>

#include <replay/replay.h>

extern bool idle, stopped, halted, kicked, replaying, interrupt_pending;
extern bool host_timer_is_due_or_replaying, warp_has_ended_or_replaying;
extern replay_config_t config;
extern GMainLoop *loop;
void lock(void), unlock(void), dispatch(void), execute(uint64_t n), deliver_interrupt(void);
void account_warp(void), start_warp(void), end_warp(void), run_host_timers(void);
void run_virtual_timers(void), sleep_on_condition(void), poll_at_most(int64_t ns);
bool virtual_timer_is_due(void);
uint64_t instructions_to_the_next_timer(void);
int32_t draw_random(void *bytes, size_t length);
bool write_file(void *opaque, const void *bytes, size_t length);
bool read_file(void *opaque, void *bytes, size_t length);

typedef struct {
    uint64_t registers[32];
    uint8_t devices[256], ram[1 << 20], dirty[(1 << 20) / 4096];
} machine;
extern const char *target_xml;
size_t read_register(void *opaque, uint32_t cpu, uint32_t number, void *bytes, size_t most);
bool write_register(void *opaque, uint32_t cpu, uint32_t number, const void *bytes, size_t length);
bool read_memory(void *opaque, uint32_t cpu, uint64_t address, void *bytes, size_t length);
bool write_memory(void *opaque, uint32_t cpu, uint64_t address, const void *bytes, size_t length);
bool set_break(void *opaque, replay_break_kind_t kind, uint64_t address, uint64_t length, bool set);
bool save_state(void *opaque, const replay_stream_t *out);
bool load_state(void *opaque, const replay_stream_t *in);
bool has_breakpoint(const machine *m, uint64_t pc);
void complain(const char *message), use_firmware(const char *name);
uint64_t execute_one(machine *m);

void own_loop(void) {
    replay_mutex_lock();
    while (!stopped) {
        replay_turn(); // step 5
        uint64_t n = replay_get_budget(idle ? 0 : 10000);
        if (n == 0) {
            replay_wait(100000000); // ns; returns early when something changes
            continue;
        }
        execute(n); // at most n instructions
        replay_account_executed_instructions();
    }
    replay_mutex_unlock();
}

int32_t random_numbers(uint8_t *bytes, size_t length) {
    int32_t result;
    if (REPLAY_MODE() == REPLAY_MODE_PLAY) {
        result = replay_read_random(bytes, length);
    } else {
        result = draw_random(bytes, length);
        if (REPLAY_MODE() == REPLAY_MODE_RECORD)
            replay_save_random(result, bytes, length);
    }
    return result;
}

void ask_for_an_interrupt(void) {
    if (interrupt_pending && replay_interrupt())
        deliver_interrupt();
}

replay_block_t *open_a_disk(void) {
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    config.name = "hda";
    config.filename = "disk.img"; // or config.backend: callbacks of the host
    replay_status_t status;
    replay_block_t *disk = replay_block_open(&config, &status);
    return disk;
}

void run_glib(void) {
    replay_glib_attach(NULL); // takes the role REPLAY_THREAD_IO, and the lock
    g_main_loop_run(loop);
    replay_glib_detach(NULL); // releases the lock
}

void one_of_several_machines(void) {
    replay_session_t *session = replay_session_new();
    replay_session_push_current(session); // in each thread; from now on all calls act on it
    replay_configure(&config);
    // … the machine runs …
    replay_finish();
    replay_session_pop_current();
    replay_session_free(session);
}

void save_and_load_a_position(FILE *file) {
    replay_stream_t stream = REPLAY_STREAM_INIT;
    stream.opaque = file;
    stream.write = write_file;
    if (replay_can_snapshot()) // else a completion or a bottom half is pending: try again later
        replay_position_save(&stream);
    stream.read = read_file;
    replay_position_load(&stream);
}

void load_the_library(void) {
    void *handle = dlopen(REPLAY_SONAME, RTLD_NOW | RTLD_LOCAL);
    replay_plugin_query_t query;
    *(void **)&query = dlsym(handle, "replay_plugin_query");
    const replay_plugin_t *replay = query(REPLAY_ABI_VERSION); // NULL: it has a different ABI
    replay->replay_configure(&config);
}

void vcpu_thread_without_turns(void) {
    lock();                // the replay lock, then the host's big lock
    replay_async_events(); // the flush; also takes the digests of rrdigest
    if (replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_WARP_ACCOUNT))
        account_warp(); // reads REPLAY_CLOCK_VIRTUAL_RT
    if (virtual_timer_is_due() && replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL))
        run_virtual_timers();
    if (interrupt_pending && replay_interrupt())
        deliver_interrupt();
    execute(replaying ? (uint64_t)replay_get_instructions() : instructions_to_the_next_timer());
    replay_account_executed_instructions();
    unlock();
    while (halted && !kicked && !stopped && !replay_is_due())
        sleep_on_condition();
}

void main_loop_without_turns(void) {
    lock();
    dispatch(); // resets and the like, each after its checkpoint
    if (host_timer_is_due_or_replaying && replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_HOST))
        run_host_timers();
    if (warp_has_ended_or_replaying && replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL_RT))
        end_warp();
    if (replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_WARP_START))
        start_warp();
    int64_t ns = replay_warp_deadline_ns(); // PLAY: when it must iterate again
    unlock();
    poll_at_most(replay_is_due() ? 0 : ns);
}

bool save_state(void *opaque, const replay_stream_t *out) {
    machine *m = opaque;
    return out->write(out->opaque, &m->registers, sizeof m->registers) &&
           out->write(out->opaque, &m->devices, sizeof m->devices);
}

bool load_state(void *opaque, const replay_stream_t *in) {
    machine *m = opaque;
    return in->read(in->opaque, &m->registers, sizeof m->registers) &&
           in->read(in->opaque, &m->devices, sizeof m->devices);
}

void register_ram(machine *m) {
    replay_ram_config_t ram = REPLAY_RAM_CONFIG_INIT;
    ram.name = "ram";
    ram.bytes = m->ram;
    ram.length = sizeof m->ram;
    ram.dirty = m->dirty; // a byte for each page of 4096, set to 0xFF where the page is written
    replay_register_ram(&ram);
}

void travel(void) {
    replay_seek(1000000);      // anywhere in the replay
    replay_reverse_step();     // one instruction back
    replay_reverse_continue(); // back to the last breakpoint that was hit
    replay_resume();           // on from here
}

void run_to_breakpoint(machine *m, uint64_t n) {
    for (uint64_t pc = execute_one(m); n > 0; n--, pc = execute_one(m))
        if (has_breakpoint(m, pc) && replay_breakpoint(REPLAY_BREAK_SOFTWARE, pc))
            break; // account as after any other slice: the machine is paused there
}

void listen_for_gdb(machine *m) {
    replay_gdb_target_t target = REPLAY_GDB_TARGET_INIT;
    target.target_xml = target_xml; // the registers, their sizes and numbers
    target.read_register = read_register;
    target.write_register = write_register;
    target.read_memory = read_memory;
    target.write_memory = write_memory;
    target.set_break = set_break; // from now on the CPU calls replay_breakpoint() there
    target.opaque = m;
    replay_gdb_listen("1234", &target); // before replay_start()
}

int print_events(void) {
    replay_error_t error = REPLAY_ERROR_INIT;
    replay_log_t *log = replay_log_open("run.log", &error);
    if (!log)
        return complain(error.message), 1;
    replay_log_event_t event = REPLAY_LOG_EVENT_INIT;
    replay_log_seek(log, 1000000); // the first event at this icount or later
    while (replay_log_next(log, &event))
        printf("%" PRIu64 " %s\n", event.icount, event.kind_name);
    if (replay_log_last_error(log, &error))
        complain(error.message); // the log is damaged there
    replay_log_close(log);
    return 0;
}

bool choose_firmware(const char *path) {
    replay_log_t *log = replay_log_open(path, NULL);
    const char *firmware = replay_log_fingerprint(log, "firmware");
    if (firmware)
        use_firmware(firmware);
    replay_log_close(log); // NULL is allowed everywhere
    return firmware != NULL;
}
