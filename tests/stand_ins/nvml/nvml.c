/* A stand-in for NVIDIA's libnvidia-ml.so.1, driven by a text file.
 *
 * Signatures, struct layouts and return codes follow nvml.h of CUDA 13 as the unmodified Python binding
 * (nvidia-ml-py, module pynvml) uses them on x86-64. The file named by OPSKIT_NVML_STATE is read again at each
 * call, so a test changes the "hardware" under a running process. A line is `key value`; the last one counts.
 *   gpu0.temp 91        a value               gpu0.temp !15         the call fails with return code 15
 *   gpu0.temp.hang 30   the call blocks for 30 s, or until the line is gone
 *   gpu0.all !15        every call for this card fails, as after it fell off the bus
 * A value that is not there is "not supported", as for a card without that sensor.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef unsigned int u32;
typedef unsigned long long u64;
typedef int ret_t;
typedef struct { u32 index; } *card_t;

enum { OK = 0, UNINIT = 1, BAD_ARG = 2, UNSUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, NO_DRIVER = 9, BAD_VERSION = 25 };
enum { MAX_GPUS = 16, LINE = 8192, KEY = 96 };

static struct { u32 index; } cards[MAX_GPUS];
static int users;

/* The value of `key`, or 0 where the state has no such line. */
static int lookup(const char *key, char *value) {
    const char *path = getenv("OPSKIT_NVML_STATE");
    FILE *file = path ? fopen(path, "r") : NULL;
    char line[LINE];
    size_t width = strlen(key);
    int found = 0;
    if (!file) return 0;
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, key, width) || line[width] != ' ') continue;
        line[strcspn(line, "\n")] = 0;
        strcpy(value, line + width + 1);
        found = 1;
    }
    fclose(file);
    return found;
}

static void hang(const char *key) {
    char hang_key[KEY + 8], value[LINE];
    struct timespec tick = {0, 50 * 1000 * 1000};
    double waited = 0;
    snprintf(hang_key, sizeof hang_key, "%s.hang", key);
    while (lookup(hang_key, value) && waited < atof(value)) {
        nanosleep(&tick, NULL);
        waited += 0.05;
    }
}

static ret_t text(const char *key, char *value) {
    hang(key);
    if (!lookup(key, value)) return UNSUPPORTED;
    return value[0] == '!' ? atoi(value + 1) : OK;
}

/* Only the faults scripted under `key`: for calls whose values stand under other keys. */
static ret_t fault(const char *key) {
    char value[LINE];
    ret_t ret = text(key, value);
    return ret == UNSUPPORTED && !lookup(key, value) ? OK : ret;
}

static ret_t card_key(card_t card, const char *name, char *key) {
    ret_t ret;
    if (!users) return UNINIT;
    if (!card || card->index >= MAX_GPUS) return BAD_ARG;
    snprintf(key, KEY, "gpu%u.all", card->index);
    ret = fault(key);
    snprintf(key, KEY, "gpu%u.%s", card->index, name);
    return ret;
}

static ret_t card_text(card_t card, const char *name, char *value) {
    char key[KEY];
    ret_t ret = card_key(card, name, key);
    return ret ? ret : text(key, value);
}

static ret_t card_fault(card_t card, const char *name) {
    char key[KEY];
    ret_t ret = card_key(card, name, key);
    return ret ? ret : fault(key);
}

static ret_t card_u64(card_t card, const char *name, u64 *out) {
    char value[LINE];
    ret_t ret = card_text(card, name, value);
    if (!ret) *out = (u64)strtoll(value, NULL, 0);
    return ret;
}

static ret_t card_u32(card_t card, const char *name, u32 *out) {
    u64 wide = 0;
    ret_t ret = card_u64(card, name, &wide);
    if (!ret) *out = (u32)wide;
    return ret;
}

static ret_t copy(const char *value, char *out, u32 size) {
    if (strlen(value) >= size) return TOO_SMALL;
    strcpy(out, value);
    return OK;
}

static ret_t system_text(const char *key, char *out, u32 size) {
    char value[LINE];
    ret_t ret = text(key, value);
    return ret ? ret : copy(value, out, size);
}

/* --- library and system --- */

ret_t nvmlInitWithFlags(u32 flags) {
    char value[LINE];
    ret_t ret = fault("init");
    (void)flags;
    if (ret) return ret;
    if (!lookup("gpus", value)) return NO_DRIVER; /* no state at all: nothing is plugged in */
    for (u32 i = 0; i < MAX_GPUS; i++) cards[i].index = i;
    users++;
    return OK;
}
ret_t nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
ret_t nvmlShutdown(void) { return users ? (users--, OK) : UNINIT; }

const char *nvmlErrorString(ret_t code) {
    static const char *names[] = {
        "Success", "Uninitialized", "Invalid Argument", "Not Supported", "Insufficient Permissions",
        "Already Initialized", "Not Found", "Insufficient Size", "Insufficient External Power", "Driver Not Loaded",
        "Timeout", "Interrupt Request Issue", "NVML Shared Library Not Found", "Function Not Found",
        "Corrupted infoROM", "GPU is lost", "GPU requires restart", "The operating system has blocked the request.",
        "RM has detected an NVML/RM version mismatch.", "In use by another client", "Insufficient Memory"};
    if (code >= 0 && (size_t)code < sizeof names / sizeof *names) return names[code];
    return code == BAD_VERSION ? "Argument version mismatch" : "Unknown Error";
}

ret_t nvmlSystemGetDriverVersion(char *out, u32 size) { return system_text("driver", out, size); }
ret_t nvmlSystemGetNVMLVersion(char *out, u32 size) { return system_text("nvml", out, size); }
ret_t nvmlSystemGetCudaDriverVersion(int *out) {
    char value[LINE];
    ret_t ret = text("cuda", value);
    if (!ret) *out = atoi(value);
    return ret;
}
ret_t nvmlSystemGetCudaDriverVersion_v2(int *out) { return nvmlSystemGetCudaDriverVersion(out); }

/* --- which cards there are --- */

ret_t nvmlDeviceGetCount_v2(u32 *out) {
    char value[LINE];
    ret_t ret = users ? fault("count") : UNINIT;
    if (ret || (ret = text("gpus", value))) return ret;
    *out = (u32)atoi(value);
    return OK;
}

ret_t nvmlDeviceGetHandleByIndex_v2(u32 index, card_t *out) {
    u32 count = 0;
    ret_t ret = nvmlDeviceGetCount_v2(&count);
    if (ret) return ret;
    if (index >= count || index >= MAX_GPUS) return BAD_ARG;
    *out = (card_t)&cards[index];
    return card_fault(*out, "handle");
}

ret_t nvmlDeviceGetHandleByUUID(const char *uuid, card_t *out) {
    char value[LINE];
    for (u32 i = 0; i < MAX_GPUS; i++)
        if (!card_text((card_t)&cards[i], "uuid", value) && !strcmp(value, uuid))
            return nvmlDeviceGetHandleByIndex_v2(i, out);
    return users ? NOT_FOUND : UNINIT;
}

static ret_t card_string(card_t card, const char *name, char *out, u32 size) {
    char value[LINE];
    ret_t ret = card_text(card, name, value);
    return ret ? ret : copy(value, out, size);
}
ret_t nvmlDeviceGetUUID(card_t card, char *out, u32 size) { return card_string(card, "uuid", out, size); }
ret_t nvmlDeviceGetName(card_t card, char *out, u32 size) { return card_string(card, "name", out, size); }

#include "nvml_readings.h"
