/* Events: of those that a card supports (`events`, a mask), Xids happen here.
 *
 * `gpuN.xid CODE SERIAL` is an event whenever SERIAL is another than at the last look, and not 0. The first look is at
 * registration: what happened before is not told, as with the real library.
 */

typedef struct {
    card_t card;
    u64 type, data;
    u32 gpu_instance, compute_instance;
} event_t;
_Static_assert(sizeof(event_t) == 32, "nvmlEventData_t");

enum { MAX_SETS = 16, XID_EVENT = 0x8 };

typedef struct {
    int in_use;
    u64 wanted[MAX_GPUS]; /* event types of each card, 0: not registered */
    u64 seen[MAX_GPUS];   /* serials */
} event_set_t;

static event_set_t sets[MAX_SETS];

static int is_set(const event_set_t *set) { return set >= sets && set < sets + MAX_SETS; }

static u64 xid_serial(card_t card, u64 *code) {
    char value[LINE];
    u64 serial = 0;
    if (card_text(card, "xid", value) || sscanf(value, "%llu %llu", code, &serial) != 2) return 0;
    return serial;
}

ret_t nvmlEventSetCreate(event_set_t **out) {
    ret_t ret = begin(__func__);
    if (ret) return ret;
    ret = NO_ROOM;
    pthread_mutex_lock(&lock);
    for (int i = 0; ret && i < MAX_SETS; i++) {
        if (sets[i].in_use) continue;
        sets[i] = (event_set_t){.in_use = 1};
        *out = &sets[i];
        ret = OK;
    }
    pthread_mutex_unlock(&lock);
    return ret;
}

ret_t nvmlEventSetFree(event_set_t *set) {
    ret_t ret = begin(__func__);
    if (ret || !is_set(set)) return ret ? ret : BAD_ARG;
    pthread_mutex_lock(&lock);
    ret = set->in_use ? OK : BAD_ARG;
    set->in_use = 0;
    pthread_mutex_unlock(&lock);
    return ret;
}

LONG_NUMBER(nvmlDeviceGetSupportedEventTypes, "events")

ret_t nvmlDeviceRegisterEvents(card_t card, u64 types, event_set_t *set) {
    u64 supported = 0, serial, code;
    ret_t ret = whole_u64(card, __func__, "events", &supported);
    if (ret) return ret;
    if (!is_set(set) || !types) return BAD_ARG;
    if (types & ~supported) return UNSUPPORTED;
    serial = xid_serial(card, &code);
    pthread_mutex_lock(&lock);
    ret = set->in_use ? OK : BAD_ARG;
    set->wanted[card->index] |= types;
    set->seen[card->index] = serial;
    pthread_mutex_unlock(&lock);
    return ret;
}

/* An Xid that is new to this set, or OK without one; a set that was freed meanwhile is an error. */
static ret_t look(event_set_t *set, card_t card, event_t *out, int *found) {
    u64 code = 0, serial = xid_serial(card, &code);
    pthread_mutex_lock(&lock);
    ret_t ret = set->in_use ? OK : BAD_ARG;
    if (!ret && set->wanted[card->index] & XID_EVENT && serial != set->seen[card->index]) {
        *found = serial != 0;
        *out = (event_t){card, XID_EVENT, code, ~0u, ~0u};
        set->seen[card->index] = serial;
    }
    pthread_mutex_unlock(&lock);
    return ret;
}

static int is_registered(event_set_t *set, u32 index) {
    pthread_mutex_lock(&lock);
    int wanted = set->wanted[index] != 0;
    pthread_mutex_unlock(&lock);
    return wanted;
}

/* Xids go first: the one that took a card off the bus can still be heard, and only then the card is lost. */
static ret_t look_at_all(event_set_t *set, const char *function, event_t *out, int *found) {
    ret_t ret = OK;
    for (u32 i = 0; !ret && !*found && i < MAX_GPUS; i++)
        if (is_registered(set, i)) ret = look(set, &cards[i], out, found);
    for (u32 i = 0; !ret && !*found && i < MAX_GPUS; i++)
        if (is_registered(set, i)) ret = begin_card(&cards[i], function);
    return ret;
}

static ret_t wait_for(event_set_t *set, const char *function, event_t *out, u32 timeout_ms) {
    u64 begun = now_ms();
    int found = 0;
    ret_t ret = begin(function);
    if (ret || !is_set(set)) return ret ? ret : BAD_ARG;
    while (!(ret = begin(function)) && !(ret = look_at_all(set, function, out, &found)) && !found) {
        if (now_ms() - begun >= timeout_ms) return TIMED_OUT;
        rest_a_tick();
    }
    return ret;
}
ret_t nvmlEventSetWait(event_set_t *set, event_t *out, u32 timeout_ms) {
    return wait_for(set, __func__, out, timeout_ms);
}
ret_t nvmlEventSetWait_v2(event_set_t *set, event_t *out, u32 timeout_ms) {
    return wait_for(set, __func__, out, timeout_ms);
}
