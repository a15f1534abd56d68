#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
The recorded dialogues in seeds/, each of which was once read otherwise by our parser than by the server: whole, octet by
octet, and in pieces between. Needs no server.

    seeds_test.py PROGRAM        the program dialogue_feed
"""

import pathlib
import sys

from dialogue import faults, feed, read_dialogues

PIECES = (0, 1, 2, 7, 100)


def main(program):
    dialogues = [d for path in sorted(pathlib.Path(__file__).parent.glob("seeds/*.dialogues")) for d in read_dialogues(path)]
    wrong = 0
    for piece in PIECES:
        for (title, events), reading in zip(dialogues, feed(program, dialogues, piece), strict=True):
            for fault in faults(events, reading):
                wrong += 1
                print(f"{title} (pieces {piece or 'as recorded'}): {fault}")
    print(f"{len(dialogues)} dialogues, {wrong} read differently")
    return 1 if wrong or not dialogues else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
