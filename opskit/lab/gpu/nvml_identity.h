/* What a card is: names and numbers that do not change while it works. */

typedef struct {
    char legacy[16];
    u32 domain, bus, device, id, subsystem;
    char bus_id[32];
} pci_t;
_Static_assert(sizeof(pci_t) == 68, "nvmlPciInfo_t");

TEXT(nvmlDeviceGetUUID, "uuid")
TEXT(nvmlDeviceGetName, "name")
TEXT(nvmlDeviceGetSerial, "serial")
TEXT(nvmlDeviceGetVbiosVersion, "vbios")
TEXT(nvmlDeviceGetBoardPartNumber, "part")
TEXT(nvmlDeviceGetInforomImageVersion, "inforom")

NUMBER(nvmlDeviceGetBrand, "brand")
NUMBER(nvmlDeviceGetArchitecture, "architecture")
NUMBER(nvmlDeviceGetNumGpuCores, "cores")
NUMBER(nvmlDeviceGetBusType, "bus_type")
NUMBER(nvmlDeviceGetMultiGpuBoard, "multi_gpu_board")

/* Settings. The driver model exists on Windows only, MIG on A100, A30, H100 and their like. */
NUMBER(nvmlDeviceGetPersistenceMode, "persistence")
NUMBER(nvmlDeviceGetComputeMode, "compute_mode")
NUMBER(nvmlDeviceGetDisplayActive, "display_active")
NUMBER(nvmlDeviceGetDisplayMode, "display_mode")
PAIR(nvmlDeviceGetDriverModel, "driver_model")
PAIR(nvmlDeviceGetDriverModel_v2, "driver_model")
PAIR(nvmlDeviceGetMigMode, "mig")

static ret_t own_number(card_t card, const char *function, u32 *out) {
    ret_t ret = begin_card(card, function);
    if (!ret) *out = card->index;
    return ret;
}
ret_t nvmlDeviceGetIndex(card_t card, u32 *out) { return own_number(card, __func__, out); }
ret_t nvmlDeviceGetMinorNumber(card_t card, u32 *out) { return own_number(card, __func__, out); }

/* `compute_capability 8.6` */
ret_t nvmlDeviceGetCudaComputeCapability(card_t card, int *major, int *minor) {
    char value[LINE];
    ret_t ret = begin_card(card, __func__);
    if (ret || (ret = card_text(card, "compute_capability", value))) return ret;
    return sscanf(value, "%d.%d", major, minor) == 2 ? OK : BAD_ARG;
}

/* The firmware runs on the card since driver 510: `gsp 1` and `gsp_version`. */
ret_t nvmlDeviceGetGspFirmwareMode(card_t card, u32 *enabled, u32 *by_default) {
    ret_t ret = whole_u32(card, __func__, "gsp", enabled);
    if (!ret) *by_default = 1;
    return ret;
}
ret_t nvmlDeviceGetGspFirmwareVersion(card_t card, char *out) {
    return whole_text(card, __func__, "gsp_version", out, 64);
}

/* `pci 0:17:0` is domain, bus and device, in hexadecimal digits. */
static ret_t pci(card_t card, const char *function, pci_t *out) {
    char value[LINE];
    ret_t ret = begin_card(card, function);
    if (ret || (ret = card_text(card, "pci", value))) return ret;
    memset(out, 0, sizeof *out);
    if (sscanf(value, "%x:%x:%x", &out->domain, &out->bus, &out->device) != 3) return BAD_ARG;
    out->domain &= 0xffff, out->bus &= 0xff, out->device &= 0xff;
    snprintf(out->legacy, sizeof out->legacy, "%04X:%02X:%02X.0", out->domain, out->bus, out->device);
    snprintf(out->bus_id, sizeof out->bus_id, "%08X:%02X:%02X.0", out->domain, out->bus, out->device);
    if (card_u32(card, "pci_id", &out->id)) out->id = 0x223610de; /* an A10 */
    return OK;
}
ret_t nvmlDeviceGetPciInfo_v2(card_t card, pci_t *out) { return pci(card, __func__, out); }
ret_t nvmlDeviceGetPciInfo_v3(card_t card, pci_t *out) { return pci(card, __func__, out); }

NUMBER(nvmlDeviceGetCurrPcieLinkGeneration, "pcie_gen")
NUMBER(nvmlDeviceGetMaxPcieLinkGeneration, "pcie_gen_max")
NUMBER(nvmlDeviceGetGpuMaxPcieLinkGeneration, "pcie_gen_max")
NUMBER(nvmlDeviceGetCurrPcieLinkWidth, "pcie_width")
NUMBER(nvmlDeviceGetMaxPcieLinkWidth, "pcie_width_max")
NUMBER(nvmlDeviceGetPcieReplayCounter, "pcie_replays")

/* KB/s; the real call measures for 20 ms. */
ret_t nvmlDeviceGetPcieThroughput(card_t card, u32 counter, u32 *out) {
    static const char *names[] = {"pcie_tx", "pcie_rx"};
    return counter < 2 ? whole_u32(card, __func__, names[counter], out) : BAD_ARG;
}
