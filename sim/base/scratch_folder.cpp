#include "sim/base/scratch_folder.h"

#include <cstdlib>

#include "sim/base/error.h"

namespace tessera {

namespace fs = std::filesystem;

ScratchFolder::ScratchFolder() {
  std::string name = (fs::temp_directory_path() / "tessera-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw UserError(name, ": cannot be created");
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace tessera
