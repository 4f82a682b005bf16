/* A stand-in for NVIDIA's libnvidia-ml.so.1, driven by text files.
 *
 * Signatures, struct layouts and return codes follow nvml.h of CUDA 13 as the unmodified Python binding
 * (nvidia-ml-py, module pynvml) uses them on x86-64. The state is read again at each call, so the "hardware" changes
 * under a running process. It stands in the files of OPSKIT_NVML_STATE, with colons between them, or else in the
 * files `card`, `load` and `fault` of the folder `state` beside this library. A line is `key value`; the last counts.
 *
 *   gpus 2                  so many cards; no such line at all: no driver
 *   gpu0.temp 91            a value; each function below names its keys
 *   gpu0.temp !15           the calls that need this value fail with return code 15
 *   gpu0.temp.hang 30       and this way they block for 30 s, or until the line is gone
 *   gpu0.all !15            every call for this card fails, as after it fell off the bus
 *   gpu0.nvmlDeviceGetName !4     a single function fails for this card; `.hang` works here too
 *   nvmlInitWithFlags !18   a function that is about no card; `init` and `count` are short for their families
 *   owner 4711,4712         the lines of this file count only while one of these processes lives
 *
 * A value that is not there is "not supported", as for a card without that sensor.
 *
 * Memory: `gpuN.mem_used` is what is in use and `gpuN.procs` is who uses it, `pid:bytes,...`; `none` and `-` are
 * nobody. `gpuN.foreign_procs` and `gpuN.foreign_used` are other tenants and what they hold. They are added to both
 * here, unless `procs` lists one of them already: then whoever wrote `procs` has counted them in `mem_used`. So the
 * figures are right with a writer that sees the whole card (the Ollama of the lab), before it has written anything, and
 * after it died if its file names its `owner`. More than the card has is cut to what it has.
 *
 * A new Xid is `gpuN.xid CODE SERIAL` with another serial than before; see nvml_events.h.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "nvml_state.h"

#include "nvml_calls.h"
#include "nvml_errors.h"

/* --- library --- */

static ret_t open_library(const char *function) {
    char value[LINE];
    ret_t ret = outcome("init");
    if (ret || (ret = outcome(function))) return ret;
    if (!lookup("gpus", value)) return NO_DRIVER;
    pthread_mutex_lock(&lock);
    for (u32 i = 0; !users && i < MAX_GPUS; i++) cards[i].index = i;
    users++;
    pthread_mutex_unlock(&lock);
    return OK;
}

ret_t nvmlInit(void) { return open_library(__func__); }
ret_t nvmlInit_v2(void) { return open_library(__func__); }
ret_t nvmlInitWithFlags(u32 flags) {
    (void)flags;
    return open_library(__func__);
}

ret_t nvmlShutdown(void) {
    ret_t ret = outcome(__func__);
    if (ret) return ret;
    pthread_mutex_lock(&lock);
    ret = users ? OK : UNINIT;
    users -= !ret;
    pthread_mutex_unlock(&lock);
    return ret;
}

/* --- system: `driver`, `nvml`, `cuda`, `process.PID` --- */

static ret_t system_text(const char *function, const char *key, char *out, u32 size) {
    char value[LINE];
    ret_t ret = begin(function);
    if (ret || (ret = text(key, value))) return ret;
    return copy(value, out, size);
}
ret_t nvmlSystemGetDriverVersion(char *out, u32 size) { return system_text(__func__, "driver", out, size); }
ret_t nvmlSystemGetNVMLVersion(char *out, u32 size) { return system_text(__func__, "nvml", out, size); }

static ret_t cuda_version(const char *function, int *out) {
    char value[LINE];
    ret_t ret = begin(function);
    if (!ret && !(ret = text("cuda", value))) *out = atoi(value);
    return ret;
}
ret_t nvmlSystemGetCudaDriverVersion(int *out) { return cuda_version(__func__, out); }
ret_t nvmlSystemGetCudaDriverVersion_v2(int *out) { return cuda_version(__func__, out); }

/* The name of a process: as the state tells it, else that of the real process. */
ret_t nvmlSystemGetProcessName(u32 pid, char *out, u32 size) {
    char key[KEY], value[LINE];
    ssize_t width;
    ret_t ret = begin(__func__);
    if (ret) return ret;
    snprintf(key, sizeof key, "process.%u", pid);
    if ((ret = text(key, value)) != UNSUPPORTED) return ret ? ret : copy(value, out, size);
    snprintf(key, sizeof key, "/proc/%u/exe", pid);
    if ((width = readlink(key, value, sizeof value - 1)) < 0) return NOT_FOUND;
    value[width] = 0;
    return copy(value, out, size);
}

/* --- which cards there are --- */

static ret_t count_cards(const char *function, u32 *out) {
    char value[LINE];
    ret_t ret = begin(function);
    if (ret || (ret = outcome("count")) || (ret = text("gpus", value))) return ret;
    *out = (u32)atoi(value);
    if (*out > MAX_GPUS) *out = MAX_GPUS;
    return OK;
}
ret_t nvmlDeviceGetCount(u32 *out) { return count_cards(__func__, out); }
ret_t nvmlDeviceGetCount_v2(u32 *out) { return count_cards(__func__, out); }

/* A card that is gone fails here, and the others stay usable (nvml.h, nvmlInit_v2). */
static ret_t card_at(const char *function, u32 index, card_t *out) {
    u32 count = 0;
    ret_t ret = count_cards(function, &count);
    if (ret) return ret;
    if (index >= count) return BAD_ARG;
    *out = &cards[index];
    ret = begin_card(*out, function);
    return ret ? ret : card_outcome(*out, "handle");
}
ret_t nvmlDeviceGetHandleByIndex(u32 index, card_t *out) { return card_at(__func__, index, out); }
ret_t nvmlDeviceGetHandleByIndex_v2(u32 index, card_t *out) { return card_at(__func__, index, out); }

/* Find a card by what the state says about it, even if the card does not answer any more. */
static ret_t card_by(const char *function, const char *name, const char *wanted, card_t *out) {
    u32 count = 0;
    ret_t ret = count_cards(function, &count);
    for (u32 i = 0; !ret && i < count; i++) {
        char key[KEY], value[LINE];
        snprintf(key, sizeof key, "gpu%u.%s", i, name);
        if (lookup(key, value) && !strcmp(value, wanted)) return card_at(function, i, out);
    }
    return ret ? ret : NOT_FOUND;
}
ret_t nvmlDeviceGetHandleByUUID(const char *uuid, card_t *out) { return card_by(__func__, "uuid", uuid, out); }
ret_t nvmlDeviceGetHandleBySerial(const char *serial, card_t *out) { return card_by(__func__, "serial", serial, out); }

static ret_t card_on_bus(const char *function, const char *bus_id, card_t *out) {
    char address[48];
    u32 domain, bus, device;
    if (!bus_id || sscanf(bus_id, "%x:%x:%x", &domain, &bus, &device) != 3) return BAD_ARG;
    snprintf(address, sizeof address, "%x:%x:%x", domain, bus, device);
    return card_by(function, "pci", address, out);
}
ret_t nvmlDeviceGetHandleByPciBusId(const char *id, card_t *out) { return card_on_bus(__func__, id, out); }
ret_t nvmlDeviceGetHandleByPciBusId_v2(const char *id, card_t *out) { return card_on_bus(__func__, id, out); }

#include "nvml_identity.h"
#include "nvml_memory.h"
#include "nvml_work.h"
#include "nvml_health.h"
#include "nvml_fields.h"
#include "nvml_events.h"
