#include "hw_models/description/load.h"

#include <algorithm>
#include <filesystem>

#include "hw_models/description/convert.h"
#include "sim/base/data_files.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "sim/base/names.h"

namespace tessera::hw {

namespace {

constexpr const char* kKind = "accelerators";

std::string path_of(const std::string& name_or_path) {
  const auto presets = accelerator_presets();
  if (std::ranges::find(presets, name_or_path) != presets.end())
    return data_file(kKind, name_or_path).string();
  if (std::filesystem::is_regular_file(name_or_path)) return name_or_path;
  throw UserError("accelerator '", name_or_path, "': neither a file nor a preset; ",
                  suggest(name_or_path, presets));
}

}  // namespace

std::vector<std::string> accelerator_presets() { return list_data_files(kKind); }

proto::AcceleratorDescription read_accelerator_text(const std::string& name_or_path,
                                                    const std::vector<std::string>& assignments) {
  const std::string path = path_of(name_or_path);
  proto::AcceleratorDescription text;
  load_textproto(path, text);
  for (const auto& assignment : assignments) set_field(text, assignment);
  if (text.name().empty()) text.set_name(std::filesystem::path(path).stem().string());
  return text;
}

Accelerator load_accelerator(const std::string& name_or_path,
                             const std::vector<std::string>& assignments) {
  return to_accelerator(read_accelerator_text(name_or_path, assignments), path_of(name_or_path));
}

}  // namespace tessera::hw
