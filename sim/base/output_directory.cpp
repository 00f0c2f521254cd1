#include "sim/base/output_directory.h"

#include <signal.h>
#include <unistd.h>

#include <fstream>

#include "sim/base/error.h"

namespace tessera {

namespace fs = std::filesystem;

namespace {

constexpr const char* kResult = "result.json";

/// Ctrl-C and a terminating scheduler wait while files are written (milliseconds): they end the
/// program before or after, never with half of the files on disk.
class InterruptsHeld {
 public:
  InterruptsHeld() {
    sigset_t held;
    sigemptyset(&held);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&held, number);
    pthread_sigmask(SIG_BLOCK, &held, &before_);
  }
  ~InterruptsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  InterruptsHeld(const InterruptsHeld&) = delete;
  InterruptsHeld& operator=(const InterruptsHeld&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

void write_file_atomically(const fs::path& path, const std::string& content) {
  const InterruptsHeld held;
  const fs::path temporary = path.string() + ".partial";
  std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  std::error_code error;
  if (out) fs::rename(temporary, path, error);
  if (!out || error) {
    fs::remove(temporary, error);
    throw UserError(path.string(), ": cannot be written");
  }
}

OutputDirectory::OutputDirectory(fs::path path) : path_(std::move(path)) {
  std::error_code error;
  if (fs::exists(path_, error) && !fs::is_directory(path_, error))
    throw UserError("--out ", path_.string(), ": exists and is not a folder");
  fs::create_directories(path_, error);
  if (error || access(path_.c_str(), W_OK) != 0)
    throw UserError("--out ", path_.string(), ": cannot be created or written");
  fs::remove(path_ / kResult, error);
}

void OutputDirectory::add(const std::string& name, std::string content) {
  files_[name] = std::move(content);
}

void OutputDirectory::commit() {
  const InterruptsHeld held;
  try {
    for (const auto& [name, content] : files_)
      if (name != kResult) write_file_atomically(path_ / name, content);
    if (const auto result = files_.find(kResult); result != files_.end())
      write_file_atomically(path_ / result->first, result->second);
  } catch (const UserError&) {
    withdraw();
    throw;
  }
}

void OutputDirectory::withdraw() {
  std::error_code error;
  for (const auto& [name, content] : files_)
    if (fs::is_regular_file(path_ / name, error)) fs::remove(path_ / name, error);
}

}  // namespace tessera
