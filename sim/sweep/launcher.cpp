#include "sim/sweep/launcher.h"

#include "sim/base/error.h"
#include "sim/base/names.h"

namespace tessera::sweep {

namespace {

using Make = std::unique_ptr<Launcher> (*)(const LauncherOptions&);

struct Kind {
  const char* name;
  Make make;
};
constexpr Kind kKinds[] = {{"local", make_local_launcher},
                           {"slurm", make_slurm_launcher},
                           {"parallel", make_parallel_launcher}};

}  // namespace

const std::vector<std::string>& launcher_names() {
  static const std::vector<std::string> names = {kKinds[0].name, kKinds[1].name, kKinds[2].name};
  return names;
}

std::unique_ptr<Launcher> make_launcher(const std::string& name, const LauncherOptions& options) {
  for (const auto& kind : kKinds)
    if (name == kind.name) return kind.make(options);
  throw UserError("--launcher ", name, ": no such launcher; ", suggest(name, launcher_names()));
}

std::vector<std::string> packs_of(const std::vector<std::string>& hashes, std::size_t pack) {
  std::vector<std::string> packs;
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    if (i % pack == 0)
      packs.push_back(hashes[i]);
    else
      packs.back() += "," + hashes[i];
  }
  return packs;
}

}  // namespace tessera::sweep
