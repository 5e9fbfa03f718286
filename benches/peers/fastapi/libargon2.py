"""libargon2 in C, as Python uses it: reads a line, hashes once, says so by a line."""

import sys

from argon2.low_level import Type, hash_secret_raw

for _ in sys.stdin:
    hash_secret_raw(b"correct horse battery staple", b"\x01" * 16, 2, 19_456, 1, 32, Type.ID)
    print(flush=True)
