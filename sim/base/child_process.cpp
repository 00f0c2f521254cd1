#include "sim/base/child_process.h"

#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

#include "sim/base/error.h"

namespace tessera {

namespace {

using End = ChildResult::End;

ChildResult call(const std::function<std::string()>& work) {
  try {
    return {End::kReturned, work()};
  } catch (const UserError& error) {
    return {End::kUserError, error.what()};
  } catch (const InvariantViolation& error) {
    return {End::kInvariantViolation, error.what()};
  } catch (const NoProgress& error) {
    return {End::kNoProgress, error.what()};
  } catch (const std::exception& error) {
    return {End::kOther, error.what()};
  }
}

void write_all(int file, const std::string& bytes) {
  for (std::size_t written = 0; written < bytes.size();) {
    const ssize_t count = write(file, bytes.data() + written, bytes.size() - written);
    if (count <= 0) _exit(1);
    written += static_cast<std::size_t>(count);
  }
}

std::string read_all(int file) {
  std::string bytes;
  char block[65536];
  for (ssize_t count; (count = read(file, block, sizeof block)) > 0;)
    bytes.append(block, static_cast<std::size_t>(count));
  return bytes;
}

}  // namespace

const std::string& ChildResult::value() const {
  switch (end) {
    case End::kReturned:
      return text;
    case End::kUserError:
      throw UserError(text);
    case End::kInvariantViolation:
      throw InvariantViolation(text);
    case End::kNoProgress:
      throw NoProgress(text);
    default:
      throw std::runtime_error(text);
  }
}

ChildResult in_child(const std::function<std::string()>& work) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe to a child process");
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("cannot start a child process");
  if (child == 0) {
    close(ends[0]);
    const ChildResult result = call(work);
    write_all(ends[1], static_cast<char>('0' + static_cast<int>(result.end)) + result.text);
    _exit(0);
  }
  close(ends[1]);
  const std::string bytes = read_all(ends[0]);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0 || bytes.empty())
    return {End::kOther, detail::concatenate("the child process died with status ", status)};
  return {static_cast<End>(bytes[0] - '0'), bytes.substr(1)};
}

}  // namespace tessera
