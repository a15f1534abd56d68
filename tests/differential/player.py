# SPDX-License-Identifier: BSD-3-Clause
"""
Plays generated dialogues against one server, many at a time, and writes down the octets of both directions in the order
in which a client saw them. Also answers Postfix's policy questions. Run in the namespace of the server:

    python3 player.py SEED FIRST COUNT HOST PORT OUT POLICY_PORT
"""

import asyncio
import contextlib
import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from dialogue import write_dialogue  # noqa: E402
from generate import Generator  # noqa: E402

AT_ONCE = 40
GREETING, ANSWER, SILENCE, END = 5.0, 0.3, 0.004, 10.0  # seconds


class Client:
    """A socket of its own: a server that closes with octets unread resets, and what it said before is still to be had."""

    def __init__(self, sock):
        self.sock, self.events, self.news, self.gone = sock, [], asyncio.Event(), False
        self.reader = asyncio.create_task(self.read())

    async def read(self):
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while data := await loop.sock_recv(self.sock, 65536):
                if self.events and self.events[-1][0] == "S":
                    self.events[-1] = ("S", self.events[-1][1] + data)
                else:
                    self.events.append(("S", data))
                self.news.set()
        self.gone = True
        self.news.set()

    async def say(self, octets):
        """False: the other end has gone, and nobody hears this."""
        place = len(self.events)
        self.events.append(("C", octets))
        try:
            await asyncio.get_running_loop().sock_sendall(self.sock, octets)
        except OSError:
            del self.events[place]
            return False
        return True

    async def hear(self, patience):
        """Waits for an answer, and then until the server is silent between two replies."""
        self.news.clear()
        while not self.gone:
            try:
                await asyncio.wait_for(self.news.wait(), patience)
            except asyncio.TimeoutError:
                return
            self.news.clear()
            patience = SILENCE if self.replied() else ANSWER

    def replied(self):
        who, data = self.events[-1]
        lines = data.split(b"\n")
        return who == "S" and lines[-1] == b"" and len(lines) > 1 and lines[-2][3:4] != b"-"


async def play(generator, host, port):
    steps = generator.dialogue()
    with socket.socket() as sock:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (host, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = Client(sock)
        if generator.greeted:
            await client.hear(GREETING)
        for octets, wait in steps:
            if client.gone or not await client.say(octets):
                break
            if wait:
                await client.hear(ANSWER)
            else:
                await asyncio.sleep(0)
        if not client.gone:
            await client.hear(ANSWER)
        if not client.gone:
            with contextlib.suppress(OSError):  # it has gone just now
                sock.shutdown(socket.SHUT_WR)
            await asyncio.wait([client.reader], timeout=END)  # a server goes on for a while with what it has
        client.reader.cancel()
        await asyncio.wait([client.reader])
    return client.events


async def answer_policy(reader, writer, out):
    """Accepts everything, and writes down what Postfix took as a recipient."""
    question = {}
    while line := await reader.readline():
        if line != b"\n":
            key, _, value = line.rstrip(b"\n").partition(b"=")
            question[key] = value
            continue
        if question.get(b"protocol_state") == b"RCPT":
            out.write(question.get(b"recipient", b"") + b"\n")
            out.flush()
        writer.write(b"action=DUNNO\n\n")
        question = {}
    writer.close()


async def main(seed, first, count, host, port, out, policy_port):
    recipients = open(f"{out}.recipients", "wb")
    if int(policy_port):
        await asyncio.start_server(lambda r, w: answer_policy(r, w, recipients), "127.0.0.1", int(policy_port), limit=1 << 22)
    numbers = iter(range(int(first), int(first) + int(count)))
    with open(out, "w") as record:
        async def work():
            for number in numbers:
                try:
                    events = await play(Generator(seed, number), host, int(port))
                except OSError as e:
                    print(f"dialogue {number}: {e}", file=sys.stderr)
                    continue
                write_dialogue(record, number, events)
        await asyncio.gather(*(work() for _ in range(AT_ONCE)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
