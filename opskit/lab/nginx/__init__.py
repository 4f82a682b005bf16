"""The installed Nginx with a configuration of the lab: the reference site, or the recommended one."""
