/* Reading the state: which files, which of their lines count, and what a key says. */

typedef unsigned int u32;
typedef unsigned long long u64;
typedef int ret_t;

/* nvmlReturn_t, as far as this library has reasons of its own to return it. */
enum {
    OK = 0,
    UNINIT = 1,
    BAD_ARG = 2,
    UNSUPPORTED = 3,
    NOT_FOUND = 6,
    TOO_SMALL = 7,
    NO_DRIVER = 9,
    TIMED_OUT = 10,
    NO_ROOM = 20,
    BAD_VERSION = 25
};
enum { MAX_GPUS = 16, LINE = 4096, KEY = 96, TICK_MS = 20 };

static char beside[3 * LINE];
static pthread_once_t beside_once = PTHREAD_ONCE_INIT;

static void find_beside(void) {
    Dl_info self;
    const char *slash;
    int width;
    if (!dladdr((void *)(uintptr_t)find_beside, &self) || !self.dli_fname) return;
    slash = strrchr(self.dli_fname, '/');
    width = slash ? (int)(slash - self.dli_fname) : 1;
    for (int i = 0; i < 3; i++) {
        static const char *names[] = {"card", "load", "fault"};
        size_t end = strlen(beside);
        snprintf(beside + end, sizeof beside - end, "%s%.*s/state/%s", end ? ":" : "", width,
                 slash ? self.dli_fname : ".", names[i]);
    }
}

/* The state's files, with colons between them. */
static const char *state_files(void) {
    const char *given = getenv("OPSKIT_NVML_STATE");
    if (given) return given;
    pthread_once(&beside_once, find_beside);
    return beside;
}

/* A process that was killed and not yet waited for is as dead as one that is gone. */
static int is_alive(u32 pid) {
    char path[KEY], line[LINE], *end;
    FILE *file;
    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    if (!(file = fopen(path, "r"))) return 0;
    end = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    fclose(file);
    return end && end[1] && !strchr("ZX", end[2]);
}

static int any_alive(const char *pids) {
    for (const char *rest = pids; *rest; rest += strcspn(rest, ","), rest += *rest == ',')
        if (is_alive((u32)strtoul(rest, NULL, 10))) return 1;
    return 0;
}

/* The value of the line, if it is about `key`. */
static const char *value_of(const char *line, const char *key) {
    size_t width = strlen(key);
    return !strncmp(line, key, width) && line[width] == ' ' ? line + width + 1 : NULL;
}

/* Look into one file; what a file whose owners are dead says does not count. */
static int lookup_in(const char *path, const char *key, char *value) {
    char line[LINE], last[LINE], owners[LINE] = "";
    const char *told;
    int found = 0;
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if ((told = value_of(line, "owner"))) strcpy(owners, told);
        if (!(told = value_of(line, key))) continue;
        strcpy(last, told);
        found = 1;
    }
    fclose(file);
    if (!found || (owners[0] && !any_alive(owners))) return 0;
    strcpy(value, last);
    return 1;
}

/* The value of `key`, or 0 where the state has no such line that counts. */
static int lookup(const char *key, char *value) {
    char path[LINE];
    int found = 0;
    for (const char *rest = state_files(); *rest;) {
        size_t width = strcspn(rest, ":");
        if (width && width < sizeof path) {
            memcpy(path, rest, width);
            path[width] = 0;
            found |= lookup_in(path, key, value);
        }
        rest += width + (rest[width] == ':');
    }
    return found;
}

static u64 now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (u64)now.tv_sec * 1000 + (u64)now.tv_nsec / 1000000;
}

static long long wall_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void rest_a_tick(void) {
    struct timespec tick = {0, TICK_MS * 1000000L};
    nanosleep(&tick, NULL);
}

/* Block for as long as the state says so. */
static void hang(const char *key) {
    char hang_key[KEY + 8], value[LINE];
    u64 begun = now_ms();
    snprintf(hang_key, sizeof hang_key, "%s.hang", key);
    while (lookup(hang_key, value) && (double)(now_ms() - begun) < 1000 * atof(value)) rest_a_tick();
}

/* The value of a key, or the failure that is scripted for it. */
static ret_t text(const char *key, char *value) {
    hang(key);
    if (!lookup(key, value)) return UNSUPPORTED;
    return value[0] == '!' ? atoi(value + 1) : OK;
}

/* Only the failure: for keys that stand for calls and have no value. */
static ret_t outcome(const char *key) {
    char value[LINE];
    hang(key);
    return lookup(key, value) && value[0] == '!' ? atoi(value + 1) : OK;
}

static ret_t copy(const char *value, char *out, u32 size) {
    if (strlen(value) >= size) return TOO_SMALL;
    strcpy(out, value);
    return OK;
}
