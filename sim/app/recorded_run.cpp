#include "sim/app/recorded_run.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "hw_models/description/accelerator.pb.h"
#include "mapping/program_io.h"
#include "sim/base/data_files.h"
#include "sim/base/error.h"
#include "sim/base/hash.h"
#include "sim/base/message_io.h"
#include "sim/base/output_directory.h"
#include "sim/results/manifest.h"

namespace tessera::app {

namespace po = boost::program_options;
namespace fs = std::filesystem;
using sim::proto::TracedRun;

namespace {

/// Installed things have plain names; whatever else exists on disk is a file of the user's.
bool is_file(const std::string& value) {
  std::error_code error;
  return value.find_first_of("./") != std::string::npos && fs::is_regular_file(value, error);
}

/// The values of an option as they would stand on a command line; a switch that is on has an empty
/// one.
std::vector<std::string> texts(const std::string& name, const boost::any& value) {
  if (const auto* text = boost::any_cast<std::string>(&value)) return {*text};
  if (const auto* list = boost::any_cast<std::vector<std::string>>(&value)) return *list;
  if (const auto* number = boost::any_cast<std::int64_t>(&value)) return {std::to_string(*number)};
  if (const auto* number = boost::any_cast<std::uint64_t>(&value)) return {std::to_string(*number)};
  if (const auto* on = boost::any_cast<bool>(&value))
    return *on ? std::vector<std::string>{""} : std::vector<std::string>{};
  throw InvariantViolation("trace", 0, "--", name, " has a type that a trace cannot hold");
}

bool is_given(const po::variables_map& values, const std::string& name) {
  return values.count(name) != 0 && !values[name].defaulted();
}

std::string argument_of(const std::string& name, const std::string& value) {
  return value.empty() ? "--" + name : "--" + name + "=" + value;
}

bool is_of(const std::string& argument, const std::string& name) {
  return argument == "--" + name || argument.starts_with("--" + name + "=");
}

void add_file(TracedRun& run, const std::string& argument, const std::string& path) {
  auto& file = *run.add_files();
  file.set_argument(argument);
  file.set_name(fs::path(path).filename().string());
  file.set_content(read_file(path));
}

void add_argument(TracedRun& run, const std::string& name, const std::string& value) {
  std::error_code error;
  if (name != "set" && fs::is_directory(value, error))
    throw UserError("--", name, " ", value, ": is a folder; a trace holds inputs that are files");
  if (is_file(value))
    add_file(run, "--" + name + "=", value);
  else
    run.add_arguments(argument_of(name, value));
}

/// Files that the accelerator's description names are brought along as assignments to it.
void add_referenced_files(TracedRun& run, const hw::proto::AcceleratorDescription& accelerator) {
  const auto add = [&](const std::string& field, const std::string& value) {
    if (is_file(value)) add_file(run, "--set=" + field + "=", value);
  };
  for (int i = 0; i < accelerator.dram_size(); ++i)
    add(detail::concatenate("dram[", i, "].device"), accelerator.dram(i).device());
  add("noc.links_file", accelerator.noc().links_file());
  add("noc.routing_table_file", accelerator.noc().routing_table_file());
}

void add_fingerprint(TracedRun& run, const std::string& name, const std::string& content) {
  for (const auto& known : run.fingerprints())
    if (known.name() == name) return;
  auto& fingerprint = *run.add_fingerprints();
  fingerprint.set_name(name);
  fingerprint.set_hash(hash_text(content));
}

hw::proto::AcceleratorDescription description_of(const TracedRun& run) {
  hw::proto::AcceleratorDescription accelerator;
  parse_textproto(run.manifest().accelerator(), "accelerator of the trace", accelerator);
  return accelerator;
}

/// The accelerator with content in the place of paths: where files lie is no difference.
hw::proto::AcceleratorDescription without_paths(const TracedRun& run) {
  auto accelerator = description_of(run);
  const std::string set = "--set=";
  for (const auto& file : run.files())
    if (file.argument().starts_with(set))
      set_field(accelerator,
                file.argument().substr(set.size()) + file.name() + " " + hash_text(file.content()));
  return accelerator;
}

}  // namespace

TracedRun describe_run(const po::variables_map& values, const Job& job) {
  TracedRun run;
  const auto options = job_options();
  for (const auto& option : options.options()) {
    const auto& name = option->long_name();
    if (!is_given(values, name)) continue;
    for (const auto& text : texts(name, values[name].value())) add_argument(run, name, text);
  }
  *run.mutable_manifest() = job.manifest;
  const auto accelerator = description_of(run);
  add_referenced_files(run, accelerator);
  for (const auto& interface : accelerator.dram())
    if (!is_file(interface.device()))
      add_fingerprint(run, "device " + interface.device(),
                      read_file(data_file("devices", interface.device()).string()));
  add_fingerprint(run, "compiled program", mapping::to_program_bytes(job.program));
  run.set_tiles(static_cast<std::uint32_t>(job.accelerator.tiles()));
  run.set_channels(static_cast<std::uint32_t>(job.accelerator.dram.size()));
  run.set_shared_buffers(static_cast<std::uint32_t>(job.accelerator.shared_buffers.size()));
  for (const auto& stage : job.program.stages) run.add_stages(stage.name);
  return run;
}

RecordedRun::RecordedRun(const TracedRun& run, const po::variables_map& changes) {
  for (const char* name : {"accelerator", "network", "schedule", "program", "batch"})
    if (is_given(changes, name)) throw UserError("--", name, ": is the trace's own; leave it out");
  std::vector<std::string> arguments(run.arguments().begin(), run.arguments().end());
  int number = 0;
  for (const auto& file : run.files())
    arguments.push_back(file.argument() + unpack(file, number++).string());
  const auto options = job_options();
  for (const auto& option : options.options()) {
    const auto& name = option->long_name();
    if (!is_given(changes, name)) continue;
    if (name != "set")
      std::erase_if(arguments, [&](const std::string& argument) { return is_of(argument, name); });
    for (const auto& text : texts(name, changes[name].value()))
      arguments.push_back(argument_of(name, text));
  }
  try {
    po::store(po::command_line_parser(arguments).options(options).run(), values_);
  } catch (const po::error& error) {
    throw UserError("the recorded run cannot be repeated by this program: ", error.what());
  }
}

fs::path RecordedRun::unpack(const sim::proto::InputFile& file, int number) {
  if (!folder_) folder_.emplace();
  // Files of one name stand in folders of their own; a name never leads out of them.
  const fs::path path = *folder_ / std::to_string(number) / fs::path(file.name()).filename();
  fs::create_directories(path.parent_path());
  write_file_atomically(path, file.content());
  return path;
}

std::vector<std::string> changed_inputs(const TracedRun& recorded, const TracedRun& now) {
  std::vector<std::string> changes;
  std::string fields;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&fields);
  differencer.Compare(without_paths(recorded), without_paths(now));
  std::istringstream lines(fields);
  for (std::string line; std::getline(lines, line);) changes.push_back("accelerator " + line);
  std::map<std::string, std::string> hashes;
  for (const auto& fingerprint : recorded.fingerprints())
    hashes[fingerprint.name()] = fingerprint.hash();
  for (const auto& fingerprint : now.fingerprints())
    if (const auto known = hashes.find(fingerprint.name());
        known != hashes.end() && known->second != fingerprint.hash())
      changes.push_back(fingerprint.name() + " is not the recorded one");
  return changes;
}

}  // namespace tessera::app
