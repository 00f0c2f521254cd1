#include "sim/base/data_files.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "sim/base/error.h"
#include "sim/base/names.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

constexpr const char* kExtension = ".textproto";

struct Kind {
  const char* name;
  const char* source_folder;
};
constexpr std::array<Kind, 3> kKinds{{{"zoo", "workloads/zoo"},
                                      {"accelerators", "hw_models/description/presets"},
                                      {"devices", "hw_models/dram/devices"}}};

/// share/tessera beside the bin folder that the running program stands in, wherever the
/// installation was moved to; empty where the host cannot tell.
fs::path beside_program() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path() : program.parent_path().parent_path() / "share" / "tessera";
}

fs::path folder_of(const std::string& kind) {
  const auto known = std::ranges::find_if(kKinds, [&](const Kind& k) { return kind == k.name; });
  if (known == kKinds.end())
    throw InvariantViolation("data_files", 0, "no kind of installed files is called ", kind);
  if (const char* chosen = std::getenv("TESSERA_DATA_DIR")) return fs::path(chosen) / kind;
  if (const fs::path moved = beside_program() / kind; fs::is_directory(moved)) return moved;
  const fs::path source = fs::path(TESSERA_SOURCE_DIR) / known->source_folder;
  return fs::exists(source) ? source : fs::path(TESSERA_INSTALLED_DATA_DIR) / kind;
}

}  // namespace

std::vector<std::string> list_data_files(const std::string& kind) {
  std::vector<std::string> names;
  const fs::path folder = folder_of(kind);
  if (!fs::is_directory(folder)) return names;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == kExtension) names.push_back(entry.path().stem().string());
  std::ranges::sort(names);
  return names;
}

fs::path data_file(const std::string& kind, const std::string& name) {
  const fs::path folder = folder_of(kind);
  const auto known = list_data_files(kind);
  if (std::ranges::find(known, name) == known.end())
    throw UserError(name, ": not in ", folder.string(), "; ", suggest(name, known));
  return folder / (name + kExtension);
}

}  // namespace tessera
