#include "sim/sweep/point_folder.h"

#include <sstream>

#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/base/message_io.h"
#include "sim/base/names.h"
#include "sim/base/output_directory.h"

namespace tessera::sweep {

namespace fs = std::filesystem;

namespace {

constexpr int kCannotExecute = 127;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) lines.push_back(line);
  return lines;
}

/// The line a failed run ends with, without the program's name in front.
std::string last_words(const fs::path& errors) {
  const auto lines = fs::exists(errors) ? lines_of(read_file(errors)) : std::vector<std::string>{};
  if (lines.empty()) return "";
  constexpr std::string_view name = "tessera: ";
  for (const auto& line : lines)
    if (line.starts_with(name)) return line.substr(name.size());
  return lines.back();
}

}  // namespace

std::optional<proto::Failure> PointFolder::failure() const {
  if (!fs::exists(path_ / "failure.json")) return {};
  proto::Failure failure;
  parse_json(read_file(path_ / "failure.json"), (path_ / "failure.json").string(), failure);
  return failure;
}

bool PointFolder::settled() const {
  if (finished()) return true;
  const auto known = failure();
  return known && known->exit_code() >= 0 && known->exit_code() != kCannotExecute;
}

void PointFolder::prepare(const std::vector<std::string>& arguments) const {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) throw UserError(path_.string(), ": cannot be written");
  write_file_atomically(path_ / "arguments.txt", join(arguments, "\n") + "\n");
}

void PointFolder::forget_failure() const { fs::remove(path_ / "failure.json"); }

pid_t PointFolder::start_run(const fs::path& program) const {
  std::vector<std::string> command = {program.string(), "run"};
  for (const auto& argument : lines_of(read_file(path_ / "arguments.txt")))
    command.push_back(argument);
  command.push_back("--out=" + path_.string());
  return start(command, {path_ / "log.txt", path_ / "errors.txt"});
}

void PointFolder::ended(const ChildEnd& end) const {
  if (end.exit_code == 0 && finished()) {
    fs::remove(path_ / "errors.txt");
    return forget_failure();
  }
  std::string message = last_words(path_ / "errors.txt");
  if (end.exit_code < 0) message = "ended by signal " + std::to_string(end.signal);
  if (end.exit_code == kCannotExecute) message = "the program cannot be executed";
  note_failure(end.exit_code, end.signal, message);
}

void PointFolder::note_failure(int exit_code, int signal, const std::string& message) const {
  proto::Failure failure;
  failure.set_exit_code(exit_code);
  failure.set_signal(signal);
  failure.set_message(message);
  write_file_atomically(path_ / "failure.json", to_json(failure));
}

}  // namespace tessera::sweep
