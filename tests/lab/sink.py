# SPDX-License-Identifier: BSD-3-Clause
"""
A mail server for thousands of sessions at once, whose manners can be chosen. Of each mail it accepts it writes a line
"MESSAGE-ID RECIPIENT..." before it says so.

    python3 sink.py LOG MANNERS ADDRESS...

MANNERS is a file, read at the start of each session, with JSON: "slow" (seconds before each reply), "mail", "rcpt"
(replies in place of 250), "hello" (extensions); "end" with "of": {"end": [WHERE, HOW], "of": ADDRESS} ends sessions
of this client. WHERE is a word of POINTS, HOW "fin" or "rst".
"""

import asyncio
import json
import pathlib
import socket
import struct
import sys

# The session ends in place of the greeting, behind it, in place of a reply, in the middle of one, in the middle of
# the text of a mail, with it and before an answer, or behind the answer.
POINTS = ("connect", "greeting", "EHLO", "EHLO half", "EHLO said", "MAIL", "MAIL half", "MAIL said", "RCPT", "RCPT half", "RCPT said",
          "DATA", "DATA half", "text", "mail", "mail half", "mail said")
HELLO = ["PIPELINING", "SIZE 0", "8BITMIME", "DSN", "CHUNKING", "SMTPUTF8"]


class End(Exception):
    pass


class Session:
    def __init__(self, reader, writer, log, manners):
        self.reader, self.writer, self.log, self.manners = reader, writer, log, manners
        self.recipients = []
        client = writer.get_extra_info("peername")[0]
        self.point, self.how = manners["end"] if manners.get("of") == client else ("", "")

    async def say(self, text, point=""):
        await asyncio.sleep(self.manners.get("slow", 0))
        octets = text.encode() + b"\r\n"
        self.end_at(point)
        if self.point == f"{point} half":
            self.writer.write(octets[:len(octets) // 2])
            await self.writer.drain()
            raise End
        self.writer.write(octets)
        await self.writer.drain()
        self.end_at(f"{point} said")

    def end_at(self, point):
        if point and self.point == point:
            raise End

    async def end(self):
        """As a server that ends by itself would, or one whose machine is gone."""
        if self.how == "rst":
            self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return self.writer.transport.abort()
        self.writer.write_eof()
        while await self.reader.read(1 << 16):  # else the kernel would make a RST of it
            pass

    async def run(self):
        try:
            await self.talk()
        except End:
            await self.end()

    async def talk(self):
        self.end_at("connect")
        await self.say("220 sink ESMTP")
        self.end_at("greeting")
        while line := await self.reader.readline():
            word = line.split(None, 1)[0].upper() if line.split() else b""
            if word == b"QUIT":
                return await self.say("221 bye")
            await self.command(word, line)

    async def command(self, word, line):
        if word == b"EHLO":
            lines = ["sink", *self.manners.get("hello", HELLO)]
            await self.say("\r\n".join(f"250{'-' if n + 1 < len(lines) else ' '}{text}" for n, text in enumerate(lines)), "EHLO")
        elif word == b"MAIL":
            self.recipients = []
            await self.say(self.manners.get("mail", "250 ok"), "MAIL")
        elif word == b"RCPT":
            reply = self.manners.get("rcpt", "250 ok")
            if reply.startswith("250"):
                self.recipients.append(line.split(b"<")[1].split(b">")[0].decode())
            await self.say(reply, "RCPT")
        elif word == b"DATA":
            await self.data()
        else:
            if word == b"RSET":
                self.recipients = []
            await self.say("250 ok")

    async def data(self):
        if not self.recipients:
            return await self.say("554 no valid recipients")
        await self.say("354 go on", "DATA")
        name, tail = (await self.reader.readline()).split()[1].decode(), b"\r\n"  # Message-ID comes first
        self.end_at("text")
        while not tail.endswith(b"\r\n.\r\n"):  # nobody says more before the answer
            text = await self.reader.read(1 << 20)
            if not text:
                return
            tail = (tail + text)[-5:]
        self.end_at("mail")
        if self.point == "mail half":
            self.recipients = []  # it answers, but has not said what
            await self.say("250 2.0.0 Ok", "mail")
        self.log.write(f"{name} {' '.join(self.recipients)}\n")
        self.log.flush()
        self.recipients = []
        await self.say(f"250 2.0.0 Ok: queued as {name}", "mail")


async def main(log, manners, *addresses):
    out = open(log, "a")

    async def serve(reader, writer):
        try:
            await Session(reader, writer, out, json.loads(pathlib.Path(manners).read_text())).run()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    await asyncio.gather(*[(await asyncio.start_server(serve, a, 25, backlog=2048, limit=1 << 20)).serve_forever() for a in addresses])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
