// A place for files that nobody needs afterwards.
#pragma once

#include <filesystem>
#include <string>

namespace tessera {

/// A new folder of its own among the system's temporary files, readable by its owner only. It goes
/// with the object, with all that is in it.
class ScratchFolder {
 public:
  /// UserError when there is no room or no right to make one.
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace tessera
