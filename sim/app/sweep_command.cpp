#include "sim/app/sweep_command.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <sstream>

#include "sim/base/error.h"
#include "sim/base/names.h"
#include "sim/sweep/point_folder.h"
#include "sim/sweep/sweep.h"

namespace tessera::app {

namespace po = boost::program_options;
namespace fs = std::filesystem;

namespace {

po::options_description options() {
  po::options_description options("Options of sweep");
  // clang-format off
  options.add_options()
      ("out", po::value<std::string>(), "folder for sweep.csv, sweep.json, report.html and a folder per point; with --launcher slurm or ssh hosts, one that all of them see")
      ("launcher", po::value<std::string>()->default_value("local"), "local: processes of this host; slurm: a job array; parallel: GNU parallel")
      ("jobs", po::value<int>()->default_value(0), "local, parallel: runs at a time on a host; 0: one per core")
      ("pack", po::value<int>()->default_value(1), "slurm, parallel: short runs that one task makes one after the other")
      ("submit-options", po::value<std::string>()->default_value(""), "slurm: words for sbatch, such as '--partition=short --time=10'")
      ("ssh-login-file", po::value<std::string>()->default_value(""), "parallel: hosts to log in to, one a line, as parallel --sshloginfile reads them")
      ("retries", po::value<int>()->default_value(1), "how often runs that were killed or got lost are tried again")
      ("retry-failed", po::bool_switch(), "also try again what failed with a message in an earlier sweep")
      ("dry-run", po::bool_switch(), "print the runs of the study, run nothing")
      ("progress", po::bool_switch(), "report progress also when output is no terminal")
      ("points", po::value<std::string>(), "run only these points of the sweep in --out, one after the other: what launchers start");
  // clang-format on
  return options;
}

/// The options of tessera run, but for those that the sweep gives itself.
sweep::RunOptions run_options() {
  sweep::RunOptions known;
  for (const auto& command : commands()) {
    if (command.name != "run") continue;
    const auto table = command.options();
    for (const auto& option : table.options()) {
      const auto& name = option->long_name();
      if (name == "out" || name == "set" || name == "progress") continue;
      (option->semantic()->max_tokens() == 0 ? known.switches : known.with_value).insert(name);
    }
  }
  return known;
}

std::vector<std::string> words_of(const std::string& text, char separator) {
  std::vector<std::string> words;
  std::istringstream in(text);
  for (std::string word; std::getline(in, word, separator);)
    if (!word.empty()) words.push_back(word);
  return words;
}

int at_least(const po::variables_map& values, const char* name, int lowest) {
  const int value = values[name].as<int>();
  if (value < lowest) throw UserError("--", name, " ", value, ": must be ", lowest, " or more");
  return value;
}

sweep::LauncherOptions launcher_options(const po::variables_map& values, const fs::path& out) {
  sweep::LauncherOptions options;
  options.program = sweep::own_program();
  options.out = out;
  options.jobs = at_least(values, "jobs", 0);
  options.pack = static_cast<std::size_t>(at_least(values, "pack", 1));
  options.ssh_login_file = values["ssh-login-file"].as<std::string>();
  options.submit_options = words_of(values["submit-options"].as<std::string>(), ' ');
  return options;
}

/// One line on standard error: how many points are done and how long the rest takes at this pace.
class ProgressLine {
 public:
  explicit ProgressLine(bool forced)
      : terminal_(isatty(STDERR_FILENO) != 0), on_(forced || terminal_) {}

  void show(const sweep::Standing& now) {
    const std::size_t done = now.finished + now.failed;
    if (!on_ || done == shown_) return;
    shown_ = done;
    std::fprintf(stderr, "%s%zu of %zu points, %zu failed%s%s", terminal_ ? "\r" : "", done,
                 now.points, now.failed, left(now, done).c_str(), terminal_ ? "\033[K" : "\n");
  }
  void clear() const {
    if (on_ && terminal_) std::fprintf(stderr, "\r\033[K");
  }

 private:
  std::string left(const sweep::Standing& now, std::size_t done) const {
    const std::size_t here = done - now.begun_with;
    if (here == 0 || done == now.points) return "";
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    char text[48];
    std::snprintf(text, sizeof text, ", %.0f s left",
                  seconds / static_cast<double>(here) * static_cast<double>(now.points - done));
    return text;
  }

  bool terminal_, on_;
  std::size_t shown_ = static_cast<std::size_t>(-1);
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

void print_points(const sweep::Study& study) {
  for (const auto& point : study.points)
    std::cout << point.hash << "  tessera run " << join(point.arguments, " ") << "\n";
}

void print_summary(const sweep::Study& study, const sweep::proto::SweepResult& result,
                   const fs::path& out) {
  int failed = 0;
  for (const auto& point : result.point()) {
    if (point.finished()) continue;
    if (failed++ == 0) std::cout << "failed:\n";
    std::cout << " ";
    for (std::size_t k = 0; k < study.keys.size(); ++k)
      std::cout << " " << study.keys[k] << "=" << point.value(static_cast<int>(k));
    std::cout << ": " << point.failure().message() << "\n";
  }
  std::cout << study.name << ": " << result.point_size() - failed << " of " << result.point_size()
            << " points finished, " << failed << " failed; " << (out / "sweep.csv").string()
            << "\n";
}

/// What a launcher starts, on this host or another.
void run_points(const po::variables_map& values, const fs::path& out) {
  const auto program = sweep::own_program();
  for (const auto& hash : words_of(values["points"].as<std::string>(), ',')) {
    const sweep::PointFolder folder(out, hash);
    if (!fs::exists(folder.path()))
      throw UserError("--points ", hash, ": ", out.string(), " has no such point");
    if (!folder.settled()) folder.ended(sweep::wait_for(folder.start_run(program)));
  }
}

void run(const po::variables_map& values) {
  if (values.count("study") == 0 && values.count("points") == 0)
    throw UserError("tessera sweep: a study is needed (.textproto, docs/sweep.md)");
  if (values.count("out") == 0 && !values["dry-run"].as<bool>())
    throw UserError("--out is needed: the folder for the table, the page and a folder per point");
  const fs::path out =
      values.count("out") != 0 ? fs::absolute(values["out"].as<std::string>()) : "";
  if (values.count("points") != 0) return run_points(values, out);
  const auto study =
      sweep::load_study(values["study"].as<std::string>(), run_options(), TESSERA_VERSION);
  if (values["dry-run"].as<bool>()) return print_points(study);
  ProgressLine progress(values["progress"].as<bool>());
  sweep::SweepOptions options;
  options.out = out;
  options.retries = at_least(values, "retries", 0);
  options.retry_failed = values["retry-failed"].as<bool>();
  options.progress = [&](const sweep::Standing& now) { progress.show(now); };
  const auto launcher =
      sweep::make_launcher(values["launcher"].as<std::string>(), launcher_options(values, out));
  const auto result = sweep::run_sweep(study, *launcher, options, TESSERA_VERSION);
  progress.clear();
  print_summary(study, result, out);
}

}  // namespace

Command sweep_command() {
  return {"sweep",
          "run a parameter study, here or on a cluster, and collect a table",
          options,
          run,
          {"study"}};
}

}  // namespace tessera::app
