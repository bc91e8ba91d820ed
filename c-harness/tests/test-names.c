/* SPDX-License-Identifier: MIT */
/* Status codes: their names and sentences. */
#include "test.h"

static const struct {
    replay_status_t code;
    const char *name, *sentence;
} all[] = {
#define ROW(code, name, sentence) {code, #name, sentence},
    REPLAY_STATUS_MAP(ROW)
#undef ROW
};
enum { COUNT = sizeof all / sizeof *all };

static const char *find(replay_status_t code) {
    for (size_t i = 0; i < COUNT; i++)
        if (all[i].code == code)
            return all[i].name;
    return NULL;
}

TEST(each_code_has_its_name_and_its_sentence) {
    for (size_t i = 0; i < COUNT; i++) {
        CHECK_STR(replay_status_name(all[i].code), all[i].name);
        CHECK_STR(replay_status_sentence(all[i].code), all[i].sentence);
    }
}

TEST(an_unknown_code_is_called_unknown) {
    for (replay_status_t code = -1000; code < 1000; code++) {
        if (find(code))
            continue;
        if (!CHECK_STR(replay_status_name(code), "UNKNOWN"))
            break;
        if (!CHECK(replay_status_sentence(code) && *replay_status_sentence(code)))
            break;
    }
    CHECK_STR(replay_status_name(INT32_MIN), "UNKNOWN");
    CHECK_STR(replay_status_name(INT32_MAX), "UNKNOWN");
    CHECK(replay_status_sentence(INT32_MIN) != NULL);
    CHECK(replay_status_sentence(INT32_MAX) != NULL);
}

TEST(an_answer_stays_the_same_string) {
    const char *name = replay_status_name(REPLAY_ERROR_LOG_CUT);
    for (size_t i = 0; i < COUNT; i++)
        replay_status_name(all[i].code);
    CHECK(replay_status_name(REPLAY_ERROR_LOG_CUT) == name);
    CHECK_STR(name, "ERROR_LOG_CUT");
}

TEST(codes_are_in_their_families) {
    for (size_t i = 0; i < COUNT; i++) {
        CHECK(all[i].code >= -499);
        CHECK((all[i].code < 0) == (strncmp(all[i].name, "ERROR_", 6) == 0));
        for (size_t j = 0; j < i; j++)
            CHECK(all[i].code != all[j].code);
    }
    CHECK_EQ(REPLAY_OK, 0);
    CHECK_EQ(REPLAY_ERROR_INVALID_ARGUMENT, -101);
    CHECK_EQ(REPLAY_ERROR_DIGEST, -406);
}
