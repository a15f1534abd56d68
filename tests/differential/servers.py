# SPDX-License-Identifier: BSD-3-Clause
"""The servers of the differential test: limits and delays off, nothing delivered, every accepted recipient and text told."""

import base64
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab.eximd import Exim  # noqa: E402
from lab.opensmtpd import OpenSMTPD  # noqa: E402
from lab.postfix import Postfix  # noqa: E402

HOST = "127.0.0.1"
POLICY = 10025


class PostfixPeer:
    name, port, policy = "postfix", 2525, POLICY

    def __init__(self, place):
        self.server = Postfix(place, "server", name="postfix-peer", port=self.port, settings=(
            f"inet_interfaces = {HOST}", "inet_protocols = ipv4", "smtpd_error_sleep_time = 0", "smtpd_soft_error_limit = 10000",
            "smtpd_hard_error_limit = 10001", "smtpd_junk_command_limit = 10000", "smtpd_reject_unlisted_recipient = no",
            f"smtpd_recipient_restrictions = check_policy_service inet:{HOST}:{POLICY}", "smtpd_relay_restrictions = permit_mynetworks, reject",
            "smtpd_end_of_data_restrictions = check_client_access static:HOLD", "smtpd_client_connection_count_limit = 0",
            "smtpd_timeout = 30s", "smtpd_forbid_bare_newline = no"))

    def facts(self, out):
        """(kind, octets) for everything since the start."""
        for line in pathlib.Path(f"{out}.recipients").read_bytes().split(b"\n"):
            if line:
                yield "A", line
        for path in (self.server.dir / "queue" / "hold").iterdir():
            yield "B", b"".join(text for kind, text in records(path.read_bytes()) if kind in b"NL")


def records(queue_file):
    """The records of a Postfix queue file: a type, a length in groups of 7 bits, octets."""
    at = 0
    while at < len(queue_file):
        kind, at, length, shift = queue_file[at:at + 1], at + 1, 0, 0
        while True:
            octet, at = queue_file[at], at + 1
            length |= (octet & 0x7F) << shift
            shift += 7
            if octet < 0x80:
                break
        yield kind, queue_file[at:at + length] + (b"\n" if kind == b"N" else b"")
        at += length


AUTHENTICATORS = """
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = true
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = true
  server_set_id = $auth1
"""


class EximPeer:
    name, port, policy = "exim", 2526, 0

    def __init__(self, place):
        self.server = Exim(place, "server", HOST, name="exim-peer", port=self.port, settings=(
            "queue_only = true", "smtp_max_synprot_errors = 1000", "smtp_max_unknown_commands = 1000", "smtp_accept_max_nonmail = 1000",
            "smtp_enforce_sync = false", "acl_smtp_rcpt = tell", "acl_smtp_vrfy = take", "allow_domain_literals = true",
            "smtp_receive_timeout = 30s", "helo_allow_chars = _", "strip_excess_angle_brackets = true", "strip_trailing_dot = true", "smtputf8_advertise_hosts = *",
            "received_header_text ="),
            acl="tell:\n  accept logwrite = TAKEN ${base64:$local_part@$domain}\n", tail=AUTHENTICATORS, runner="")

    def facts(self, out):
        log = (self.server.dir / "log" / "exim4" / "mainlog").read_bytes()
        for coded in re.findall(rb"TAKEN (\S+)", log):
            yield "A", base64.b64decode(coded)
        for path in (self.server.dir / "spool" / "exim4" / "input").rglob("*-[HD]"):
            octets = path.read_bytes()
            yield "B", octets.partition(b"\n\n")[2] if path.name.endswith("-H") else octets


# Tells recipients and text; refuses each mail at its very end, so that nothing is delivered.
FILTER = r"""
import sys
out = open(sys.argv[1], "wb", buffering=0)
lines = sys.stdin.buffer
def say(text):
    sys.stdout.buffer.write(text + b"\n"); sys.stdout.buffer.flush()
for line in lines:
    if line.strip() == b"config|ready":
        break
for what in (b"report|smtp-in|tx-rcpt", b"filter|smtp-in|data-line", b"filter|smtp-in|commit", b"ready"):
    say(b"register|" + what)
for line in lines:
    field = line.rstrip(b"\n").split(b"|")
    if field[0] == b"report":
        if b"ok" in field[6:]:
            out.write(b"A " + b"|".join(f for f in field[7:] if f != b"ok") + b"\n")
    elif field[4] == b"data-line":
        text = b"|".join(field[7:])
        out.write(b"B " + text + b"\n")
        say(b"filter-dataline|" + field[5] + b"|" + field[6] + b"|" + text)
    else:
        say(b"filter-result|" + field[5] + b"|" + field[6] + b"|reject|550 kept nowhere")
"""


class OpenSMTPDPeer:
    name, port, policy = "opensmtpd", 2527, 0

    def __init__(self, place):
        self.server = OpenSMTPD(place, "server", HOST, name="opensmtpd-peer", port=self.port, listen='filter "tell"', settings=(
            f'filter "tell" proc-exec "/usr/bin/python3 {place.dir}/opensmtpd-peer/filter.py {place.dir}/opensmtpd-peer/told"',
            "smtp limit max-rcpt 1000", "smtp limit max-mails 1000"))
        self.told = self.server.dir / "told"
        self.told.touch()
        self.told.chmod(0o666)
        (self.server.dir / "filter.py").write_text(FILTER)

    def facts(self, out):
        for line in self.told.read_bytes().split(b"\n"):
            if line:
                yield line[:1].decode(), line[2:]


PEERS = {peer.name: peer for peer in (PostfixPeer, EximPeer, OpenSMTPDPeer)}
