/* SPDX-License-Identifier: MIT */
#include "gdb-client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

bool gdb_connect(gdb_client_t *c, const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    struct timeval limit = {.tv_sec = 15};
    c->socket = socket(AF_UNIX, SOCK_STREAM, 0);
    setsockopt(c->socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return CHECK(connect(c->socket, (struct sockaddr *)&address, sizeof address) == 0);
}

void gdb_close(gdb_client_t *c) {
    close(c->socket);
}

void gdb_send_raw(gdb_client_t *c, const void *bytes, size_t length) {
    (void)!send(c->socket, bytes, length, MSG_NOSIGNAL);
}

void gdb_send(gdb_client_t *c, const char *content) {
    char frame[2048];
    uint8_t sum = 0;
    for (const char *at = content; *at; at++)
        sum = (uint8_t)(sum + *at);
    int length = snprintf(frame, sizeof frame, "$%s#%02x", content, sum);
    REQUIRE(length > 0 && (size_t)length < sizeof frame);
    gdb_send_raw(c, frame, (size_t)length);
}

static bool next_byte(gdb_client_t *c, char *byte) {
    return recv(c->socket, byte, 1, 0) == 1;
}

const char *gdb_receive(gdb_client_t *c) {
    char byte = 0;
    size_t length = 0;
    c->packet[0] = 0;
    while (next_byte(c, &byte) && byte != '$')
        ;
    while (byte == '$' || byte != '#') {
        if (!next_byte(c, &byte) || length >= sizeof c->packet - 1)
            return "";
        if (byte != '#')
            c->packet[length++] = byte;
    }
    c->packet[length] = 0;
    next_byte(c, &byte);
    next_byte(c, &byte);
    return c->packet;
}

const char *gdb_ask(gdb_client_t *c, const char *format, ...) {
    char content[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(content, sizeof content, format, arguments);
    va_end(arguments);
    gdb_send(c, content);
    return gdb_receive(c);
}

uint64_t gdb_register(gdb_client_t *c, unsigned number) {
    uint64_t big = strtoull(gdb_ask(c, "p%x", number), NULL, 16);
    return __builtin_bswap64(big);
}

const char *gdb_monitor(gdb_client_t *c, const char *command) {
    static char text[8192];
    char packet[512] = "qRcmd,";
    size_t length = strlen(packet), count = 0;
    for (const char *at = command; *at && length + 3 < sizeof packet; at++)
        length += (size_t)snprintf(packet + length, sizeof packet - length, "%02x", (uint8_t)*at);
    gdb_send(c, packet);
    bool more = true;
    while (more && strcmp(gdb_receive(c), "OK") != 0) {
        more = c->packet[0] == 'O'; /* else this is the answer and its text */
        for (const char *at = c->packet + more; at[0] && at[1] && count + 1 < sizeof text;
             at += 2) {
            char digits[3] = {at[0], at[1], 0};
            text[count++] = (char)strtoul(digits, NULL, 16);
        }
    }
    text[count] = 0;
    CHECK(count > 0);
    return text;
}
