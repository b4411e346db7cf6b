#!/usr/bin/env python3
"""verify_proof.py PROOF.json VERIFIER_KEY: checks a proof printed by `plumb ledger prove`, with nothing of Plumbline.

Standard library only: RFC 9162 Merkle proofs, C2SP checkpoint, Ed25519 (RFC 8032 §6). Exit code 0 valid, 1 not, 2 misused.
"""
import base64
import hashlib
import json
import sys

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(a, b):
    x = (a[1] - a[0]) * (b[1] - b[0]) % P
    y = (a[1] + a[0]) * (b[1] + b[0]) % P
    t, z = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = y - x, z - t, z + t, y + x
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(s, point):
    out = (0, 1, 1, 0)
    while s:
        if s & 1:
            out = add(out, point)
        point = add(point, point)
        s >>= 1
    return out


def decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - x2) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_verify(public, message, signature):
    a, r = decompress(public), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = multiply(s, BASE), add(r, multiply(h, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


def leaf(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def open_checkpoint(note, key):
    origin, key_id, encoded = key.split("+", 2)
    public = base64.b64decode(encoded)[1:]
    body, signatures = note.split("\n\n", 1)
    body += "\n"
    name, size, root = body.rstrip("\n").split("\n")
    signature = base64.b64decode(signatures.strip().split(" ")[-1])
    assert name == origin, "the checkpoint is of another log"
    assert signature[:4].hex() == key_id, "the checkpoint is signed with another key"
    assert ed25519_verify(public, body.encode(), signature[4:]), "the checkpoint's signature does not verify"
    return int(size), base64.b64decode(root)


def check_inclusion(hash_, index, size, path, root):
    assert index < size, "the index is outside the tree"
    fn, sn = index, size - 1
    for p in path:
        assert sn, "the path is too long"
        if fn & 1 or fn == sn:
            hash_ = node(p, hash_)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            hash_ = node(hash_, p)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0 and hash_ == root, "the entry is not in the signed tree"


def check_consistency(first, second, path, first_root, second_root):
    assert 0 < first <= second, "sizes out of order"
    if first == second:
        assert not path and first_root == second_root, "two trees of one size differ"
        return
    path = list(path)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        assert sn, "the path is too long"
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0 and fr == first_root and sr == second_root, "the larger tree does not extend the smaller one"


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        proof = json.load(open(sys.argv[1], encoding="utf-8"))
    except (OSError, ValueError) as error:
        print(f"verify_proof: {sys.argv[1]}: {error}", file=sys.stderr)
        return 2
    try:
        size, root = open_checkpoint(proof["checkpoint"], sys.argv[2])
        path = [bytes.fromhex(h) for h in proof["path"]]
        if proof["type"] == "inclusion":
            check_inclusion(leaf(proof["entry"].encode()), proof["index"], size, path, root)
        else:
            middle = bytes.fromhex(proof["to_root"])
            check_consistency(proof["from"], proof["to"], path, bytes.fromhex(proof["from_root"]), middle)
            check_consistency(proof["to"], size, [bytes.fromhex(h) for h in proof["onward"]], middle, root)
    except (AssertionError, KeyError, ValueError, IndexError) as error:
        print(f"verify_proof: not valid: {error}", file=sys.stderr)
        return 1
    print(f"valid: {proof['type']} in the tree of {size} entries with root {root.hex()}")
    return 0


sys.exit(main())
