# SPDX-License-Identifier: BSD-3-Clause
"""sink.py where a mail server would be: at addresses of the server's end."""

import json
import pathlib
import sys

from .place import wait_for

SINK = pathlib.Path(__file__).with_name("sink.py")


class SinkServer:
    def __init__(self, place, name, addresses):
        self.place, self.name, self.addresses = place, name, addresses
        self.path, self.manners = place.dir / f"{name}.mails", place.dir / f"{name}.manners"
        self.path.touch()
        self.behave()
        self.process = None

    def behave(self, **manners):
        """`manners` as in sink.py, from the next session on; none: good ones."""
        fresh = self.manners.with_suffix(".new")
        fresh.write_text(json.dumps(manners))
        fresh.rename(self.manners)

    def start(self):
        self.process = self.place.start("server", sys.executable, SINK, self.path, self.manners, *self.addresses, log=f"{self.name}.log")
        wait_for(f"{self.name} to listen", 20, lambda: f"{self.addresses[0]}:25 " in self.place.run("server", "ss", "-Hltn").stdout)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def taken(self):
        """{name of a mail: [recipients, once for each time it was accepted]}"""
        found = {}
        for line in self.path.read_text().splitlines():
            name, *recipients = line.split()
            found.setdefault(name, []).extend(recipients)
        return found

    def read_log(self):
        return (self.place.dir / f"{self.name}.log").read_text()

    def idle(self):
        return True

    def messages(self):
        return []
