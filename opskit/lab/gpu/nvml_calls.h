/* What each call does first, and how it gets at a card's values. A card's handle is a pointer to its row. */

typedef struct { u32 index; } *card_t;

static __typeof__(*(card_t)0) cards[MAX_GPUS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for `users` and the event sets */
static int users;

static ret_t begin(const char *function) {
    pthread_mutex_lock(&lock);
    int ready = users;
    pthread_mutex_unlock(&lock);
    return ready ? outcome(function) : UNINIT;
}

static void card_key(card_t card, const char *name, char *key) {
    snprintf(key, KEY, "gpu%u.%s", card->index, name);
}

/* The failure scripted for a group of calls about this card, such as "mem" or "handle". */
static ret_t card_outcome(card_t card, const char *name) {
    char key[KEY];
    card_key(card, name, key);
    return outcome(key);
}

static ret_t begin_card(card_t card, const char *function) {
    ret_t ret = begin(function);
    if (ret) return ret;
    if (card < cards || card >= cards + MAX_GPUS) return BAD_ARG;
    ret = card_outcome(card, "all");
    return ret ? ret : card_outcome(card, function);
}

static ret_t card_text(card_t card, const char *name, char *value) {
    char key[KEY];
    card_key(card, name, key);
    return text(key, value);
}

static ret_t card_u64(card_t card, const char *name, u64 *out) {
    char value[LINE];
    ret_t ret = card_text(card, name, value);
    if (!ret) *out = value[0] == '-' ? (u64)strtoll(value, NULL, 0) : strtoull(value, NULL, 0);
    return ret;
}

static ret_t card_u32(card_t card, const char *name, u32 *out) {
    u64 wide = 0;
    ret_t ret = card_u64(card, name, &wide);
    if (!ret) *out = (u32)wide;
    return ret;
}

static ret_t whole_text(card_t card, const char *function, const char *name, char *out, u32 size) {
    char value[LINE];
    ret_t ret = begin_card(card, function);
    if (ret || (ret = card_text(card, name, value))) return ret;
    return copy(value, out, size);
}

static ret_t whole_u32(card_t card, const char *function, const char *name, u32 *out) {
    ret_t ret = begin_card(card, function);
    return ret ? ret : card_u32(card, name, out);
}

static ret_t whole_u64(card_t card, const char *function, const char *name, u64 *out) {
    ret_t ret = begin_card(card, function);
    return ret ? ret : card_u64(card, name, out);
}

/* One number that is now in force and one that will be after a restart: the same unless the state says otherwise. */
static ret_t whole_pair(card_t card, const char *function, const char *name, u32 *current, u32 *pending) {
    char later[KEY];
    ret_t ret = whole_u32(card, function, name, current);
    if (ret) return ret;
    snprintf(later, sizeof later, "%s_pending", name);
    if (card_u32(card, later, pending)) *pending = *current;
    return OK;
}

/* One value under one key, which is most of NVML. */
#define TEXT(function, key) \
    ret_t function(card_t card, char *out, u32 size) { return whole_text(card, __func__, key, out, size); }
#define NUMBER(function, key) \
    ret_t function(card_t card, u32 *out) { return whole_u32(card, __func__, key, out); }
#define LONG_NUMBER(function, key) \
    ret_t function(card_t card, u64 *out) { return whole_u64(card, __func__, key, out); }
#define PAIR(function, key) \
    ret_t function(card_t card, u32 *now, u32 *later) { return whole_pair(card, __func__, key, now, later); }
