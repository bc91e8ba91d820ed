/* SPDX-License-Identifier: MIT */
/* rv64-branch ICOUNT LOG KEYS MACHINE-OPTION...: replays a recording up to a place, and records
 * from there to LOG while KEYS are typed at the serial line, one by one. The keys should make the
 * guest switch off. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../machine.h"

static machine_t machine;
static replay_plugin_t table; /* the library's, with a host that notices the pause */
static replay_status_t (*library_configure)(const replay_config_t *);

static GMutex lock;
static GCond arrived;
static bool is_paused;

static void fail(const char *what) {
    library_complain();
    fprintf(stderr, "rv64-branch: %s\n", what);
    exit(1);
}

static void on_paused(void *opaque, replay_pause_reason_t why) {
    (void)opaque;
    if (why != REPLAY_PAUSE_PLACE)
        fail("the place isn't in the recording");
    g_mutex_lock(&lock);
    is_paused = true;
    g_cond_signal(&arrived);
    g_mutex_unlock(&lock);
}

static replay_status_t configure(const replay_config_t *config) {
    replay_host_t host = *config->host;
    replay_config_t changed = *config;
    host.paused = on_paused;
    changed.host = &host;
    return library_configure(&changed);
}

static void type_key(uint8_t key) {
    for (bool typed = false; !typed && !atomic_load(&machine.off);) {
        g_usleep(1000);
        replay->replay_mutex_lock();
        big_lock_take(&machine.lock);
        typed = uart_listens(&machine.uart);
        big_lock_give(&machine.lock);
        replay->replay_mutex_unlock();
    }
    replay->replay_chr_be_write(machine.serial_number, &key, 1);
}

static gpointer drive(gpointer opaque) {
    char **arguments = opaque;
    g_mutex_lock(&lock);
    while (!is_paused)
        g_cond_wait(&arrived, &lock);
    g_mutex_unlock(&lock);
    replay->replay_thread_attach(REPLAY_THREAD_IO);
    replay->replay_mutex_lock();
    if (replay->replay_branch(arguments[2]) != REPLAY_OK)
        fail("no branch is possible");
    replay->replay_mutex_unlock();
    replay->replay_resume();
    for (const char *key = arguments[3]; *key; key++)
        type_key((uint8_t)*key);
    return NULL;
}

int main(int argc, char **argv) {
    options_t options;
    if (argc < 5)
        fail("usage: rv64-branch ICOUNT LOG KEYS MACHINE-OPTION...");
    char *arguments[] = {argv[0], argv[1], argv[2], argv[3]};
    argv[3] = argv[0];
    if (!options_parse(&options, argc - 3, argv + 3) || !library_load(options.replay_lib))
        return 1;
    table = *replay;
    library_configure = table.replay_configure;
    table.replay_configure = configure;
    replay = &table;
    if (!machine_open(&machine, &options) || replay->replay_start() != REPLAY_OK ||
        replay->replay_seek(strtoull(arguments[1], NULL, 10)) != REPLAY_OK)
        fail("the replay can't begin");
    serial_begin(machine.serial);
    GThread *vcpu = g_thread_new("vcpu", machine_vcpu_thread, &machine);
    GThread *driver = g_thread_new("driver", drive, arguments);
    g_main_loop_run(machine.loop);
    g_thread_join(vcpu);
    replay->replay_mutex_unlock(); /* the driver may still wait for it, with a key */
    g_thread_join(driver);
    replay->replay_mutex_lock();
    serial_end(machine.serial);
    printf("icount %" PRIu64 "\ndigest %016" PRIx64 "\n", machine.cpu.icount,
           machine_digest(&machine));
    if (machine_finish(&machine) != REPLAY_OK)
        fail("the branch could not be finished");
    machine_close(&machine);
    options_free(&options);
    return 0;
}
