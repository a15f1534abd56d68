# SPDX-License-Identifier: BSD-3-Clause
"""
A quarantine at the server's end of the wire: addresses of its own, and a link by which posternd sees it.
"""

from . import network

ATTIC = {"v4": "192.0.2.3", "v6": "2001:db8::3"}
LINK = {"box": ("mg0", "198.18.0.1", "fd00:18::1"), "server": ("mg1", "198.18.0.2", "fd00:18::2")}

# A section of the settings.
QUARANTINE = """\
quarantine:
  servers:
    - name: attic
      address: {v4}
      port: 25
    - name: attic6
      address: "{v6}"
      port: 25
  fallback: {fallback}
  check_s: 1
  setup_ms: {setup_ms}
  answer_s: {answer_s}
"""


def connect_quarantine(place, addresses=tuple(ATTIC.values())):
    """The addresses of quarantines at the server's end, and the way of the daemon to them."""
    add_addresses(place, addresses)
    place.run("box", "ip", "link", "add", LINK["box"][0], "type", "veth", "peer", "name", LINK["server"][0], "netns",
              place.namespace("server"))
    for side, (name, v4, v6) in LINK.items():
        place.run(side, "ip", "link", "set", name, "up")
        place.run(side, "ip", "address", "add", f"{v4}/30", "dev", name)
        place.run(side, "ip", "address", "add", f"{v6}/64", "dev", name, "nodad")
    for address in addresses:
        show_way(place, address)


def add_addresses(place, addresses, interface="sv0"):
    for address in addresses:
        length, *nodad = (64, "nodad") if ":" in address else (24,)
        place.run("server", "ip", "address", "add", f"{address}/{length}", "dev", interface, *nodad)


def show_way(place, address):
    """The way of the daemon to a quarantine."""
    place.run("box", "ip", "route", "replace", address, "via", LINK["server"][2 if ":" in address else 1])


def bar_way(place, address):
    """The daemon finds it ill from now on, and the dataplane leaves it alone."""
    place.run("box", "ip", "route", "replace", "blackhole", address)


# A host of its own behind a third port of the box, in the namespace of the bad wires, which such a lab does not have.
# By IPv6 it is behind its own address on the link: the box has a route to it, as by a router.
APART = {"v4": "198.51.100.130", "v6": "2001:db8:77::3"}
APART_LINK = {"box": ("pq0", "198.51.100.129/28", "fd00:19::1/64"), "wire": ("qu0", "198.51.100.130/28", "fd00:19::2/64")}
APART_PORT = APART_LINK["box"][0]


def connect_apart(place):
    """The link, the host's addresses and its way to the senders: by the box, whose kernel answers for the box."""
    network.link(place, "box", APART_PORT, "wire", APART_LINK["wire"][0])
    for side, (name, v4, v6) in APART_LINK.items():
        place.run(side, "ip", "address", "add", v4, "dev", name)
        place.run(side, "ip", "address", "add", v6, "dev", name, "nodad")
    place.run("wire", "ethtool", "-K", APART_LINK["wire"][0], "gro", "on")  # see SteeredBox
    place.run("wire", "ip", "address", "add", f"{APART['v6']}/128", "dev", "lo", "nodad")
    place.run("wire", "ip", "route", "add", "default", "via", APART_LINK["box"][1].split("/")[0])
    place.run("wire", "ip", "route", "add", "default", "via", APART_LINK["box"][2].split("/")[0])
    show_apart(place)


def show_apart(place):
    """The way of the box's kernel to the host's IPv6 address; its IPv4 address is on the link."""
    place.run("box", "ip", "route", "add", f"{APART['v6']}/128", "via", APART_LINK["wire"][2].split("/")[0])


def hide_apart(place):
    place.run("box", "ip", "route", "del", f"{APART['v6']}/128")


def change_address(place, mac):
    """The host has another Ethernet address, and tells nobody."""
    place.run("wire", "ip", "link", "set", APART_LINK["wire"][0], "address", mac)
