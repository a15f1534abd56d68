# SPDX-License-Identifier: BSD-3-Clause
"""Servers that only receive: aiosmtpd and smtp-sink. What arrives is in `inbox`, one file a mail."""

from .place import wait_for
from .postfix import MTA, Message

AIOSMTPD = r"""
import asyncio, itertools, pathlib, sys
from aiosmtpd.smtp import SMTP
host, inbox, hostname = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
number = itertools.count()
class Keep:
    async def handle_DATA(self, server, session, envelope):
        head = "".join(f"X-Original-To: {r}\n" for r in envelope.rcpt_tos) + f"Return-Path: <{envelope.mail_from}>\n"
        name = f"{next(number)}"
        (inbox / "tmp" / name).write_bytes(head.encode() + envelope.original_content.replace(b"\r\n", b"\n"))
        (inbox / "tmp" / name).rename(inbox / "new" / name)
        return "250 kept"
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Keep(), hostname=hostname, loop=loop, data_size_limit=None), host, 25, backlog=400)
    await server.serve_forever()
asyncio.run(main())
"""


class Sink:
    def __init__(self, place, name, address, hostname="aiosmtpd.example"):
        self.place, self.name, self.address, self.hostname = place, name, address, hostname
        self.dir = place.dir / name
        self.inbox = self.dir / "mail" / "box"
        for part in ("new", "tmp"):
            (self.inbox / part).mkdir(parents=True)
        self.process = None

    def start(self):
        self.process = self.place.start("server", *self.command(), log=f"{self.name}.out", **self.options())
        wait_for(f"{self.name} to listen", 20, lambda: f"{self.address}:25 " in self.place.run("server", "ss", "-Hltn").stdout)
        return self

    def options(self):
        return {}

    def read_log(self):
        return (self.place.dir / f"{self.name}.out").read_text(errors="replace")

    def idle(self):
        return True

    def messages(self):
        return [Message(p) for p in sorted((self.inbox / "new").iterdir(), key=lambda p: p.stat().st_mtime_ns)]


class Aiosmtpd(Sink):
    def command(self):
        return "/usr/bin/python3", "-c", AIOSMTPD, self.address, self.inbox, self.hostname


class SmtpSink(Sink):
    """Its dumps begin with X-Rcpt-Args, and are there from the start of a transaction: see Peers."""

    def command(self):
        return MTA / "postfix/usr/sbin/smtp-sink", "-u", "root", "-d", f"{self.inbox}/new/m", "-m", 400, f"inet:{self.address}:25", 400

    def options(self):
        conf = self.dir / "conf"
        conf.mkdir()
        (conf / "main.cf").write_text("compatibility_level = 3.6\nmyhostname = smtp-sink.example\n")
        return {"env": {"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": str(MTA / "postfix/usr/lib/postfix"), "MAIL_CONFIG": str(conf)}}
