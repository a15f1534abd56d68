# SPDX-License-Identifier: BSD-3-Clause
"""Hands a rule set to postern-dp as posternd does (protocol.h), so that tests can hand over what posternd never would."""

import fcntl
import hashlib
import json
import os
import socket
import struct

MAGIC = b"POSTERN\x01"
DIGEST, ABI, TOTAL, GENERATION, ENGINE = 8, 40, 48, 56, 72  # offsets of struct blob_header
SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def blob_in_cache(directory):
    """A good blob, out of an entry of posternd's cache."""
    entry = max(directory.glob("*.ruleset"), key=lambda p: p.stat().st_mtime_ns).read_bytes()
    at = entry.index(MAGIC)
    return bytearray(entry[at:at + struct.unpack_from("<Q", entry, at + TOTAL)[0]])


def with_digest(blob):
    """The blob with a digest that fits, so that the fault lies elsewhere."""
    blob[DIGEST:ABI] = hashlib.blake2b(blob[ABI:], digest_size=ABI - DIGEST).digest()
    return blob


def load(path, blob, seals=SEALS):
    """Returns postern-dp's answer."""
    memory = os.memfd_create("rules", os.MFD_ALLOW_SEALING)
    try:
        os.write(memory, blob)
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, seals)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.settimeout(10)
            s.connect(str(path))
            socket.send_fds(s, [b'{"cmd":"load"}'], [memory])
            return json.loads(s.recv(65536))
    finally:
        os.close(memory)
