# SPDX-License-Identifier: BSD-3-Clause
"""
A mail server for thousands of sessions at once, whose manners can be chosen. Of each mail it accepts it writes a line
"MESSAGE-ID RECIPIENT..." before it says so.

    python3 sink.py LOG MANNERS ADDRESS...

MANNERS is JSON: "slow" (seconds before each reply), "mail", "rcpt" (replies in place of 250), "hello" (extensions).
"""

import asyncio
import json
import sys

HELLO = ["PIPELINING", "SIZE 0", "8BITMIME", "DSN", "CHUNKING", "SMTPUTF8"]


class Session:
    def __init__(self, reader, writer, log, manners):
        self.reader, self.writer, self.log, self.manners = reader, writer, log, manners
        self.recipients = []

    async def say(self, text):
        await asyncio.sleep(self.manners.get("slow", 0))
        self.writer.write(text.encode() + b"\r\n")
        await self.writer.drain()

    async def run(self):
        await self.say("220 sink ESMTP")
        while line := await self.reader.readline():
            word = line.split(None, 1)[0].upper() if line.split() else b""
            if word == b"QUIT":
                return await self.say("221 bye")
            await self.command(word, line)

    async def command(self, word, line):
        if word == b"EHLO":
            lines = ["sink", *self.manners.get("hello", HELLO)]
            await self.say("\r\n".join(f"250{'-' if n + 1 < len(lines) else ' '}{text}" for n, text in enumerate(lines)))
        elif word == b"MAIL":
            self.recipients = []
            await self.say(self.manners.get("mail", "250 ok"))
        elif word == b"RCPT":
            reply = self.manners.get("rcpt", "250 ok")
            if reply.startswith("250"):
                self.recipients.append(line.split(b"<")[1].split(b">")[0].decode())
            await self.say(reply)
        elif word == b"DATA":
            await self.data()
        else:
            if word == b"RSET":
                self.recipients = []
            await self.say("250 ok")

    async def data(self):
        if not self.recipients:
            return await self.say("554 no valid recipients")
        await self.say("354 go on")
        name = ""
        while (line := await self.reader.readline()) != b".\r\n":
            if not line:
                return
            if line.startswith(b"Message-ID: "):
                name = line.split()[1].decode()
        self.log.write(f"{name} {' '.join(self.recipients)}\n")
        self.log.flush()
        self.recipients = []
        await self.say(f"250 2.0.0 Ok: queued as {name}")


async def main(log, manners, *addresses):
    out = open(log, "a")

    async def serve(reader, writer):
        try:
            await Session(reader, writer, out, json.loads(manners)).run()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    await asyncio.gather(*[(await asyncio.start_server(serve, a, 25, backlog=2048, limit=1 << 20)).serve_forever() for a in addresses])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
