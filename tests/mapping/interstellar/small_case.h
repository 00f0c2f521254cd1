// A layer and machine small enough to count by hand.
#pragma once

#include <string>

namespace tessera::mapping::interstellar::test {

/// K 4, C 2, outputs 2 x 2, filter 1 x 1: input 8, output 16, filter 8 elements, 32 products.
inline const char kLayer[] = R"({"fmap_width": 2, "fmap_height": 2, "input_fmap_channel": 2,
  "output_fmap_channel": 4, "window_width": 1, "window_height": 1, "batch_size": 1,
  "stride_width": 1, "stride_height": 1})";

/// Registers in a line of units, 1 pJ; DRAM, 100 pJ; 0.5 pJ a hop.
inline std::string architecture(int units, int mode) {
  return R"({"mem_levels": 2, "capacity": [64, 1024], "access_cost": [1, 100], "precision": 8,
  "mac_capacity": 0, "parallel_cost": [0.5], "array_dim": [1, 1], "parallel_count": [)" +
         std::to_string(units) + R"(, 1], "parallel_mode": [)" + std::to_string(mode) + ", 0]}";
}

/// Two units split OC; OX inside, then OY, IC, OC.
inline const char kMapping[] = R"({"levels": [
  {"temporal_inner_to_outer": [["OX", 2]], "spatial": {"OC": 2}, "spatial_axes": [["OC"]]},
  {"temporal_inner_to_outer": [["OY", 2], ["IC", 2], ["OC", 2]], "spatial": {}, "spatial_axes": null}]})";

}  // namespace tessera::mapping::interstellar::test
