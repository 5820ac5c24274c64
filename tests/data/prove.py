"""Verifies a proof that an entry is in a journal, by RFC 9162 and the note format alone.

    prove.py PROOF KEY
"""

import base64
import hashlib
import json
import struct
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaf, index, size, path):
    """RFC 9162 section 2.1.3.2."""
    number, last, root = index, size - 1, leaf
    for step in path:
        assert last > 0, "the path is too long"
        if number & 1 or number == last:
            root = node(step, root)
            while not number & 1 and number:
                number >>= 1
                last >>= 1
        else:
            root = node(root, step)
        number >>= 1
        last >>= 1
    assert last == 0, "the path is too short"
    return root


proof = json.load(open(sys.argv[1], encoding="utf-8"))
name, key_hash, key = sys.argv[2].split("+", 2)
key = base64.b64decode(key)
assert key[0] == 1, "Ed25519"

entry = proof["entry"]
head = struct.pack(">BBQq", 0, entry["type"], entry["sequence"], entry["at"])
leaf = hashlib.sha256(head + entry["payload"].encode()).digest()
path = [base64.b64decode(step) for step in proof["path"]]
root = root_of(leaf, proof["index"], proof["size"], path)

text, signatures = proof["checkpoint"].rsplit("\n\n", 1)
text += "\n"
origin, size, signed = text.splitlines()[:3]
assert (int(size), base64.b64decode(signed)) == (proof["size"], root), "the root is another"
lines = [line.split(" ", 2)[1:] for line in signatures.splitlines()]
signature = next(base64.b64decode(value) for signer, value in lines if signer == name)
assert signature[:4].hex() == key_hash
Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], text.encode())
