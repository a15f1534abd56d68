# SPDX-License-Identifier: BSD-3-Clause
"""
An SMTP client that does exactly what it is told: steps as JSON on stdin, replies as JSON on stdout, greeting first.
A step is {"send": TEXT, "replies": N} (N: replies to wait for afterwards), {"pause": SECONDS} or {"tls": true}; the first
may be {"syn": TEXT, "replies": N}: its text goes with the SYN (TCP Fast Open), before the greeting.

    python3 client.py HOST PORT
"""

import json
import socket
import ssl
import sys
import time


class Session:
    def __init__(self, host, port, early=""):
        if early:
            self.connection = socket.socket()
            self.connection.settimeout(30)
            self.connection.sendto(early.encode("latin-1"), socket.MSG_FASTOPEN, (host, int(port)))
        else:
            self.connection = socket.create_connection((host, int(port)), timeout=30)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.replies = []

    def line(self):
        while b"\n" not in self.buffer:
            octets = self.connection.recv(65536)
            if not octets:
                raise EOFError
            self.buffer += octets
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode("latin-1").rstrip("\r")

    def reply(self):
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        self.replies.append("\n".join(lines))

    def step(self, step):
        if "pause" in step:
            time.sleep(step["pause"])
        if step.get("tls"):
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.connection = context.wrap_socket(self.connection)
        self.connection.sendall(step.get("send", "").encode("latin-1"))
        for _ in range(step.get("replies", 0)):
            self.reply()


def main(host, port):
    steps = json.load(sys.stdin)
    session = Session(host, port, steps[0].get("syn", "") if steps else "")
    try:
        session.reply()
        for step in steps:
            session.step(step)
    except (EOFError, ConnectionError):
        pass
    json.dump(session.replies, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
