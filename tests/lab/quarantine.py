# SPDX-License-Identifier: BSD-3-Clause
"""
A quarantine at the server's end of the wire: addresses of its own, and a link by which posternd sees it.
"""

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
