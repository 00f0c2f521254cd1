// Result files appear complete or not at all.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace tessera {

/// Collects the files of one run and writes them together. Nothing exists on disk before `commit`;
/// each file is written under a temporary name and renamed, result.json last, so that its presence
/// means that the run ended well.
class OutputDirectory {
 public:
  /// UserError at once if the path exists and is no folder, or cannot be written.
  explicit OutputDirectory(std::filesystem::path path);

  void add(const std::string& name, std::string content);
  /// Content of a file that has been added.
  const std::string& content(const std::string& name) const { return files_.at(name); }
  /// UserError when a file cannot be written; none of them is left then.
  void commit();
  const std::filesystem::path& path() const { return path_; }

 private:
  void withdraw();

  std::filesystem::path path_;
  std::map<std::string, std::string> files_;
};

/// Writes one file through a temporary name. UserError when the place cannot be written.
void write_file_atomically(const std::filesystem::path& path, const std::string& content);

}  // namespace tessera
