#!/usr/bin/env python3
"""Smallest buffer per kind of fused schedule, at the fewest off-chip transfers.

    docs/studies/capacity/search.py --tessera build/release/sim/app/tessera --out DIR [--only WORKLOAD]

Writes every candidate as a LoopTree case, has `tessera predict --model looptree` judge all of them, keeps those that
move every input, weight and output once, simulates the smallest of each kind and prints the table of
docs/study_capacity.md. Attention with its softmax, which no LoopTree workload can say, is in attention.py.
"""

import argparse
import csv
import itertools
import json
import pathlib
import subprocess

ARCH = """architecture:
  version: 0.4
  nodes:
  - !Component
    name: DRAM
    class: DRAM
    attributes: {width: 64, datawidth: 8, n_rdwr_ports: 1}
    required_actions: [read, write]
  - !Component
    name: GLB
    class: SRAM
    attributes: {depth: 8192, width: 4096, datawidth: 8, n_rd_ports: 1, n_wr_ports: 1, n_rdwr_ports: 0}
    required_actions: [read, write]
  - !Container
    name: PE
    spatial: {meshX: 16, meshY: 16}
  - !Component
    name: MAC
    class: intmac
    attributes: {datawidth: 8, width: 8}
    required_actions: [compute]
"""


class Layer:
    """One einsum of a chain. `kind`: conv (3 x 3), pointwise, depthwise (3 x 3) or fc."""

    def __init__(self, kind, index, rows, columns, filters, channels):
        self.kind, self.n = kind, index
        self.filters, self.channels = filters, channels
        self.extent = {"P": rows, "M": filters}
        if kind != "fc":
            self.extent["Q"] = columns
        if kind != "depthwise":
            self.extent["C"] = channels
        if kind in ("conv", "depthwise"):
            self.extent["R"] = self.extent["S"] = 3

    def rank(self, letter):
        return f"{letter}{self.n}"

    def macs(self):
        product = 1
        for extent in self.extent.values():
            product *= extent
        return product

    def spaces(self):
        """Input, weights, output: name and projection."""
        r = self.rank
        window = self.kind in ("conv", "depthwise")
        rows = f"{r('P')} + {r('R')}" if window else r("P")
        columns = f"{r('Q')} + {r('S')}" if window else r("Q")
        into = r("M") if self.kind == "depthwise" else r("C")
        place = [rows] if self.kind == "fc" else [rows, columns]
        out_place = [r("P")] if self.kind == "fc" else [r("P"), r("Q")]
        weights = {
            "conv": [r("M"), r("C"), r("R"), r("S")],
            "pointwise": [r("M"), r("C")],
            "depthwise": [r("M"), r("R"), r("S")],
            "fc": [r("M"), r("C")],
        }[self.kind]
        return [
            (f"T{self.n - 1}", [into] + place, False),
            (f"W{self.n}", weights, False),
            (f"T{self.n}", [r("M")] + out_place, True),
        ]

    def einsum(self):
        text = f"- shape:\n    name: L{self.n}\n    dimensions: [{', '.join(self.rank(x) for x in self.extent)}]\n"
        text += "    data_spaces:\n"
        for name, projection, written in self.spaces():
            names = ", ".join(f"{name}_{i}" for i in range(len(projection)))
            text += f"    - name: {name}\n      dimensions: [{names}]\n      projection: '[ {', '.join(projection)} ]'\n"
            text += "      read_write: True\n" if written else ""
        bounds = " and ".join(f"0 <= {self.rank(x)} < {e}" for x, e in self.extent.items())
        return text + f"  instance: >-\n    {bounds}\n"

    def array(self):
        """A pixel at a time, 16 x 16 channels on the array, sums in registers."""
        loops = [("P", 1)] + ([("Q", 1)] if "Q" in self.extent else [])
        loops += [("M", 16)] + ([("C", 16)] if "C" in self.extent else [])
        loops += [(x, 1) for x in "RS" if x in self.extent]
        lines = [f"{{type: temporal, rank: {self.rank(x)}, tile_shape: {tile}}}" for x, tile in loops]
        lines += [f"{{type: spatial, rank: {self.rank(x)}, tile_shape: 1}}" for x in "CM" if x in self.extent]
        return lines + [f"{{type: compute, einsum: L{self.n}, target: 2}}"]


def chain(kinds, rows, columns, widths):
    """Layers so that the last one's outputs are rows x columns; widths: channels of T0, T1, ..."""
    layers = []
    for index in range(len(kinds), 0, -1):
        layers.insert(0, Layer(kinds[index - 1], index, rows, columns, widths[index], widths[index - 1]))
        if kinds[index - 1] in ("conv", "depthwise"):
            rows, columns = rows + 2, columns + 2
    return layers


WORKLOADS = {
    "conv_conv": chain(["conv"] * 2, 112, 112, [32] * 3),
    "conv_conv_conv": chain(["conv"] * 3, 112, 112, [32] * 4),
    "pwise_dwise_pwise": chain(["pointwise", "depthwise", "pointwise"], 56, 56, [24, 144, 144, 24]),
    "fc_fc": chain(["fc"] * 2, 1024, 1, [128, 512, 128]),
}


def fewest_words(layers):
    """Inputs, weights and outputs of the chain, once each."""
    def volume(layer, letters):
        product = 1
        for x in letters:
            product *= layer.extent.get(x, 1)
        return product

    first, last = layers[0], layers[-1]
    halo = 2 if first.kind in ("conv", "depthwise") else 0
    rows, columns = first.extent["P"] + halo, first.extent.get("Q", 1) + (halo if "Q" in first.extent else 0)
    words = first.channels * rows * columns + volume(last, "MPQ")
    return words + sum(volume(layer, "MRS" if layer.kind == "depthwise" else "MCRS") for layer in layers)


def mapping(layers, loops, held, pipeline=False, own=None):
    """YAML of a fused mapping. `held`: tensor -> loops around its store, or "branch"; a negative number -d says d
    loops without reuse. `own`: layer number -> loops of the layer itself, above the stores of its branch."""
    last = layers[-1]
    dram = [f"W{layer.n}" for layer in layers] + ["T0", f"T{last.n}"]
    lines = [f"{{type: storage, target: 0, dspace: [{', '.join(dram)}]}}"]
    for depth in range(len(loops) + 1):
        if depth > 0:
            lines.append(f"{{type: temporal, rank: {last.rank(loops[depth - 1][0])}, tile_shape: {loops[depth - 1][1]}}}")
        here = [tensor for tensor, at in held.items() if at == depth]
        if here:
            lines.append(f"{{type: storage, target: 1, dspace: [{', '.join(here)}]}}")
        for tensor in (tensor for tensor, at in held.items() if depth > 0 and at == -depth):
            lines.append(f"{{type: storage, target: 1, dspace: [{tensor}], exploits_reuse: False}}")
    text = "mapping:\n  type: fused\n  nodes:\n" + "".join(f"  - {line}\n" for line in lines)
    text += f"  - type: {'pipeline' if pipeline else 'sequential'}\n    branches:\n"
    for layer in layers:
        names = [name for name, _, _ in layer.spaces()]
        inside = [name for name in names if held.get(name) == "branch"]
        below = [name for name in names if held.get(name) == "below"]
        text += "    -\n"
        if inside:
            text += f"      - {{type: storage, target: 1, dspace: [{', '.join(inside)}]}}\n"
        for rank, tile in (own or {}).get(layer.n, []):
            text += f"      - {{type: temporal, rank: {layer.rank(rank)}, tile_shape: {tile}}}\n"
        if below:
            text += f"      - {{type: storage, target: 1, dspace: [{', '.join(below)}]}}\n"
        text += "".join(f"      - {line}\n" for line in layer.array())
    return text


# Tiles of the smallest shapes tried, per number of layers: the analysis looks at every one of them.
MOST_TILES = {2: 12544, 3: 3136}


def divisors(extent, tiles):
    return [tile for tile in tiles if extent % tile == 0]


def candidates(layers):
    """Pairs of kind and YAML."""
    last = layers[-1]
    count = len(layers)
    weights = [f"W{i}" for i in range(1, count + 1)]
    between = [f"T{i}" for i in range(1, count)]
    ends = ["T0", f"T{count}"]
    rows = divisors(last.extent["P"], [1, 2, 4, 8])
    columns = divisors(last.extent.get("Q", 1), [1, 2, 4, 8, 14, 28, 56]) if "Q" in last.extent else []
    inner = "Q" if columns else "M"
    inner_tiles = columns or divisors(last.extent["M"], [16, 32, 64])

    # Layer by layer, what stands between them kept whole; each layer in rows of its own.
    for tiles in itertools.product(*[divisors(layer.extent["P"], [1, 2, 4]) for layer in layers]):
        own = {layer.n: [("P", tile)] for layer, tile in zip(layers, tiles)}
        held = {name: 0 for name in between} | {name: "branch" for name in weights} | {name: "below" for name in ends}
        yield "layer by layer", mapping(layers, [], held, own=own)

    everything = {name: 0 for name in weights}
    for p in rows:
        loops = [("P", p)]
        yield "rows", mapping(layers, loops, everything | {name: 1 for name in between + ends})
        yield "pipelined rows", mapping(layers, loops, everything | {name: 1 for name in between + ends}, pipeline=True)
    for p, q in itertools.product(rows, inner_tiles):
        if last.extent["P"] // p * (last.extent[inner] // q) > MOST_TILES[count]:
            continue
        for loops in ([("P", p), (inner, q)], [(inner, q), ("P", p)]):
            kinds = {
                "keep all": everything | {name: 0 for name in between} | {"T0": 1, ends[1]: 2},
                "keep row": everything | {name: 1 for name in between} | {"T0": 1, ends[1]: 2},
                "recompute rows": everything | {name: 2 for name in between} | {"T0": 1, ends[1]: 2},
                "recompute all": everything | {name: -2 for name in between} | {"T0": 1, ends[1]: 2},
            }
            for kind, held in kinds.items():
                yield kind, mapping(layers, loops, held)
            for depth in (0, 1):
                held = {name: depth for name in weights + between + ends}
                yield "uniform", mapping(layers, loops, held)
            held = {name: 2 for name in between + ends}
            yield "uniform", mapping(layers, loops, {name: 1 for name in weights} | held)
            for depths in itertools.product((0, 1, 2, -2), repeat=count - 1):
                for t0 in (0, 1):
                    held = everything | dict(zip(between, depths)) | {"T0": t0, ends[1]: 2}
                    yield "per tensor", mapping(layers, loops, held)
    if last.kind == "fc":
        # The rank that the second layer adds over: a slice of both weights at a time, sums stay.
        for c in divisors(last.extent["C"], [1, 2, 4, 8, 16]):
            held = {name: 1 for name in weights + between} | {name: 0 for name in ends}
            yield "slices of channels", mapping(layers, [("C", c)], held)


def write_cases(folder, name, layers):
    for part in ("mappings", "workloads", "arch"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "arch/one_tile.yaml").write_text(ARCH)
    (folder / f"workloads/{name}.yaml").write_text("problem:\n" + "".join(layer.einsum() for layer in layers))
    known, cases = {}, []
    for kind, text in candidates(layers):
        if (kind, text) in known:
            continue
        known[kind, text] = case = f"{name}__{len(cases):04d}"
        cases.append((case, kind))
        (folder / f"mappings/{case}.yaml").write_text(text)
    with open(folder / "cases.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["case", "workload", "arch"])
        table.writerows([case, name, "one_tile"] for case, _ in cases)
    return cases


def simulate(tessera, folder, name, case):
    out = folder / "runs" / case
    command = [tessera, "run", "--network", folder / f"workloads/{name}.yaml", "--schedule",
               folder / f"mappings/{case}.yaml", "--accelerator", folder / "arch/one_tile.yaml", "--no-report", "--out", out]
    end = subprocess.run(command, capture_output=True, text=True)
    if end.returncode != 0:
        return None, end.stderr.strip()
    result = json.loads((out / "result.json").read_text())
    words = sum(c["read_bytes"] + c["written_bytes"] for c in result["dram_channels"])
    executed = sum(int(row["macs"]) for row in csv.DictReader(open(out / "tiles.csv")))
    return {"cycles": int(result["cycles"]), "macs": executed, "offchip": words,
            "reserved": int(result["all_tiles_reserved_words"])}, ""


def study(tessera, folder, name, layers):
    cases = write_cases(folder, name, layers)
    subprocess.run([tessera, "predict", "--model", "looptree", "--cases", folder, "--out", folder / "predicted.csv"],
                   check=True, capture_output=True)
    predicted = {row["case"]: row for row in csv.DictReader(open(folder / "predicted.csv"))}
    fewest = fewest_words(layers)
    macs = sum(layer.macs() for layer in layers)
    print(f"\n{name}: {len(cases)} candidates, {macs} MACs, fewest off-chip words {fewest}")
    kinds = {}
    for case, kind in cases:
        row = predicted[case]
        if int(row["offchip_words"]) == fewest:
            kinds.setdefault(kind, []).append((int(row["glb_capacity_words_max"]), int(row["macs_executed"]), case))
    for kind, of_kind in kinds.items():
        limits = [None] if all(executed == macs for _, executed, _ in of_kind) else [1.0, 1.25, 1.5, 2, 3, None]
        for limit in limits:
            within = sorted(one for one in of_kind if limit is None or one[1] <= limit * macs)
            for words, executed, case in within:
                measured, refused = simulate(tessera, folder, name, case)
                if measured is None:
                    print(f"  {kind}: {case} refused: {refused}")
                    continue
                print(f"  {kind:20s} up to {limit or 'any'} x MACs: predicted {words} words, simulated {measured['reserved']}, "
                      f"MACs x {measured['macs'] / macs:.3f}, off-chip {measured['offchip']}, {measured['cycles']} cycles, {case}")
                break
    if "Q" in layers[-1].extent:
        compound(folder, layers)


def compound(folder, layers):
    """Executed MACs of every layer, in multiples of its own, where nothing of the intermediates is kept."""
    executed = {}
    for row in csv.DictReader(open(folder / "predicted.einsums.csv")):
        executed.setdefault(row["case"], []).append(int(row["macs_executed"]) / int(row["macs_algorithmic"]))
    last = layers[-1]
    for tile in ((8, 56), (8, 28), (8, 8), (4, 4), (2, 2)):
        held = {f"W{layer.n}": 0 for layer in layers} | {f"T{i}": -2 for i in range(1, len(layers))}
        text = mapping(layers, list(zip("PQ", tile)), held | {"T0": 1, f"T{last.n}": 2})
        for path in sorted((folder / "mappings").iterdir()):
            if path.read_text() == text and path.stem in executed:
                print(f"  tiles of {tile[0]} x {tile[1]}: MACs x " + ", ".join(f"{one:.2f}" for one in executed[path.stem]))
                break


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--tessera", default="build/release/sim/app/tessera")
    arguments.add_argument("--out", required=True, type=pathlib.Path)
    arguments.add_argument("--only", choices=WORKLOADS)
    given = arguments.parse_args()
    for name, layers in WORKLOADS.items():
        if given.only in (None, name):
            study(given.tessera, given.out / name, name, layers)


if __name__ == "__main__":
    main()
