# SPDX-License-Identifier: BSD-3-Clause
"""
The mail programs that people run, side by side: servers at addresses of their own in the server's namespace, clients
in the client's. A client sends to the server that the domain of the sender names: alice@exim.contractor.example.
"""

import pathlib

from .eximd import Exim
from .opensmtpd import OpenSMTPD
from .postfix import HOME, Message, Postfix

SERVERS = {"postfix": "192.0.2.2", "exim": "192.0.2.12", "opensmtpd": "192.0.2.13", "aiosmtpd": "192.0.2.14", "smtp-sink": "192.0.2.15"}
ROUTES = {f"{name}.{HOME}": address for name, address in SERVERS.items()}


def sender_to(server):
    return f"alice@{server}.{HOME}"


def connect_servers(place):
    """Gives each server its address."""
    for address in SERVERS.values():
        place.run("server", "ip", "address", "replace", f"{address}/24", "dev", "sv0")


def postfix_server(place, settings=()):
    return Postfix(place, "server", settings=(f"inet_interfaces = {SERVERS['postfix']}", "inet_protocols = ipv4", *settings))


def exim_server(place, **how):
    return Exim(place, "server", SERVERS["exim"], **how)


def opensmtpd_server(place, **how):
    return OpenSMTPD(place, "server", SERVERS["opensmtpd"], **how)


def postfix_client(place, port=2501, name="postfix-client", settings=()):
    client = Postfix(place, "client", name=name, port=port, settings=(
        "inet_interfaces = 127.0.0.1", "inet_protocols = ipv4", f"virtual_mailbox_domains = {' '.join(ROUTES)}",
        f"sender_dependent_relayhost_maps = texthash:{place.dir}/{name}/conf/relays", *settings))
    (client.dir / "conf" / "relays").write_text("".join(f"@{d} [{a}]:25\n" for d, a in ROUTES.items()))
    return client


def exim_client(place, port=2502, **how):
    return Exim(place, "client", "127.0.0.1", ROUTES, mine=f"*.{HOME}", port=port, **how)


def opensmtpd_client(place, port=2503, **how):
    return OpenSMTPD(place, "client", "127.0.0.1", ROUTES, mine=f"domain {{ {' '.join(ROUTES)} }}", port=port, **how)
