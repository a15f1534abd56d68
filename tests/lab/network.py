# SPDX-License-Identifier: BSD-3-Clause
"""
The wire: client cl0 <-> pin0 [box] pout0 <-> sv0 server. One subnet for both ends, as on one wire; IPv4 and
IPv6, and further subnets behind VLAN tags. The box's interfaces carry no address: what passes between them passes through the box.
"""

import json
import pathlib
import sys

from . import build
from .place import wait_for

ADDRESS = {
    "client": {"v4": "192.0.2.1", "v6": "2001:db8::1", "vlan": "198.51.100.1", "qinq": "203.0.113.1"},
    "server": {"v4": "192.0.2.2", "v6": "2001:db8::2", "vlan": "198.51.100.2", "qinq": "203.0.113.2"},
}
END = {"client": ("cl0", "pin0"), "server": ("sv0", "pout0")}
TAGS = {"vlan": "8100:100", "qinq": "88a8:200,8100:100"}

# What a frame on a real wire never has: checksums to be filled in later, several segments in one, a tag beside the frame.
OFFLOADS = ("tx", "rx", "tso", "gso", "gro", "rxvlan", "txvlan")


def connect(place, wire=(), mtu=1500, seed=1):
    """
    `wire`: options of the program wire, which then lies between the box and each end: loss behind the box counts too.
    Each has a seed of its own: with the same one, the second would put right what the first has corrupted.
    Returns the processes of the wires by side.
    """
    processes = {}
    for number, (side, (far, near)) in enumerate(END.items(), 2 * seed):
        if wire:
            link(place, "wire", f"{far}-wire", side, far)
            link(place, "box", near, "wire", f"{near}-wire")
            processes[side] = start_wire(place, side, wire, number)
        else:
            link(place, "box", near, side, far)
        place.run(side, "ip", "link", "set", far, "mtu", mtu)
        if mtu > 1500:  # what comes in at the near end must fit there too
            place.run("box", "ip", "link", "set", near, "mtu", mtu)
        _address(place, side, far, "v4", 24)
        if mtu >= 1280:
            _address(place, side, far, "v6", 64)
    return processes


def start_wire(place, side, wire, seed):
    """The program between the box and the end `side`. Returns its process: ended and started anew, the wire is another."""
    far, near = END[side]
    return place.start("wire", build.program("wire"), f"{far}-wire", f"{near}-wire", *wire, f"seed={seed}", log=f"wire-{side}")


def link(place, here, name, there, peer):
    """A pair of veth. One queue each way: one AF_XDP socket then sees everything."""
    place.run(here, "ip", "link", "add", name, "numtxqueues", 1, "numrxqueues", 1, "type", "veth",
              "peer", "name", peer, "numtxqueues", 1, "numrxqueues", 1, "netns", place.namespace(there))
    for side, interface in ((here, name), (there, peer)):
        _quiet(place, side, interface)
        place.run(side, "ip", "link", "set", interface, "up")


def connect_tagged(place, kind):
    """A subnet behind the tags of `kind` ("vlan", "qinq") on the same wire. Mind its lower MTU."""
    for side, (far, _) in END.items():
        tagger = place.start(side, sys.executable, pathlib.Path(__file__).with_name("tagger.py"), far, kind, TAGS[kind],
                             log=f"tagger-{side}-{kind}")
        wait_for(f"interface {kind}", 10, lambda: tagger.poll() is not None
                 or not place.run(side, "ip", "link", "show", kind, check=False).returncode)
        place.run(side, "ip", "link", "set", kind, "addrgenmode", "none")
        place.run(side, "ip", "link", "set", kind, "mtu", 1400, "up")
        _address(place, side, kind, kind, 24)


def _quiet(place, side, interface):
    """No offloads, and no IPv6 chatter of its own."""
    for offload in OFFLOADS:
        place.run(side, "ethtool", "-K", interface, offload, "off", check=False)
    place.run(side, "ip", "link", "set", interface, "addrgenmode", "none")


def _address(place, side, interface, kind, length):
    nodad = ("nodad",) if kind == "v6" else ()
    place.run(side, "ip", "address", "add", f"{ADDRESS[side][kind]}/{length}", "dev", interface, *nodad)


class Loss:
    """
    Packets that the box lost since this was made, by the interfaces at the far ends: what was sent at one end, a full
    receive ring included, and has not arrived at the other. Meaningful while the wire is at rest. A packet that the
    box makes or swallows by itself (a session it ends, a segment it splits) counts too.
    """

    def __init__(self, place):
        self.place = place
        self.before = self._read()

    def _read(self):
        seen = {}
        for side, (far, _) in END.items():
            shown = json.loads(self.place.run(side, "ip", "-s", "-j", "link", "show", far).stdout)[0]["stats64"]
            seen[side] = {"sent": shown["tx"]["packets"] + shown["tx"]["dropped"], "received": shown["rx"]["packets"]}
        return seen

    def count(self):
        """{"to_server": (sent, lost), "to_client": (sent, lost)}"""
        now = self._read()
        sent, received = ({side: now[side][what] - self.before[side][what] for side in END} for what in ("sent", "received"))
        return {"to_server": (sent["client"], sent["client"] - received["server"]),
                "to_client": (sent["server"], sent["server"] - received["client"])}


class Bridge:
    """In the box's place a plain bridge of the kernel: shows what the lab does by itself."""

    def __init__(self, place):
        self.place = place
        place.run("box", "ip", "link", "add", "br0", "type", "bridge", "forward_delay", 0, "stp_state", 0)
        for _, near in END.values():
            place.run("box", "ip", "link", "set", near, "master", "br0")
        place.run("box", "ip", "link", "set", "br0", "up")

    def stop(self):
        self.place.run("box", "ip", "link", "del", "br0")
