/* SPDX-License-Identifier: MIT */
/* The files that a session uses: any name, each file once, disks on what can be one. */
#include "block-host.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static host_t host;
static disk_t disk;

static replay_block_config_t image_config(const char *image, replay_block_overlay_t overlay,
                                          const char *overlay_name) {
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    config.filename = image;
    config.overlay = overlay;
    config.overlay_filename = overlay_name;
    return config;
}

static replay_status_t open_disk(const char *image, replay_block_overlay_t overlay,
                                 const char *overlay_name) {
    replay_block_config_t config = image_config(image, overlay, overlay_name);
    replay_status_t status = REPLAY_OK;
    replay_block_open(&config, &status);
    return status;
}

/* A short recording. */
static void record(const char *path, const char *options) {
    host_begin(&host, REPLAY_MODE_RECORD, path, options);
    for (int i = 0; i < 20; i++) {
        host.icount += 10;
        CHECK(replay_interrupt());
    }
    CHECK_STATUS(host_end(&host), OK);
}

static void replay(const char *path, const char *options) {
    host_begin(&host, REPLAY_MODE_PLAY, path, options);
    for (int i = 0; i < 20; i++) {
        CHECK(host_execute(&host, 3, 10));
        CHECK(replay_interrupt());
    }
    CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
}

static void write_image(const char *path) {
    disk_fill(&disk);
    test_write_file(path, disk.bytes, DISK_BYTES);
}

/* -------------------------------------------------------------------- names */

TEST(names_need_not_be_utf8) {
    static const char *const names[] = {
        "caf\xE9.log", "\xFF\xFE", "caf\xC3\xA9", "cafe\xCC\x81", "\xF4\x8F\xBE\x80", "a,b",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = test_path(names[i]);
        record(path, NULL);
        CHECK_EQ(access(path, R_OK), 0);
        replay(path, NULL);
        /* In the option string too, where a comma is written twice. */
        char options[512] = "rrdigest=0,rrfile=", *to = options + strlen(options);
        for (const char *from = path; *from; *to++ = *from++)
            if (*from == ',')
                *to++ = ',';
        REQUIRE(unlink(path) == 0);
        record(NULL, options);
        CHECK_EQ(access(path, R_OK), 0);
        host_begin(&host, REPLAY_MODE_PLAY, NULL, options);
        CHECK_STR(replay_get_filename(), path);
        replay_mutex_unlock();
        replay_finish();
    }
}

TEST(a_message_shows_bytes_that_are_not_utf8) {
    host_init(&host);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_PLAY, test_path("no-\xE9-log"), NULL),
                 ERROR_LOG_NOT_FOUND);
    CHECK_HAS(host_last_error().message, "no-\\xE9-log");
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_RECORD, NULL, "rr\xE9=1"), ERROR_BAD_OPTION);
    CHECK_HAS(host_last_error().message, "rr\\xE9");
}

TEST(images_and_overlays_may_have_any_name) {
    const char *image = test_path("\xE9.img"), *overlay = test_path("\xEA.overlay");
    static uint8_t data[512], back[512];
    write_image(image);
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, test_path("log"), NULL), OK);
    replay_block_config_t config = image_config(image, REPLAY_BLOCK_OVERLAY_FILE, overlay);
    replay_status_t status = REPLAY_OK;
    replay_block_t *block = replay_block_open(&config, &status);
    REQUIRE_STATUS(status, OK);
    host_start(&host, 3);
    CHECK_EQ(read_now(&host, block, 512, data, sizeof data), 0);
    CHECK_BYTES(data, disk.bytes + 512, sizeof data);
    memset(data, 0x5A, sizeof data);
    CHECK_EQ(write_now(&host, block, 512, data, sizeof data), 0);
    CHECK_EQ(read_now(&host, block, 512, back, sizeof back), 0);
    CHECK_BYTES(back, data, sizeof data);
    CHECK_STATUS(host_end(&host), OK);
    CHECK_EQ(access(overlay, R_OK), 0);
}

TEST(disks_may_have_any_name) {
    static const char *const names[] = {"\xE9", "\xE8", "caf\xC3\xA9", "cafe\xCC\x81"};
    char image[256];
    snprintf(image, sizeof image, "%s", test_path("image"));
    write_image(image);
    for (int play = 0; play < 3; play++) {
        host_init(&host);
        REQUIRE_STATUS(host_configure(&host, play ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD,
                                      test_path("log"), NULL),
                       OK);
        replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
        replay_status_t status = REPLAY_OK;
        config.filename = image;
        /* The last time without one of them. */
        for (int i = play == 2; i < 4; i++) {
            config.name = names[i];
            CHECK(replay_block_open(&config, &status) != NULL);
            CHECK_STATUS(status, OK);
        }
        CHECK(replay_block_open(&config, &status) == NULL); /* there is one of that name */
        CHECK_STATUS(status, ERROR_INVALID_ARGUMENT);
        if (play == 2) {
            CHECK_STATUS(replay_start(), ERROR_FINGERPRINT);
            CHECK_STR(host_last_error().device, "\\xE9");
        } else {
            CHECK_STATUS(replay_start(), OK);
        }
        replay_finish();
    }
}

/* ---------------------------------------------------------- each file once */

TEST(an_overlay_is_no_other_file_of_the_process) {
    const char *log = test_path("log"), *image = test_path("image"), *live = test_path("log.live");
    const char *by_link = test_path("by-link"), *by_name = test_path("by-name");
    record(log, NULL);
    write_image(image);
    for (int is_play = 0; is_play < 2; is_play++) {
        host_init(&host);
        REQUIRE_STATUS(
            host_configure(&host, is_play ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD, log, NULL), OK);
        size_t before, after;
        unlink(by_link), unlink(by_name);
        REQUIRE(symlink(log, by_link) == 0 && link(log, by_name) == 0);
        uint8_t *content = test_read_file(log, &before);
        const char *const names[] = {log, by_link, by_name};
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            CHECK_STATUS(open_disk(image, REPLAY_BLOCK_OVERLAY_FILE, names[i]),
                         ERROR_INVALID_ARGUMENT);
            CHECK_HAS(host_last_error().message, names[i]);
            /* No link is followed where the library writes. */
            CHECK_HAS(host_last_error().message, i == 1    ? "a symbolic link"
                                                 : is_play ? "log that this process replays"
                                                           : "log that this process records");
            /* Nor is a log the image of a disk, which would be read while it grows. */
            CHECK_STATUS(open_disk(names[i], REPLAY_BLOCK_OVERLAY_TEMPORARY, NULL),
                         ERROR_INVALID_ARGUMENT);
        }
        uint8_t *same = test_read_file(log, &after);
        REQUIRE(content && same && CHECK_EQ(after, before));
        CHECK_BYTES(same, content, before);
        free(content), free(same);
        if (!is_play) {
            CHECK_STATUS(replay_start(), OK);
            REQUIRE(access(live, R_OK) == 0);
        }
        replay_status_t status = replay_finish();
        CHECK(status == REPLAY_OK || is_play);
    }
}

/* A second session in the process. */
static replay_session_t *second;

static replay_status_t configure_second(replay_mode_t mode, const char *path) {
    static host_t other;
    host_init(&other);
    second = replay_session_new();
    REQUIRE(second && replay_session_push_current(second) == REPLAY_OK);
    return host_configure(&other, mode, path, NULL);
}

static void end_second(void) {
    replay_finish();
    CHECK_STATUS(replay_session_pop_current(), OK);
    CHECK_STATUS(replay_session_free(second), OK);
}

TEST(two_sessions_share_no_overlay_and_no_written_image) {
    const char *image = test_path("image"), *overlay = test_path("overlay");
    write_image(image);
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, test_path("a"), NULL), OK);
    CHECK_STATUS(open_disk(image, REPLAY_BLOCK_OVERLAY_FILE, overlay), OK);
    test_write_file(overlay, "content", 7);
    REQUIRE_STATUS(configure_second(REPLAY_MODE_RECORD, test_path("b")), OK);
    CHECK_STATUS(open_disk(image, REPLAY_BLOCK_OVERLAY_FILE, overlay), ERROR_INVALID_ARGUMENT);
    CHECK_HAS(host_last_error().message, "overlay");
    CHECK_STATUS(open_disk(image, REPLAY_BLOCK_OVERLAY_OFF, NULL), ERROR_INVALID_ARGUMENT);
    /* Both may read one image. */
    CHECK_STATUS(open_disk(image, REPLAY_BLOCK_OVERLAY_TEMPORARY, NULL), OK);
    end_second();
    /* Nor can an overlay be recorded to, full or empty, or replayed. */
    CHECK_STATUS(configure_second(REPLAY_MODE_RECORD, overlay), ERROR_LOG_BUSY);
    end_second();
    CHECK_STATUS(configure_second(REPLAY_MODE_PLAY, overlay), ERROR_LOG_BUSY);
    CHECK_HAS(host_last_error().message, "overlay");
    end_second();
    test_write_file(overlay, "", 0);
    CHECK_STATUS(configure_second(REPLAY_MODE_RECORD, overlay), ERROR_LOG_BUSY);
    CHECK_HAS(host_last_error().message, "overlay");
    end_second();
    size_t length;
    free(test_read_file(overlay, &length));
    CHECK_EQ(length, 0);
    CHECK_STATUS(replay_finish(), OK);
    /* A file that is no longer in use is free again. */
    REQUIRE_STATUS(configure_second(REPLAY_MODE_RECORD, test_path("b")), OK);
    CHECK_STATUS(open_disk(image, REPLAY_BLOCK_OVERLAY_OFF, NULL), OK);
    end_second();
}

TEST(a_log_is_replayed_by_several_sessions_at_once) {
    const char *log = test_path("log");
    record(log, NULL);
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_PLAY, log, NULL), OK);
    CHECK_STATUS(configure_second(REPLAY_MODE_PLAY, log), OK);
    end_second();
    CHECK_STATUS(configure_second(REPLAY_MODE_RECORD, log), ERROR_LOG_BUSY);
    end_second();
    replay_finish();
    replay(log, NULL);
}

/* ---------------------------------------------------------- what can be a disk */

TEST(only_a_file_or_a_block_device_is_a_disk) {
    const char *folder = test_path("folder"), *pipe = test_path("pipe");
    REQUIRE(mkdir(folder, 0777) == 0 && mkfifo(pipe, 0666) == 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/replay-test-%d", (int)getpid());
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    const struct {
        const char *path, *kind;
    } others[] = {
        {folder, "a folder"},
        {pipe, "a pipe"},
        {address.sun_path, "a socket"},
        {"/dev/null", "a character device"},
    };
    write_image(test_path("image"));
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, test_path("log"), NULL), OK);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        CHECK_STATUS(open_disk(others[i].path, REPLAY_BLOCK_OVERLAY_TEMPORARY, NULL),
                     ERROR_INVALID_ARGUMENT);
        CHECK_HAS(host_last_error().message, others[i].path);
        CHECK_HAS(host_last_error().message, others[i].kind);
        CHECK_STATUS(open_disk(test_path("image"), REPLAY_BLOCK_OVERLAY_FILE, others[i].path),
                     ERROR_INVALID_ARGUMENT);
        CHECK_HAS(host_last_error().message, others[i].kind);
    }
    CHECK_STATUS(replay_finish(), OK);
    close(listener);
    unlink(address.sun_path);
}

/* -------------------------------------------------------- the overlay's folder */

TEST(the_folder_of_overlays_can_be_chosen) {
    char options[512], folder[256], missing[256], image[256];
    snprintf(folder, sizeof folder, "%s", test_path("overlays"));
    snprintf(missing, sizeof missing, "%s", test_path("miss\xE9"));
    snprintf(image, sizeof image, "%s", test_path("image"));
    write_image(image);
    for (int i = 0; i < 2; i++) {
        for (int by_member = 0; by_member < 2; by_member++) {
            const char *name = i ? folder : missing;
            snprintf(options, sizeof options, "rroverlay=%s", name);
            host_init(&host);
            replay_config_t config = host_config(&host, REPLAY_MODE_RECORD, test_path("log"),
                                                 by_member ? NULL : options);
            if (by_member)
                config.overlay_folder = name;
            REQUIRE_STATUS(replay_configure(&config), OK);
            replay_status_t status = open_disk(image, REPLAY_BLOCK_OVERLAY_TEMPORARY, NULL);
            if (i) {
                CHECK_STATUS(status, OK);
            } else {
                CHECK_STATUS(status, ERROR_SYSTEM);
                CHECK_HAS(host_last_error().message, "miss\\xE9");
            }
            CHECK_STATUS(replay_finish(), OK);
        }
        mkdir(folder, 0777);
    }
    /* A host that knows no such member. */
    host_init(&host);
    replay_config_t config = host_config(&host, REPLAY_MODE_RECORD, test_path("log"), NULL);
    config.size = (uint32_t)offsetof(replay_config_t, overlay_folder);
    config.overlay_folder = missing;
    REQUIRE_STATUS(replay_configure(&config), OK);
    CHECK_STATUS(open_disk(image, REPLAY_BLOCK_OVERLAY_TEMPORARY, NULL), OK);
    CHECK_STATUS(replay_finish(), OK);
}

TEST(an_overlay_that_cannot_grow_is_reported_once) {
    static uint8_t data[4096];
    const char *folder = test_path("overlays");
    char options[512];
    REQUIRE(mkdir(folder, 0777) == 0);
    snprintf(options, sizeof options, "rroverlay=%s,rrsegment=256", folder);
    disk_fill(&disk);
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, test_path("log"), options), OK);
    replay_block_t *block = disk_open(&disk, REPLAY_BLOCK_OVERLAY_DEFAULT);
    host_start(&host, 3);
    CHECK_EQ(write_now(&host, block, 0, data, sizeof data), 0);
    CHECK_EQ(host.messages, 0);
    struct rlimit before, limit;
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    limit = before;
    limit.rlim_cur = 64 << 10;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(write_now(&host, block, 128 << 10, data, sizeof data), -EFBIG);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK_EQ(host.messages, 1);
    CHECK_HAS(host.last_message, "system");
    CHECK_HAS(host.last_message, folder);
    CHECK_HAS(host.last_message, "rroverlay");
    CHECK_EQ(write_now(&host, block, 128 << 10, data, sizeof data), 0);
    CHECK_STATUS(host_end(&host), OK);
}
