import os
import sys

import pytest

from lumo_graph.executors.advice import Machine, advise, read_machine

DOCKER = Machine(release="6.8.0-40-generic", filtered=True)
PROFILE = "--security-opt seccomp=PROFILE.json"


@pytest.mark.parametrize(
    ("name", "machine", "said"),
    [
        pytest.param(
            "namespaces",
            Machine(settings={"kernel.unprivileged_userns_clone": 0, "user.max_user_namespaces": 96365}),
            "as root: sysctl -w kernel.unprivileged_userns_clone=1",
            id="Debian",
        ),
        pytest.param(
            "namespaces",
            Machine(settings={"kernel.apparmor_restrict_unprivileged_userns": 1}),
            "as root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
            id="Ubuntu",
        ),
        pytest.param(
            "namespaces",
            Machine(settings={"user.max_user_namespaces": 0, "kernel.unprivileged_userns_clone": 0}),
            "as root: sysctl -w user.max_user_namespaces=10000 kernel.unprivileged_userns_clone=1",
            id="two settings",
        ),
        pytest.param(
            "namespaces",
            Machine(root=True, admin=True, settings={"kernel.unprivileged_userns_clone": 0}),
            "allow namespaces: see sysctl user.max_user_namespaces",
            id="a setting that does not bind root",
        ),
        pytest.param("namespaces", DOCKER, f"in Docker: {PROFILE} that allows clone, unshare, mount", id="Docker"),
        pytest.param(
            "namespaces",
            Machine(root=True, filtered=True),
            f"in Docker: --user 1000 and {PROFILE} that allows clone",
            id="Docker as root",
        ),
        pytest.param("user namespace", DOCKER, f"in Docker: {PROFILE}", id="smaller part"),
        pytest.param(
            "landlock", Machine(release="5.10.0-28-amd64"), "use Linux 5.13 or newer; this is 5.10.0", id="old"
        ),
        pytest.param(
            "landlock",
            Machine(release="6.1.0", security_modules=("lockdown", "yama")),
            "start Linux with lsm=landlock,lockdown,yama on its command line",
            id="off at boot",
        ),
        pytest.param(
            "landlock",
            Machine(release="6.8.0", filtered=True, security_modules=("landlock", "yama")),
            f"in Docker: use a newer one, or {PROFILE} that allows landlock_create_ruleset",
            id="landlock in Docker",
        ),
        pytest.param(
            "landlock", Machine(release="6.8.0"), "use a kernel with CONFIG_SECURITY_LANDLOCK=y", id="unknown"
        ),
        pytest.param("seccomp", Machine(release="6.8.0"), "use a kernel with CONFIG_SECCOMP_FILTER=y", id="no seccomp"),
        pytest.param("seccomp", DOCKER, "in Docker: leave the usual seccomp profile on", id="seccomp in Docker"),
        pytest.param(
            "privileges",
            Machine(root=True, out_of_reach="/root"),
            "use a Python that every user can reach (below /usr or /opt, not below '/root')",
            id="closed home",
        ),
        pytest.param("privileges", Machine(root=True), "run as an ordinary user (in Docker: --user 1000)", id="root"),
        pytest.param("privileges", Machine(), "allow prctl(PR_SET_NO_NEW_PRIVS)", id="ordinary user"),
        pytest.param("proc", DOCKER, "in Docker: --security-opt systempaths=unconfined", id="masked proc"),
        pytest.param("landlock", Machine(system="Darwin"), "use Linux, in a container", id="macOS"),
    ],
)
def test_advice_is_for_this_machine(name, machine, said):
    assert advise(name, machine).startswith(said)


@pytest.mark.parametrize("name", ["frozen copy", "rlimits", "something new"])
def test_where_nothing_can_be_done_nothing_is_said(name):
    assert advise(name, DOCKER) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_machine_is_read():
    machine = read_machine()
    assert machine.system == "Linux"
    assert machine.release == os.uname().release
    assert machine.root == (os.geteuid() == 0)
    assert machine.settings["user.max_user_namespaces"] >= 0
