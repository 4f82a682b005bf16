"""The lab: the whole chat chain on loopback ports as an ordinary user, with faults to inject."""
