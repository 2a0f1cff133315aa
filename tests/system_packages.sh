#!/bin/sh
# Install the Debian packages that the tests run for real, or name what is missing.
set -eu
missing=""
need() { [ -n "$(command -v "$1" 2>/dev/null || ls /usr/sbin/"$1" 2>/dev/null)" ] || missing="$missing $2"; }
need mosquitto mosquitto
need chromium chromium
need java default-jre-headless
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    # Services must not start by themselves: the tests start what they need on loopback.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod +x /usr/sbin/policy-rc.d
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "Missing Debian packages:$missing. Install them: sudo apt-get install$missing" >&2
    exit 1
fi
