// Grids of routers for tests.
#pragma once

#include "noc/topology/builders.h"

namespace tessera::noc {

inline GridShape grid(std::uint32_t columns, std::uint32_t rows) {
  GridShape shape;
  shape.columns = columns;
  shape.rows = rows;
  return shape;
}

}  // namespace tessera::noc
