#!/usr/bin/env python3
"""The mean of adapters that were trained alike from one start with different seeds: it generalises better than each of them
(Wortsman et al., Model soups, 2022), and costs nothing when it is asked.

    python3 policies/guard/average.py OUT ADAPTER ADAPTER…

Every ADAPTER is a PEFT folder with the same tensors. Standard library only.
"""
import array
import pathlib
import shutil
import sys

sys.dont_write_bytecode = True
import safetensors  # noqa: E402


def values(dtype, data):
    if dtype == "F32":
        return array.array("f", data)
    if dtype == "BF16":
        return array.array("f", array.array("I", [bits << 16 for bits in array.array("H", data)]).tobytes())
    sys.exit(f"average.py: a tensor is {dtype}; F32 and BF16 can be averaged")


def stored(dtype, numbers):
    if dtype == "F32":
        return numbers.tobytes()
    bits = array.array("I", numbers.tobytes())
    # To the nearest, ties to even.
    return array.array("H", [(b + 0x7FFF + (b >> 16 & 1)) >> 16 for b in bits]).tobytes()


def main(out, *folders):
    read = [safetensors.read(pathlib.Path(folder) / "adapter_model.safetensors") for folder in folders]
    for folder, tensors in zip(folders, read):
        if {k: v[:2] for k, v in tensors.items()} != {k: v[:2] for k, v in read[0].items()}:
            sys.exit(f"average.py: {folder} has other tensors than {folders[0]}")
    mean = {}
    for name, (dtype, shape, _) in read[0].items():
        columns = zip(*(values(dtype, tensors[name][2]) for tensors in read))
        mean[name] = (dtype, shape, stored(dtype, array.array("f", [sum(column) / len(read) for column in columns])))
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    safetensors.write(out / "adapter_model.safetensors", mean)
    shutil.copyfile(pathlib.Path(folders[0]) / "adapter_config.json", out / "adapter_config.json")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
