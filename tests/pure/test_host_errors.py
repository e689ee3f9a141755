"""What Docker really answers when its host cannot run containers, and what it answers when the app is at fault.

Recorded from Docker 20.10.24 on Debian 12, but for those with an issue beside them: those are of newer Engines.
"""

from __future__ import annotations

import pytest

from tasks.docker.host_errors import is_disk_full, is_host_not_ready
from tasks.docker.records import container_record

ENDPOINT = "on endpoint shop-v1 (5f2079e50e4f65899011049a966b0de431d6cc32a76db8f3ae90dd32370ea43f)"
NOT_RUN = "OCI runtime create failed: runc create failed: unable to start container process"
NO_PARSER = (
    "AppArmor enabled on system but the docker-default profile could not be loaded: running `apparmor_parser "
    'apparmor_parser --version` failed with output: \nerror: exec: "apparmor_parser": executable file not found '
    "in $PATH"
)
NO_RUNC = (
    "failed to create shim task: OCI runtime create failed: unable to retrieve OCI runtime error (open /run/containerd/"
    'io.containerd.runtime.v2.task/moby/5960/log.json: no such file or directory): exec: "runc": executable file not '
    "found in $PATH: unknown"
)


@pytest.mark.parametrize(
    "words",
    [
        NO_PARSER,
        # moby/moby#36952: a parser that does not understand its own files
        "AppArmor enabled on system but the docker-default profile could not be loaded: running `/sbin/apparmor_parser "
        "apparmor_parser -Kr /var/lib/docker/tmp/docker-default771187589` failed with output: AppArmor parser error",
        # docker-wyze-bridge#848: the profile is not in the kernel
        "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "
        "error during container init: unable to apply apparmor profile: apparmor failed to apply profile: "
        "write /proc/self/attr/apparmor/exec: no such file or directory: unknown",
        'exec: "docker-init": executable file not found in $PATH',
        NO_RUNC,
        f'driver failed programming external connectivity {ENDPOINT}: exec: "docker-proxy": executable file not found '
        "in $PATH",
        # moby/moby#26494
        f"driver failed programming external connectivity {ENDPOINT}:  (iptables failed: iptables --wait -t nat -A "
        "DOCKER -p tcp -d 0/0 --dport 10000: iptables: No chain/target/match by that name.\n (exit status 1))",
        # pipelock#364
        "failed to set up container networking: driver failed programming external connectivity "
        f"{ENDPOINT}: Unable to enable DNAT rule:  (iptables failed: iptables --wait -t nat -A DOCKER: iptables: No "
        "chain/target/match by that name.\n (exit status 1))",
        # synology-docker#43: the kernel has no raw table
        "failed to set up container networking: failed to create endpoint spotweb on network docker_bridge: Unable to "
        "enable DIRECT ACCESS FILTERING - DROP rule: (iptables failed: iptables --wait -t raw -A PREROUTING)",
        # BuildKit
        'executor failed running [/bin/sh -c true]: exec: "runc": executable file not found in $PATH',
        'failed to solve: process "/bin/sh -c a\nb" did not complete successfully: exec: "runc": executable file not '
        "found in $PATH",
    ],
)
def test_a_host_that_cannot_run_containers_is_told_from_its_words(words: str) -> None:
    assert is_host_not_ready(words)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "
        'exec: "/no/such": stat /no/such: no such file or directory: unknown',
        "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "
        'exec: "nginx": executable file not found in $PATH: unknown',
        f"driver failed programming external connectivity {ENDPOINT}: Error starting userland proxy: "
        "listen tcp4 127.0.0.1:18080: bind: address already in use",
        f"driver failed programming external connectivity {ENDPOINT}: Bind for 0.0.0.0:80 failed: port is already "
        "allocated",
        "Conflict. The container name is already in use",
        # What an app says itself stands behind Docker's own words, whatever it is.
        f'{NOT_RUN}: exec: "{NO_PARSER}": unknown',
        f'{NOT_RUN}: exec: "{NO_RUNC}": unknown',
        'executor failed running [/bin/sh -c x]: exec: "runc": executable file not found in $PATH]: exit code: 3',
        'process "/bin/sh -c x" did not complete successfully: exec: "npm": executable file not found in $PATH',
        f"The command '/bin/sh -c echo {NO_PARSER}' returned a non-zero code: 1",
        "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "
        'exec: "error during container init: unable to apply apparmor profile": stat: no such file: unknown',
    ],
)
def test_what_is_the_apps_fault_or_a_ports_is_not_the_hosts(words: str) -> None:
    assert not is_host_not_ready(words)


@pytest.mark.parametrize(("error", "host"), [("", False), ('exec: "docker-init": executable file not found', True)])
def test_a_container_keeps_why_it_could_not_be_started(error: str, host: bool) -> None:
    state = {"Status": "created", "Running": False, "ExitCode": 128 if error else 0, "Error": error}
    raw = {"Id": "1", "Name": "/shop-v1", "Image": "sha256:1", "Config": {}, "Created": "", "State": state}
    assert container_record(raw).host_not_ready is host


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("failed to register layer: Error processing tar file(exit status 1): write /x: no space left on device", True),
        ("write /var/lib/docker/tmp/GetImageBlob12345: no space left on device", True),
        ("mkdir /var/lib/docker/overlay2/1-init: no space left on device", True),
        ("failed to extract layer sha256:1: write /x: no space left on device: unknown", True),
        ("write /x: disk quota exceeded", True),
        ("The command '/bin/sh -c echo a: no space left on device' returned a non-zero code: 1", False),
        ("failed to register layer: open /no space left on device/x: permission denied", False),
        ("no space left on device", False),
        ("", False),
    ],
)
def test_a_full_disk_is_told_by_the_end_of_the_message(words: str, expected: bool) -> None:
    assert is_disk_full(words) is expected
