#!/usr/bin/env python3
"""Makes a Hugging Face folder of a BERT encoder that is at hand as an ONNX graph only: FILE.onnx TOKENIZER.json OUT NAME POOLING.

Reads the protocol-buffer wire format itself (no package needed). Weights that the export kept by name are taken as they are;
matrices that it folded into nameless constants are found by the MatMul that uses them (its name is the module's path) and
transposed back. Writes config.json, tokenizer.json, vocab.txt, model.safetensors (float32), and 1_Pooling/config.json as Sentence
Transformers has it: POOLING is "cls" or "mean".
"""
import array
import json
import re
import struct
import sys
from pathlib import Path


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def fields(data):
    """(field number, value) of a message; a length-delimited value is a view of its bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value, at = data[at:at + size], at + size
        else:
            sys.exit(f"bert_from_onnx: wire type {kind} at byte {at}: not an ONNX file?")
        yield key >> 3, value


def tensor(message):
    """name, shape and float32 values of a TensorProto; values are None for another type."""
    shape, kind, name, raw = [], 0, "", b""
    for number, value in fields(message):
        if number == 1 and isinstance(value, int):
            shape.append(value)
        elif number == 1:  # packed
            at = 0
            while at < len(value):
                size, at = varint(value, at)
                shape.append(size)
        elif number == 2:
            kind = value
        elif number == 8:
            name = bytes(value).decode()
        elif number == 9:
            raw = value
    return name, shape, array.array("f", bytes(raw)) if kind == 1 else None


def transposed(values, rows, columns):
    out = array.array("f")
    for column in range(columns):
        out.extend(values[column::columns])
    return out


def weights(path):
    graph = next(value for number, value in fields(memoryview(path.read_bytes())) if number == 7)
    constants, products = {}, []
    for number, value in fields(graph):
        if number == 5:
            name, shape, values = tensor(value)
            constants[name] = (shape, values)
        elif number == 1:
            node = {1: [], 3: "", 4: ""}
            for key, part in fields(value):
                if key == 1:
                    node[1].append(bytes(part).decode())
                elif key in (3, 4):
                    node[key] = bytes(part).decode()
            if node[4] == "MatMul" and len(node[1]) == 2:
                products.append((node[3], node[1][1]))
    found = {name: constant for name, constant in constants.items()
             if name.startswith(("embeddings.", "encoder.")) and constant[1] is not None}
    for name, constant in products:
        if constant in constants:
            (rows, columns), values = constants[constant]
            module = name.strip("/").removesuffix("/MatMul").replace("/", ".")
            found[module + ".weight"] = ([columns, rows], transposed(values, rows, columns))
    return found


def save(path, tensors):
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name in sorted(tensors):
        shape, values = tensors[name]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + 4 * len(values)]}
        at += 4 * len(values)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            tensors[name][1].tofile(out)


def main():
    if len(sys.argv) != 6 or sys.argv[5] not in ("cls", "mean") or sys.byteorder != "little":
        sys.exit(__doc__)
    graph, tokenizer, out, name, pooling = *map(Path, sys.argv[1:4]), *sys.argv[4:]
    tensors = weights(graph)
    layers = 1 + max(int(m[1]) for m in map(re.compile(r"encoder\.layer\.(\d+)\.").match, tensors) if m)
    words, hidden = tensors["embeddings.word_embeddings.weight"][0]
    config = {"architectures": ["BertModel"], "model_type": "bert", "_name_or_path": name, "hidden_act": "gelu",
              "hidden_size": hidden, "intermediate_size": tensors["encoder.layer.0.intermediate.dense.weight"][0][0],
              "layer_norm_eps": 1e-12, "max_position_embeddings": tensors["embeddings.position_embeddings.weight"][0][0],
              "num_attention_heads": hidden // 32, "num_hidden_layers": layers, "pad_token_id": 0,
              "type_vocab_size": tensors["embeddings.token_type_embeddings.weight"][0][0], "vocab_size": words}
    (out / "1_Pooling").mkdir(parents=True, exist_ok=True)
    (out / "1_Pooling" / "config.json").write_text(json.dumps({
        "word_embedding_dimension": hidden, "pooling_mode_cls_token": pooling == "cls",
        "pooling_mode_mean_tokens": pooling == "mean"}, indent=1) + "\n")
    save(out / "model.safetensors", tensors)
    (out / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (out / "tokenizer.json").write_bytes(tokenizer.read_bytes())
    vocabulary = json.loads(tokenizer.read_bytes())["model"]["vocab"]
    (out / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.get)) + "\n")


if __name__ == "__main__":
    main()
