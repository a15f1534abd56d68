# SPDX-License-Identifier: BSD-3-Clause
"""
What traffic beside the mail gets through the box, and what that costs it: for the table in bpf/README.md.

    python3 throughput.py [SECONDS]

Source, box and sink share the machine, so that the figures are good for comparison only. Ways: steering, the
dataplane without it, testpmd (where installed) and the kernel's bridge. Best of three.
"""

import json
import os
import pathlib
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import network  # noqa: E402
from lab.box import Box  # noqa: E402
from lab.place import Place, wait_for  # noqa: E402
from lab.steering import SteeredBox  # noqa: E402

ROUNDS = 3
SERVER = network.ADDRESS["server"]["v4"]
TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """What all threads of a process have used so far."""
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICK


def iperf(place, seconds, *options):
    listener = place.start("server", "iperf3", "-s", "-1", log="iperf-server")
    wait_for("iperf3 to listen", 10, lambda: ":5201" in place.run("server", "ss", "-Hltn").stdout)
    done = place.run("client", "iperf3", "-c", SERVER, "-t", seconds, "--json", *options, timeout=seconds + 30)
    listener.wait(10)
    return json.loads(done.stdout)["end"]


class Testpmd:
    """DPDK's own forwarder, in the box's place."""

    def __init__(self, place):
        self.process = place.start(
            "box", "dpdk-testpmd", "--no-huge", "-m", 512, "--no-pci", "--no-telemetry", "--no-shconf", "--lcores=0@0,1@1",
            "--vdev=net_af_xdp0,iface=pin0", "--vdev=net_af_xdp1,iface=pout0", "--", "--total-num-mbufs=16384",
            "--stats-period=1000", log="testpmd")
        wait_for("testpmd to forward", 20, lambda: not place.run("client", "ping", "-c", 1, "-W", 1, SERVER, check=False).returncode)

    def stop(self):
        self.process.terminate()


def measure(place, name, pid, seconds):
    """One line of the table."""
    best, cpu, rtt = 0, None, None
    for _ in range(ROUNDS):
        before, began = cpu_seconds(pid) if pid else 0, time.monotonic()
        rate = iperf(place, seconds)["sum_received"]["bits_per_second"] / 1e9
        used = (cpu_seconds(pid) - before) / (time.monotonic() - began) * 100 if pid else 0
        if rate > best:
            best, cpu = rate, used
    ping = place.run("client", "ping", "-q", "-c", 200, "-i", "0.005", SERVER).stdout
    rtt = float(ping.rpartition(" = ")[2].split("/")[1]) * 1000
    idle = 0
    if pid:
        before = cpu_seconds(pid)
        time.sleep(3)
        idle = (cpu_seconds(pid) - before) / 3 * 100
    print(f"{name:28} {best:5.2f} Gbit/s   RTT {rtt:5.0f} us   CPU {cpu:5.1f} %   idle {idle:4.1f} %", flush=True)


def main(seconds):
    with Place() as place:
        network.connect(place)
        box = SteeredBox(place, "", name="steered")
        box.start()
        measure(place, "steering", box.dataplane.pid, seconds)
        box.dataplane.kill()
        box.dataplane.wait()
        measure(place, "steering, no dataplane", None, seconds)
        box.daemon.terminate()
        box.detach()
        plain = Box(place, "", name="plain").start()
        measure(place, "postern-dp, no steering", plain.dataplane.pid, seconds)
        plain.stop()
        if shutil.which("dpdk-testpmd"):
            testpmd = Testpmd(place)
            measure(place, "testpmd", testpmd.process.pid, seconds)
            testpmd.stop()
            time.sleep(1)
        bridge = network.Bridge(place)
        measure(place, "bridge of the kernel", None, seconds)
        bridge.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4)
