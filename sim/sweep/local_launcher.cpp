#include <map>
#include <thread>

#include "sim/sweep/launcher.h"
#include "sim/sweep/point_folder.h"

namespace tessera::sweep {

namespace {

class LocalLauncher final : public Launcher {
 public:
  explicit LocalLauncher(const LauncherOptions& options)
      : program_(options.program),
        out_(options.out),
        jobs_(options.jobs > 0 ? static_cast<unsigned>(options.jobs)
                               : std::max(1u, std::thread::hardware_concurrency())) {}

  void launch(const std::vector<std::string>& hashes, const std::function<void()>& tick) override {
    std::map<pid_t, PointFolder> running;
    std::size_t next = 0;
    while (next < hashes.size() || !running.empty()) {
      while (next < hashes.size() && running.size() < jobs_) {
        const PointFolder folder(out_, hashes[next++]);
        running.emplace(folder.start_run(program_), folder);
      }
      const auto end = wait_for_any();
      const auto found = running.find(end.child);
      if (found == running.end()) continue;
      found->second.ended(end);
      running.erase(found);
      tick();
    }
  }

 private:
  std::filesystem::path program_, out_;
  std::size_t jobs_;
};

}  // namespace

std::unique_ptr<Launcher> make_local_launcher(const LauncherOptions& options) {
  return std::make_unique<LocalLauncher>(options);
}

}  // namespace tessera::sweep
