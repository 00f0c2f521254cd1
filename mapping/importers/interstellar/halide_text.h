// Interstellar's own way to state a design: a Halide schedule of the seven loops.
//
//   output.split(x, xo, xi, 14).split(k, ko, ki, 16)   // ko and xo outside, ki and xi inside
//         .reorder(fx, fy, y, xi, ki, c, n, xo, ko)    // all loops, innermost first
//         .unroll(ki).unroll(c, xi)                    // an array axis each; second name: its
//         block .systolic()                                  // units pass words to their
//         neighbours .accelerate({input, weight}, fx, xo);        // loops from xo outwards run
//         over DRAM
//   input.in().compute_at(output, xo);                 // a buffer, filled anew in every xo
//   input.in().in().compute_at(output, ki);            // registers
//
// Loops of one iteration need not be listed. Loops: x y (output columns, rows), k c n (output and
// input channels, batch), fx fy (filter columns, rows). `outermost` stands for the place outside
// all loops. Comments begin with // or stand in /* */.
#pragma once

#include <string>

#include "mapping/importers/interstellar/architecture.h"
#include "mapping/schedule.h"
#include "workloads/network.h"

namespace tessera::mapping::interstellar {

/// By content: it calls accelerate.
bool is_halide_text(const std::string& text);

/// The tree that Interstellar's JSON of the same blocking gives. UserError with `origin`, line and
/// token for anything that is not understood, stands in the wrong place or does not fit the levels
/// and units of the architecture.
Schedule read_halide(const std::string& text, const std::string& origin,
                     const workloads::Layer& layer, const Architecture& architecture);

}  // namespace tessera::mapping::interstellar
