#!/usr/bin/env python3
"""Does hardware with an adaptive dataflow pay? See docs/study_dataflow.md.

  adaptive_dataflow.py cases DIR      writes ResNet-8 (MLPerf Tiny, CIFAR-10) under eight dataflows as
                                      a folder of MAESTRO cases
  adaptive_dataflow.py table CSV      sums up what `tessera validate --cases DIR --out OUT` found
                                      (OUT/validation.csv)
"""
import csv
import pathlib
import sys

# Name, filters, channels, filter size, stride, input rows with padding, how often in the network.
LAYERS = [
    ('conv1', 16, 3, 3, 1, 34, 1),
    ('stack1', 16, 16, 3, 1, 34, 2),
    ('stack2_down', 32, 16, 3, 2, 33, 1),
    ('stack2', 32, 32, 3, 1, 18, 1),
    ('stack2_skip', 32, 16, 1, 2, 31, 1),
    ('stack3_down', 64, 32, 3, 2, 17, 1),
    ('stack3', 64, 64, 3, 1, 10, 1),
    ('stack3_skip', 64, 32, 1, 2, 15, 1),
    ('fc', 10, 64, 1, 1, 1, 1),
]

FILTER = ('TemporalMap(Sz(R),Sz(R)) R; TemporalMap(Sz(S),Sz(S)) S;')
SLIDE = 'TemporalMap(Sz(R),1) Y; TemporalMap(Sz(S),1) X;'

# Well-known dataflows for 256 PEs.
DATAFLOWS = {
    'channels_filters': f'SpatialMap(1,1) C; TemporalMap(16,16) K; {FILTER} {SLIDE} '
                        f'Cluster(16,P); SpatialMap(1,1) K; {FILTER}',
    'nvdla': f'SpatialMap(1,1) K; TemporalMap(16,16) C; {FILTER} {SLIDE} '
             f'Cluster(16,P); SpatialMap(1,1) C; {SLIDE} {FILTER}',
    'columns': f'TemporalMap(1,1) K; TemporalMap(1,1) C; TemporalMap(Sz(R),1) Y; '
               f'SpatialMap(Sz(S),1) X; {FILTER}',
    'rows_filters': f'TemporalMap(16,16) K; SpatialMap(Sz(R),1) Y; TemporalMap(Sz(S),1) X; '
                    f'TemporalMap(1,1) C; {FILTER} Cluster(16,P); SpatialMap(1,1) K; {SLIDE} {FILTER}',
    'no_local_reuse': f'TemporalMap(1,1) K; {SLIDE} {FILTER} SpatialMap(1,1) C;',
    'shidiannao': f'TemporalMap(1,1) K; TemporalMap(1,1) C; SpatialMap(Sz(R),1) Y; '
                  f'TemporalMap(%d,%d) X; {FILTER} Cluster(16,P); SpatialMap(Sz(S),1) X; {FILTER}',
    'maeri': f"TemporalMap(1,1) C; SpatialMap(1,1) K; TemporalMap(1,1) Y'; TemporalMap(1,1) X'; {FILTER} "
             f'Cluster(Sz(R),P); SpatialMap(1,1) Y; SpatialMap(1,1) R; '
             f'Cluster(Sz(S),P); SpatialMap(1,1) X; SpatialMap(1,1) S;',
    'row_stationary': f"SpatialMap(1,1) Y'; TemporalMap(1,1) X'; TemporalMap(1,1) C; "
                      f'TemporalMap(16,16) K; {FILTER} Cluster(Sz(R),P); SpatialMap(1,1) Y; '
                      f'SpatialMap(1,1) R; TemporalMap(Sz(S),Sz(S)) S;',
}

HARDWARE = 'num_pes: 256\nl1_size_cstr: 100000\nl2_size_cstr: 10000000\nnoc_bw_cstr: 64\n' \
           'offchip_bw_cstr: 512\n'
HW_NAME = 'pes256_bus64_dram512'


def mapping(layer, directives):
    name, filters, channels, window, stride, size, _ = layer
    if '%d' in directives:  # the columns of 16 neighbouring windows
        directives %= (15 + window, 16)
    lines = '\n'.join('      ' + part.strip() + ';' for part in directives.split(';') if part.strip())
    return (f'Network ResNet8 {{\n  Layer {name} {{\n    Type: CONV\n'
            f'    Stride {{ X: {stride}, Y: {stride} }}\n'
            f'    Dimensions {{ K: {filters}, C: {channels}, R: {window}, S: {window}, '
            f'Y: {size}, X: {size} }}\n    Dataflow {{\n{lines}\n    }}\n  }}\n}}\n')


def write_cases(folder):
    for part in ('mapping', 'hw'):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / 'hw' / (HW_NAME + '.m')).write_text(HARDWARE)
    with open(folder / 'predictions.csv', 'w', newline='') as out:
        writer = csv.writer(out, lineterminator='\n')
        writer.writerow(['layer', 'type', 'dataflow', 'hw', 'mapping_file'])
        for layer in LAYERS:
            for dataflow, directives in DATAFLOWS.items():
                file = f'{layer[0]}__{dataflow}.m'
                (folder / 'mapping' / file).write_text(mapping(layer, directives))
                writer.writerow([layer[0], 'CONV', dataflow, HW_NAME, file])


def read_cycles(path):
    """Cycles by layer and dataflow, predicted and simulated; rows without a simulation are left out."""
    cycles = {}
    for row in csv.DictReader(open(path)):
        layer, dataflow, _ = row['case'].split('/')
        if row['refused']:
            print(f"left out: {layer} {dataflow}: {row['refused']}")
            continue
        cycles[layer, dataflow] = int(row['predicted_cycles']), int(row['simulated_cycles'])
    return cycles


def print_table(path):
    cycles = read_cycles(path)
    times = {layer[0]: layer[6] for layer in LAYERS}
    for which, title in enumerate(('predicted', 'simulated')):
        print(f'\n{title} cycles\n{"layer":14}' + ''.join(f'{d:>18}' for d in DATAFLOWS) + '  best')
        for layer in times:
            row = {d: cycles[layer, d][which] for d in DATAFLOWS if (layer, d) in cycles}
            cells = ''.join(f'{row.get(d, "-"):>18}' for d in DATAFLOWS)
            print(f'{layer:14}{cells}  {min(row, key=row.get)}')
        whole = {d: sum(times[layer] * cycles[layer, d][which] for layer in times)
                 for d in DATAFLOWS if all((layer, d) in cycles for layer in times)}
        best = sum(times[layer] * min(cycles[layer, d][which] for d in DATAFLOWS
                                      if (layer, d) in cycles) for layer in times)
        fixed = min(whole, key=whole.get)
        print(f'network, one dataflow: {whole}')
        print(f'best fixed {fixed} {whole[fixed]}, best per layer {best}: '
              f'{whole[fixed] / best:.2f} times')
    chosen = {layer: min((d for d in DATAFLOWS if (layer, d) in cycles),
                         key=lambda d: cycles[layer, d][0]) for layer in times}
    told = sum(times[layer] * cycles[layer, chosen[layer]][1] for layer in times)
    print(f'\nper layer what the model thinks best, simulated: {told}')


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ('cases', 'table'):
        sys.exit(__doc__)
    path = pathlib.Path(sys.argv[2])
    write_cases(path) if sys.argv[1] == 'cases' else print_table(path)


if __name__ == '__main__':
    main()
