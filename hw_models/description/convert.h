// From the text form of a machine to the checked struct, once, at the edge of the program.
#pragma once

#include <string>

#include "hw_models/description/accelerator.h"
#include "hw_models/description/accelerator.pb.h"

namespace tessera::hw {

/// Fills in defaults and checks every field and how fields fit together. `origin` (a file name)
/// leads every UserError, followed by the field, its value and what is allowed.
Accelerator to_accelerator(const proto::AcceleratorDescription& text, const std::string& origin);

}  // namespace tessera::hw
