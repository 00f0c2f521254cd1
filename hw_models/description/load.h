// Finding and reading machine descriptions.
#pragma once

#include <string>
#include <vector>

#include "hw_models/description/accelerator.h"
#include "hw_models/description/accelerator.pb.h"

namespace tessera::hw {

/// The text form of a machine: a preset by name (`tessera list accelerators`) or a .textproto file
/// by path, with `--set path.to.field=value` assignments applied in order. UserError names the file
/// and line, or the nearest presets when there is neither file nor preset of that name.
proto::AcceleratorDescription read_accelerator_text(const std::string& name_or_path,
                                                    const std::vector<std::string>& assignments);

/// read_accelerator_text, converted and checked.
Accelerator load_accelerator(const std::string& name_or_path,
                             const std::vector<std::string>& assignments = {});

/// Names of the installed presets, sorted.
std::vector<std::string> accelerator_presets();

}  // namespace tessera::hw
