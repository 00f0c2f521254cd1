#include "sim/app/trace_command.h"

#include <array>
#include <filesystem>
#include <iostream>
#include <limits>
#include <optional>
#include <set>
#include <sstream>
#include <systemc>

#include "sim/app/inputs.h"
#include "sim/app/job.h"
#include "sim/app/progress.h"
#include "sim/app/recorded_run.h"
#include "sim/base/error.h"
#include "sim/base/names.h"
#include "sim/trace/comparison.h"
#include "sim/trace/recorder.h"
#include "sim/trace/trace_reader.h"
#include "sim/trace/trace_writer.h"

namespace tessera::app {

namespace po = boost::program_options;

namespace {

po::options_description options() {
  po::options_description options("Options of trace");
  options.add(job_options());
  auto add = options.add_options();
  add("out", po::value<std::string>(), "record: trace file to write");
  add("tile", po::value<std::string>(), "show: events of these tiles only: 3,4");
  add("channel", po::value<std::string>(), "show: commands of these DRAM channels only: 0,1");
  add("kind", po::value<std::string>(),
      "show: deliver, end, begin, send, command; several with commas");
  add("from", po::value<std::uint64_t>()->default_value(0), "show: first cycle");
  add("to",
      po::value<std::uint64_t>()->default_value(std::numeric_limits<std::uint64_t>::max(),
                                                "the last"),
      "show: last cycle");
  add("summary", po::bool_switch(), "show: how many events of which kind instead of the events");
  add("progress", po::bool_switch(),
      "report simulated cycles while running, also when output is no terminal");
  return options;
}

using Files = std::vector<std::string>;

Files files_of(const po::variables_map& values, const std::string& action, std::size_t count) {
  const auto files = values.count("file") != 0 ? values["file"].as<Files>() : Files{};
  if (files.size() != count)
    throw UserError("tessera trace ", action, ": needs ",
                    count == 0   ? "no file besides --out"
                    : count == 1 ? "one trace file"
                                 : "two trace files",
                    ", got ", files.size());
  return files;
}

void report_progress(Job& job, ProgressLine& progress) {
  job.machine.progress_every = ProgressLine::kEvery;
  job.machine.progress = [&](const sim::Progress& now) { progress.show(now); };
}

void record(const po::variables_map& values) {
  files_of(values, "record", 0);
  if (values.count("out") == 0) throw UserError("--out is needed: the trace file to write");
  const auto path = values["out"].as<std::string>();
  Job job = load_job(values);
  sim::TraceWriter writer(path, describe_run(values, job));
  sim::TraceRecorder recorder(job.accelerator, writer);
  job.machine.observers.push_back(&recorder);
  ProgressLine progress(values["progress"].as<bool>());
  report_progress(job, progress);
  sim::Machine(job.accelerator, job.program, job.machine).run();
  progress.clear();
  writer.finish(recorder.cycles());
  std::cout << path << ": " << writer.events() << " events in " << recorder.cycles() << " cycles, "
            << std::filesystem::file_size(path) << " bytes\n";
}

/// Ends the simulation when further events would not change the report.
class StoppingSink final : public sim::EventSink {
 public:
  explicit StoppingSink(sim::TraceComparison& comparison) : comparison_(comparison) {}
  void add(const sim::TraceEvent& event) override {
    comparison_.add(event);
    if (!comparison_.decided() || stopped_) return;
    stopped_ = true;
    sc_core::sc_stop();
  }

 private:
  sim::TraceComparison& comparison_;
  bool stopped_ = false;
};

std::string with_changes(std::string text, const std::vector<std::string>& changes) {
  for (const auto& change : changes) text += "\n inputs differ: " + change;
  return text;
}

/// Runs the job against the recorded events; false when it was stopped or failed after they had
/// parted.
std::optional<Cycle> run_against(Job& job, sim::TraceComparison& comparison) {
  StoppingSink sink(comparison);
  sim::TraceRecorder recorder(job.accelerator, sink);
  job.machine.observers.push_back(&recorder);
  try {
    sim::Machine(job.accelerator, job.program, job.machine).run();
  } catch (const std::exception&) {
    // A machine that was stopped, or that got stuck on its new way: where the ways parted says
    // more.
    if (!comparison.divergence()) throw;
    return std::nullopt;
  }
  return recorder.cycles();
}

void check(const po::variables_map& values) {
  const auto path = files_of(values, "check", 1).front();
  sim::TraceReader recorded(path);
  const RecordedRun run(recorded.run(), values);
  Job job = load_job(run.values());
  const auto now = describe_run(run.values(), job);
  const auto changes = changed_inputs(recorded.run(), now);
  ProgressLine progress(values["progress"].as<bool>());
  report_progress(job, progress);
  sim::TraceComparison comparison(recorded);
  const auto cycles = run_against(job, comparison);
  progress.clear();
  comparison.finish();
  if (comparison.divergence())
    throw DifferenceFound(path, ": ",
                          with_changes(report(*comparison.divergence(),
                                              {"the recording", sim::names_of(recorded.run())},
                                              {"this run", sim::names_of(now)}),
                                       changes));
  if (cycles != recorded.end().cycles())
    throw DifferenceFound(
        path, ": ",
        with_changes(detail::concatenate("the same events, but ", *cycles, " cycles instead of ",
                                         recorded.end().cycles()),
                     changes));
  std::cout << with_changes(detail::concatenate(path, ": the same ", comparison.equal_events(),
                                                " events in ", *cycles, " cycles"),
                            changes)
            << "\n";
}

void read_rest(sim::TraceReader& reader) {
  for (sim::TraceEvent event; reader.next(event);) continue;
}

void diff(const po::variables_map& values) {
  const auto files = files_of(values, "diff", 2);
  sim::TraceReader first(files[0]), second(files[1]);
  sim::TraceComparison comparison(first);
  for (sim::TraceEvent event; !comparison.decided() && second.next(event);) comparison.add(event);
  comparison.finish();
  read_rest(first);
  read_rest(second);
  const auto size = [](const sim::TraceReader& reader) {
    return detail::concatenate(reader.end().events(), " events in ", reader.end().cycles(),
                               " cycles");
  };
  if (comparison.divergence() || first.end().cycles() != second.end().cycles()) {
    std::string text =
        detail::concatenate(files[0], ": ", size(first), "\n", files[1], ": ", size(second));
    if (comparison.divergence())
      text += "\n" + report(*comparison.divergence(), {files[0], sim::names_of(first.run())},
                            {files[1], sim::names_of(second.run())});
    throw DifferenceFound(with_changes(text, changed_inputs(first.run(), second.run())));
  }
  std::cout << files[0] << " and " << files[1] << ": the same " << size(first) << "\n";
}

std::set<std::uint32_t> numbers(const po::variables_map& values, const std::string& option,
                                std::uint32_t count) {
  std::set<std::uint32_t> chosen;
  if (values.count(option) == 0) return chosen;
  std::istringstream text(values[option].as<std::string>());
  for (std::string word; std::getline(text, word, ',');) {
    const bool digits = !word.empty() && word.size() < 10 &&
                        word.find_first_not_of("0123456789") == std::string::npos;
    if (!digits || std::stoul(word) >= count)
      throw UserError("--", option, " ", word, ": must be 0 to ", count - 1,
                      "; several with commas: 0,1");
    chosen.insert(static_cast<std::uint32_t>(std::stoul(word)));
  }
  return chosen;
}

/// Which events the user wants to see.
class Filter {
 public:
  Filter(const po::variables_map& values, const sim::proto::TracedRun& run)
      : from_(values["from"].as<std::uint64_t>()), to_(values["to"].as<std::uint64_t>()) {
    places_ = numbers(values, "tile", run.tiles());
    for (const auto channel : numbers(values, "channel", run.channels()))
      places_.insert(run.tiles() + channel);
    if (values.count("kind") == 0) return;
    std::istringstream text(values["kind"].as<std::string>());
    for (std::string word; std::getline(text, word, ',');)
      kinds_.insert(sim::event_kind_from_name(word));
  }

  bool wants(const sim::TraceEvent& event) const {
    return event.cycle >= from_ && event.cycle <= to_ &&
           (places_.empty() || places_.contains(event.place)) &&
           (kinds_.empty() || kinds_.contains(event.kind));
  }

 private:
  Cycle from_, to_;
  std::set<std::uint32_t> places_;
  std::set<sim::EventKind> kinds_;
};

void show(const po::variables_map& values) {
  sim::TraceReader reader(files_of(values, "show", 1).front());
  const auto& run = reader.run();
  const Filter filter(values, run);
  const auto names = sim::names_of(run);
  const bool summary = values["summary"].as<bool>();
  Files arguments(run.arguments().begin(), run.arguments().end());
  for (const auto& file : run.files()) arguments.push_back(file.argument() + file.name());
  std::cout << "tessera " << run.manifest().version() << " run " << join(arguments, " ") << "\n"
            << run.tiles() << " tiles, " << run.channels() << " DRAM channels, "
            << run.stages_size() << " layers\n";
  std::array<std::uint64_t, sim::kEventKinds> counts = {};
  for (sim::TraceEvent event; reader.next(event);) {
    if (!filter.wants(event)) continue;
    ++counts[static_cast<std::size_t>(event.kind)];
    if (!summary) std::cout << to_text(event, names) << "\n";
  }
  std::cout << reader.end().cycles() << " cycles, " << reader.end().events() << " events; shown:";
  for (int kind = 0; kind < sim::kEventKinds; ++kind)
    std::cout << " " << counts[static_cast<std::size_t>(kind)] << " "
              << event_kind_name(static_cast<sim::EventKind>(kind));
  std::cout << "\n";
}

struct Action {
  const char* name;
  void (*run)(const po::variables_map& values);
};
constexpr Action kActions[] = {
    {"record", record}, {"check", check}, {"show", show}, {"diff", diff}};

void run(const po::variables_map& values) {
  std::vector<std::string> known;
  for (const auto& action : kActions) known.emplace_back(action.name);
  if (values.count("action") == 0) throw UserError("tessera trace: say what to do: ", join(known));
  const auto name = values["action"].as<std::string>();
  for (const auto& action : kActions)
    if (name == action.name) return action.run(values);
  throw UserError("tessera trace ", name, ": no such action; ", suggest(name, known));
}

}  // namespace

Command trace_command() {
  return {"trace",
          "record a run's events, check a run against a record, look at one, compare two",
          options,
          run,
          {"action", "file..."}};
}

}  // namespace tessera::app
