#!/usr/bin/env python3
"""Attention with its softmax, per kind of fused schedule: peak of the buffer and cycles, simulated.

    docs/studies/capacity/attention.py --tessera build/release/sim/app/tessera --out DIR

Every kind moves q, k, v and the result once. Without softmax (`--bare`) the scores go straight into the second
product, as in LoopTree's own workloads.
"""

import argparse
import json
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).parent
ARRAY = [("M", 1), ("K", 16), ("C", 16)]


def node(content, children):
    return "{ " + content + " " + " ".join(f"child {one}" for one in children) + " }"


def store(tensors):
    return 'store { level: "buffer" ' + " ".join(f'tensor {{ tensor: "{one}" }}' for one in tensors) + " }"


def loop(rank, tile, layer=""):
    return f'loop {{ rank {{ layer: "{layer}" rank: "{rank}" }} tile: {tile} }}'


def branch(layer):
    tree = f'{{ layer {{ layer: "{layer}" }} }}'
    if layer != "softmax":
        for rank, axis in (("K", "ARRAY_X"), ("C", "ARRAY_Y")):
            tree = node(f'split {{ rank {{ rank: "{rank}" }} ways: 16 axis: {axis} }}', [tree])
        for rank, tile in reversed(ARRAY):
            tree = node(loop(rank, tile), [tree])
    return tree


def schedule(layers, rows, above, inside, pipeline):
    tree = node("pipeline {}" if pipeline else "sequence {}", [branch(layer) for layer in layers])
    if inside:
        tree = node(store(inside), [tree])
    if rows:
        tree = node(loop("M", rows, layers[-1]), [tree])
    if above:
        tree = node(store(above), [tree])
    return f'name: "attention"\nroot {tree}\n'


def kinds(layers):
    between = layers[:-1]
    moving = ["q"] + between + [layers[-1]]
    yield "layer by layer, scores whole", 0, ["k", "v"] + moving, [], False
    for rows in (1, 8, 64):
        yield f"rows of {rows}, scores kept whole", rows, ["k", "v"] + between, ["q", layers[-1]], False
        yield f"rows of {rows}", rows, ["k", "v"], moving, False
        yield f"pipelined rows of {rows}", rows, ["k", "v"], moving, True


def simulate(tessera, folder, name, network, text, tiles):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.textproto"
    path.write_text(text)
    command = [tessera, "run", "--accelerator", HERE / "one_tile.textproto", "--set", f"columns={tiles}", "--network", network,
               "--schedule", path, "--no-report", "--out", folder / name]
    end = subprocess.run(command, capture_output=True, text=True)
    if end.returncode != 0:
        return f"refused: {end.stderr.strip()}"
    result = json.loads((folder / name / "result.json").read_text())
    words = sum(c["read_bytes"] + c["written_bytes"] for c in result["dram_channels"])
    vector = float(result["cycle_stack"].get("vector", 0))
    return (f"reserved {result['all_tiles_reserved_words']} words, off-chip {words}, {result['cycles']} cycles, "
            f"vector {vector / tiles:.0f} a tile")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--tessera", default="build/release/sim/app/tessera")
    arguments.add_argument("--out", required=True, type=pathlib.Path)
    arguments.add_argument("--bare", action="store_true", help="without softmax")
    given = arguments.parse_args()
    layers = ["qk", "av"] if given.bare else ["qk", "softmax", "av"]
    network = HERE / "attention.textproto"
    if given.bare:
        text = network.read_text().replace('layer { name: "softmax" input: "qk" softmax { axis: -1 } }\n', "")
        given.out.mkdir(parents=True, exist_ok=True)
        network = given.out / "bare.textproto"
        network.write_text(text.replace('input: "softmax" input: "v"', 'input: "qk" input: "v"'))
    for kind, rows, above, inside, pipeline in kinds(layers):
        name = re.sub(r"[ ,]+", "_", kind)
        text = schedule(layers, rows, above, inside, pipeline)
        print(f"{kind:32s}", simulate(given.tessera, given.out, name, network, text, len(layers) if pipeline else 1), flush=True)


if __name__ == "__main__":
    main()
