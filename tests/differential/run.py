# SPDX-License-Identifier: BSD-3-Clause
"""
Differential test: one generator of dialogues, real servers, and our parser. Prints what they read differently.

    python3 run.py --feed PROGRAM [--count N] [--seed S] [--peer NAME] [--keep FILE]
"""

import argparse
import collections
import pathlib
import re
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from dialogue import TOKEN, faults, feed, read_dialogues, write_dialogue  # noqa: E402
from lab.place import Place  # noqa: E402
from servers import HOST, PEERS  # noqa: E402

# The server's own words about the recipient in the Received header.
RECEIVED_FOR = re.compile(rb"^\s+for <.*", re.M)


def play(place, peer, seed, first, count):
    """The dialogues with what the server made of them."""
    out = place.dir / f"{peer.name}.dialogues"
    place.run("server", "/usr/bin/python3", HERE / "player.py", seed, first, count, HOST, peer.port, out, peer.policy, timeout=3600)
    dialogues = dict(read_dialogues(out))
    for kind, what in peer.facts(out):
        tokens = TOKEN.findall(RECEIVED_FOR.sub(b"", what)) if kind == "B" else [what]
        for token in tokens:
            found = TOKEN.search(token)
            if found:
                number = found[0].lower().partition(b"x")[0][1:].decode()
                if number in dialogues:
                    dialogues[number].append((kind, token))
    return dialogues


def judge(program, name, dialogues, keep):
    """Prints faults, returns their number."""
    titles, wrong, causes = list(dialogues.items()), 0, collections.Counter()
    accepted = sum(kind == "A" for _, events in titles for kind, _ in events)
    seen = 0
    told = {}
    for piece in (0, 1, 7):
        readings = feed(program, titles, piece)
        for (title, events), reading in zip(titles, readings, strict=True):
            if piece == 0:
                causes[reading.cause if reading.blind is not None else "unpaired" if reading.unpaired else "read to the end"] += 1
                seen += len(reading.seen)
            found = faults(events, reading)
            if found and told.get(title) != found:
                wrong += title not in told
                told[title] = found
                print(f"{name} {title} (pieces {piece or 'as recorded'}): {'; '.join(found)}")
                if keep and piece == 0:
                    write_dialogue(keep, f"{name} {title}: {found[0]}", [e for e in events if e[0] in "CS"], [e for e in events if e[0] in "AB"])
    print(f"{name}: {len(titles)} dialogues, {accepted} recipients accepted, {seen} seen, {wrong} read differently; "
          + ", ".join(f"{cause} {n}" for cause, n in causes.most_common()), flush=True)
    return wrong


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--feed", required=True, help="the program dialogue_feed")
    options.add_argument("--count", type=int, default=600, help="dialogues, all servers together")
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--seed", default="postern")
    options.add_argument("--peer", action="append", choices=PEERS, help="only with this server")
    options.add_argument("--keep", help="file to add the dialogues to that were read differently")
    chosen = options.parse_args()
    peers = chosen.peer or list(PEERS)
    keep = open(chosen.keep, "a") if chosen.keep else None
    wrong = 0
    with Place() as place:
        for name in peers:
            peer = PEERS[name](place)
            peer.server.start()
            began = time.monotonic()
            dialogues = play(place, peer, chosen.seed, chosen.first, chosen.count // len(peers))
            print(f"{name}: {len(dialogues) / (time.monotonic() - began):.0f} dialogues/s", flush=True)
            peer.server.stop()
            wrong += judge(chosen.feed, name, dialogues, keep)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
