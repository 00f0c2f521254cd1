#include <chrono>
#include <thread>

#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "sim/base/names.h"
#include "sim/base/output_directory.h"
#include "sim/sweep/launcher.h"
#include "sim/sweep/process.h"

namespace tessera::sweep {

namespace fs = std::filesystem;

namespace {

constexpr auto kPollEvery = std::chrono::milliseconds(200);
/// GNU parallel's exit code is the number of failed jobs up to 100; what it reports of itself is
/// above.
constexpr int kMostFailedJobs = 101;

class ParallelLauncher final : public Launcher {
 public:
  explicit ParallelLauncher(const LauncherOptions& options)
      : options_(options), folder_(options.out / "launcher") {}

  void launch(const std::vector<std::string>& hashes, const std::function<void()>& tick) override {
    fs::create_directories(folder_);
    write_file_atomically(folder_ / "packs.txt",
                          join(packs_of(hashes, options_.pack), "\n") + "\n");
    const fs::path errors = folder_ / "parallel.txt";
    const pid_t child = start(command(), {"", errors});
    for (;;) {
      const auto end = wait_for_any(/*block=*/false);
      tick();
      if (end.child == child) return check(end, errors);
      std::this_thread::sleep_for(kPollEvery);
    }
  }

 private:
  std::vector<std::string> command() const {
    std::vector<std::string> words = {"parallel",   "--will-cite",
                                      "--workdir",  fs::current_path().string(),
                                      "--arg-file", (folder_ / "packs.txt").string()};
    if (options_.jobs > 0) words.insert(words.end(), {"--jobs", std::to_string(options_.jobs)});
    if (!options_.ssh_login_file.empty())
      words.insert(words.end(), {"--sshloginfile", fs::absolute(options_.ssh_login_file).string()});
    words.insert(words.end(), {"--quote", options_.program.string(), "sweep", "--out",
                               options_.out.string(), "--points", "{}"});
    return words;
  }

  static void check(const ChildEnd& end, const fs::path& errors) {
    if (end.exit_code == 127)
      throw UserError(
          "--launcher parallel: parallel cannot be executed; is GNU parallel installed?");
    if (end.exit_code > kMostFailedJobs) {
      const std::string text = read_file(errors);
      throw UserError("--launcher parallel: ", text.substr(0, text.find('\n')));
    }
  }

  LauncherOptions options_;
  fs::path folder_;
};

}  // namespace

std::unique_ptr<Launcher> make_parallel_launcher(const LauncherOptions& options) {
  return std::make_unique<ParallelLauncher>(options);
}

}  // namespace tessera::sweep
