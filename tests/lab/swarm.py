# SPDX-License-Identifier: BSD-3-Clause
"""
Many clients at once, one mail each. Writes {"MESSAGE-ID": {"RECIPIENT": CODE}} as JSON: how each recipient ended for
its sender, 0 where the session broke off.

    python3 swarm.py HOST COUNT NAME PIPELINE PACE OCTETS RECIPIENT...

PACE: seconds over which the sessions begin. "{}" in a recipient is the number of the mail.
"""

import asyncio
import json
import sys


async def reply(reader):
    while line := await asyncio.wait_for(reader.readline(), 240):
        if not line.endswith(b"\n"):
            break
        if line[3:4] != b"-":
            return int(line[:3])
    raise ConnectionError


async def send(host, name, recipients, pipeline, octets):
    ended = dict.fromkeys(recipients, 0)
    try:
        reader, writer = await asyncio.open_connection(host, 25)
    except OSError:
        return ended
    try:
        await reply(reader)
        writer.write(b"EHLO swarm.example\r\n")
        await reply(reader)
        commands = [b"MAIL FROM:<alice@contractor.example>\r\n", *(f"RCPT TO:<{r}>\r\n".encode() for r in recipients), b"DATA\r\n"]
        codes = []
        if pipeline:
            writer.write(b"".join(commands))
            codes = [await reply(reader) for _ in commands]
        else:
            for command in commands:
                writer.write(command)
                codes.append(await reply(reader))
                if command[:4] == b"RCPT" and codes[-1] >= 400:
                    ended[recipients[len(codes) - 2]] = codes[-1]
        ended.update((r, codes[-1] if code == 250 else code) for r, code in zip(recipients, codes[1:-1]))
        if codes[-1] == 354:
            text = b"x" * 70 + b"\r\n"
            writer.write(f"Message-ID: {name}\r\n\r\n".encode() + text * (octets // len(text)) + b".\r\n")
            for recipient, code in zip(recipients, codes[1:-1]):
                ended[recipient] = 0 if code == 250 else code
            last = await reply(reader)
            ended.update({r: last for r, code in zip(recipients, codes[1:-1]) if code == 250})
        writer.write(b"QUIT\r\n")
        await reply(reader)
    except (ConnectionError, asyncio.TimeoutError, ValueError, OSError):
        pass
    finally:
        writer.close()
    return ended


async def main(host, count, name, pipeline, pace, octets, *recipients):
    async def one(n):
        await asyncio.sleep(float(pace) * n / int(count))
        return await send(host, f"{name}-{n}", [r.format(n) for r in recipients], pipeline == "yes", int(octets))

    results = await asyncio.gather(*(one(n) for n in range(int(count))))
    json.dump({f"{name}-{n}": result for n, result in enumerate(results)}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
