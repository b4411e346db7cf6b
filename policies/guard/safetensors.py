"""Reading and writing .safetensors with the standard library alone."""
import json
import struct


def read(path):
    """name → (dtype, shape, bytes)"""
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    head, body = json.loads(raw[8:8 + size]), raw[8 + size:]
    head.pop("__metadata__", None)
    return {name: (one["dtype"], one["shape"], body[slice(*one["data_offsets"])]) for name, one in head.items()}


def write(path, tensors):
    head, body = {}, b""
    for name, (dtype, shape, data) in tensors.items():
        head[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
