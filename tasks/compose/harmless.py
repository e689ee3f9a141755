"""Values that give a service nothing which another container lacks, of keys whose other values are refused. Pure.

Many published files have them: capabilities given back after `cap_drop: [ALL]`, the time of the host.
"""

from __future__ import annotations

from typing import Any

# What a container has without asking for it, with Docker and with Podman. NET_RAW, MKNOD and AUDIT_WRITE are not
# among them: only Docker gives those.
CAPABILITIES = frozenset(
    [
        *("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    ]
)
# The time of the host and its random numbers: read-only, they tell nothing else.
PATHS = frozenset({"/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo", "/dev/urandom"})
# The options of a bridge that affect only the network itself: others name the bridge, which may be one of the host's,
# or open every port of it.
BRIDGE_OPTIONS = frozenset(
    {
        "com.docker.network.driver.mtu",
        "com.docker.network.container_iface_prefix",
        *(f"com.docker.network.{one}" for one in ("enable_ipv4", "enable_ipv6")),  # also keys of a network
        *(f"com.docker.network.bridge.{one}" for one in ("enable_icc", "enable_ip_masquerade", "host_binding_ipv4")),
    }
)
# The only one of the security options that merely removes a privilege.
SECURITY_OPTIONS = frozenset({"no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"})


def capabilities(value: Any) -> bool:
    """Return whether `cap_add` has only what every container has."""
    return {str(one).upper().removeprefix("CAP_") for one in value or []} <= CAPABILITIES


def security_options(value: Any) -> bool:
    """Return whether `security_opt` only removes privileges."""
    return set(value or []) <= SECURITY_OPTIONS


def bridge_options(value: Any) -> bool:
    """Return whether the `driver_opts` of a network concern that network alone."""
    return set(value or {}) <= BRIDGE_OPTIONS
