#!/bin/sh
# Arguments are program:package, the program by name or path. Missing programs are installed as root, and named otherwise.
set -eu
missing=""
for pair in "$@"; do
    program=${pair%%:*}
    package=${pair#*:}
    case $program in
        /*) [ -e "$program" ] || missing="$missing $package" ;;
        libc.h) [ -e /usr/include/stdio.h ] || missing="$missing $package" ;;
        *) PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null 2>&1 || missing="$missing $package" ;;
    esac
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ]; then
    echo "the tests need these system packages: apt-get install$missing" >&2
    exit 1
fi
apt-get update -qq
# nginx, Nagios and Icinga are only wanted as programs: their own services must not start and take ports.
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d.opskit && chmod +x /usr/sbin/policy-rc.d.opskit
[ -e /usr/sbin/policy-rc.d ] || { mv /usr/sbin/policy-rc.d.opskit /usr/sbin/policy-rc.d; ours=1; }
# shellcheck disable=SC2086  # a list of names
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
[ -z "${ours:-}" ] || rm -f /usr/sbin/policy-rc.d
rm -f /usr/sbin/policy-rc.d.opskit
