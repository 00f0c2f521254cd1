// Machines for tests.
#pragma once

#include <string>

#include "hw_models/description/accelerator.h"
#include "sim/base/random.h"

namespace tessera::test {

/// A machine from fields of accelerator.proto in text form. Without a `dram` it gets one channel at
/// tile 0; without an `energy` a table of ones.
hw::Accelerator machine_of(const std::string& fields);

/// The same `rows` x `columns` tiles that most functional tests use: a 4x4 array, 8 KiB in 4 banks,
/// two DRAM channels at opposite corners.
hw::Accelerator grid_machine(int rows, int columns);

/// 1x1 to 4x4 tiles with random arrays, buffers, ports, networks, channels and shared buffers.
hw::Accelerator random_machine(Random& random);

}  // namespace tessera::test
