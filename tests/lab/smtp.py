# SPDX-License-Identifier: BSD-3-Clause
"""Sessions whose every octet the test decides. The client itself, client.py, runs in the client's namespace."""

import json
import pathlib
import sys

from . import network


CLIENT = pathlib.Path(__file__).with_name("client.py")


class Reply:
    def __init__(self, text):
        self.text = text
        self.code = int(text[:3])

    def __repr__(self):
        return repr(self.text)


def talk(place, steps, kind="v4", port=25, seconds=60, address=None):
    """Runs one session from the client to the server, or to one at `address`. Returns a list of Reply; a closed connection ends it early."""
    done = place.run("client", sys.executable, CLIENT, address or network.ADDRESS["server"][kind], port,
                     input=json.dumps(steps), timeout=seconds)
    return [Reply(text) for text in json.loads(done.stdout)]
