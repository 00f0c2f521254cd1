#include "sim/app/resources_command.h"

#include <cstdio>
#include <filesystem>
#include <optional>
#include <sstream>

#include "mapping/cost/interstellar/case_folder.h"
#include "mapping/cost/interstellar/resource_study.h"
#include "sim/base/csv.h"
#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/base/output_directory.h"
#include "sim/resources.pb.h"
#include "workloads/network.h"

namespace tessera::app {

namespace po = boost::program_options;

namespace {

using mapping::interstellar::Dataflow;
using mapping::interstellar::NetworkResult;
using mapping::interstellar::Resources;
using mapping::interstellar::ResourceStudy;

po::options_description resources_options() {
  po::options_description options("Options");
  auto add = options.add_options();
  add("networks", po::value<std::string>()->required(),
      "zoo names or files, comma-separated; NAME:BATCH for another batch");
  add("dataflows", po::value<std::string>()->default_value("C|K"),
      "unrolled loops, comma-separated: C|K, X|Y, FY|Y, X|K, C|X; of several also the best for "
      "each layer");
  add("registers", po::value<std::string>()->default_value("16,32,64,128,256,512"),
      "bytes of registers of a unit, comma-separated");
  add("inner-registers", po::value<std::int64_t>()->default_value(0),
      "bytes of a second register file inside the first; 0: none");
  add("buffers", po::value<std::string>()->default_value("32,64,128,256,512"),
      "KiB of the shared buffer, comma-separated");
  add("side", po::value<std::int64_t>()->default_value(16), "units along each axis of the array");
  add("baseline", po::value<std::string>()->default_value("512,128"),
      "bytes of registers and KiB of buffer that ratios refer to");
  add("convolutions", po::bool_switch(), "leave fully connected layers out");
  add("cases", po::value<std::string>(),
      "folder for the least-energy mappings as cases for tessera validate --model interstellar");
  add("out", po::value<std::string>(), "folder for result.json and resources.csv");
  return options;
}

std::vector<std::string> words_of(const std::string& list) {
  std::vector<std::string> words;
  std::istringstream in(list);
  for (std::string word; std::getline(in, word, ',');)
    if (!word.empty()) words.push_back(word);
  return words;
}

std::int64_t number_of(const std::string& word, const char* option, std::int64_t most) {
  std::int64_t value = 0;
  for (const char c : word) {
    if (c < '0' || c > '9' || value > most)
      throw UserError("--", option, " ", word, ": a whole number of 1 to ", most, " is expected");
    value = 10 * value + (c - '0');
  }
  if (value < 1 || value > most)
    throw UserError("--", option, " ", word, ": a whole number of 1 to ", most, " is expected");
  return value;
}

constexpr std::int64_t kMostRegisterBytes = 65536;
constexpr std::int64_t kMostBufferKilobytes = 65536;

std::vector<std::int64_t> numbers_of(const po::variables_map& options, const char* option,
                                     std::int64_t most) {
  std::vector<std::int64_t> numbers;
  for (const auto& word : words_of(options[option].as<std::string>()))
    numbers.push_back(number_of(word, option, most));
  if (numbers.empty()) throw UserError("--", option, ": at least one number is needed");
  return numbers;
}

/// What a network contributes to the study.
struct Workload {
  std::string name;
  std::int64_t batch = 1;
  std::vector<mapping::interstellar::ShapeCount> shapes;
};

/// A dataflow for all layers, or the best of several for each.
struct Choice {
  std::string name;
  std::vector<Dataflow> dataflows;
};

std::vector<Choice> choices_of(const po::variables_map& options) {
  std::vector<Choice> choices;
  Choice adaptive{"adaptive", {}};
  for (const auto& name : words_of(options["dataflows"].as<std::string>())) {
    choices.push_back({name, {mapping::interstellar::dataflow_named(name)}});
    adaptive.dataflows.push_back(choices.back().dataflows.front());
  }
  if (choices.empty()) throw UserError("--dataflows: at least one is needed");
  if (choices.size() > 1) choices.push_back(adaptive);
  return choices;
}

std::vector<Workload> workloads_of(const po::variables_map& options) {
  const bool convolutions = options["convolutions"].as<bool>();
  std::vector<Workload> loads;
  for (const auto& word : words_of(options["networks"].as<std::string>())) {
    const auto colon = word.rfind(':');
    const std::int64_t batch =
        colon == std::string::npos ? 0 : number_of(word.substr(colon + 1), "networks", 65536);
    const auto network = workloads::load_network(word.substr(0, colon), batch);
    loads.push_back(
        {network.name, network.batch, mapping::interstellar::shapes_of(network, convolutions)});
    if (loads.back().shapes.empty())
      throw UserError("--networks ", word, ": it has no layers for the study");
  }
  if (loads.empty()) throw UserError("--networks: at least one is needed");
  return loads;
}

/// Energies of one network under one dataflow at all sizes.
class Table {
 public:
  Table(const po::variables_map& options)
      : registers_(numbers_of(options, "registers", kMostRegisterBytes)),
        buffers_(numbers_of(options, "buffers", kMostBufferKilobytes)),
        side_(number_of(std::to_string(options["side"].as<std::int64_t>()), "side", 64)),
        inner_(options["inner-registers"].as<std::int64_t>()) {
    const auto baseline = words_of(options["baseline"].as<std::string>());
    if (baseline.size() != 2) throw UserError("--baseline: bytes of registers, KiB of buffer");
    baseline_ = {side_, 0, number_of(baseline[0], "baseline", kMostRegisterBytes),
                 number_of(baseline[1], "baseline", kMostBufferKilobytes) * 1024};
    for (const auto bytes : registers_)
      if (inner_ < 0 || inner_ >= bytes)
        throw UserError("--inner-registers ", inner_, ": must be less than --registers ", bytes);
  }

  void run(ResourceStudy& study, const Workload& workload, const Choice& choice,
           sim::proto::ResourceStudy& out) {
    const auto base = study.network(workload.shapes, choice.dataflows, baseline_);
    add(workload, choice, baseline_, base, base, out);
    double least = base.energy.total();
    best_ = baseline_;
    for (const auto registers : registers_)
      for (const auto kilobytes : buffers_) {
        const Resources resources{side_, inner_, registers, kilobytes * 1024};
        if (resources == baseline_) continue;
        const auto result = study.network(workload.shapes, choice.dataflows, resources);
        add(workload, choice, resources, result, base, out);
        if (result.energy.total() >= least) continue;
        least = result.energy.total();
        best_ = resources;
      }
    print(workload, choice, base, study.network(workload.shapes, choice.dataflows, best_));
  }

  const Resources& best() const { return best_; }
  const Resources& baseline() const { return baseline_; }

 private:
  static void add(const Workload& workload, const Choice& choice, const Resources& resources,
                  const NetworkResult& result, const NetworkResult& base,
                  sim::proto::ResourceStudy& out) {
    auto& row = *out.add_point();
    row.set_network(workload.name);
    row.set_batch(workload.batch);
    row.set_dataflow(choice.name);
    row.set_inner_register_bytes(resources.inner_register_bytes);
    row.set_register_bytes(resources.register_bytes);
    row.set_buffer_bytes(resources.buffer_bytes);
    const auto& energy = result.energy;
    row.set_mac_uj(energy.mac * 1e-6);
    row.set_registers_uj(energy.registers * 1e-6);
    row.set_array_uj(energy.array * 1e-6);
    row.set_buffer_uj(energy.buffer * 1e-6);
    row.set_dram_uj(energy.dram * 1e-6);
    row.set_total_uj(energy.total() * 1e-6);
    row.set_gain(base.energy.total() / energy.total());
    row.set_utilisation(
        result.macs / (result.ideal_cycles * static_cast<double>(resources.side * resources.side)));
  }

  void print(const Workload& workload, const Choice& choice, const NetworkResult& base,
             const NetworkResult& best) const {
    std::printf("%-16s %-8s baseline %10.1f uJ, least %10.1f uJ (%4.2fx) at", workload.name.c_str(),
                choice.name.c_str(), base.energy.total() * 1e-6, best.energy.total() * 1e-6,
                base.energy.total() / best.energy.total());
    if (best_.inner_register_bytes > 0)
      std::printf(" %lld +", static_cast<long long>(best_.inner_register_bytes));
    std::printf(" %lld B, %lld KiB\n", static_cast<long long>(best_.register_bytes),
                static_cast<long long>(best_.buffer_bytes / 1024));
    std::fflush(stdout);
  }

  std::vector<std::int64_t> registers_, buffers_;
  std::int64_t side_, inner_;
  Resources baseline_, best_;
};

std::string to_csv(const sim::proto::ResourceStudy& study) {
  CsvWriter csv({"network", "batch", "dataflow", "inner_register_bytes", "register_bytes",
                 "buffer_bytes", "mac_uj", "registers_uj", "array_uj", "buffer_uj", "dram_uj",
                 "total_uj", "gain", "utilisation"});
  for (const auto& row : study.point())
    csv.row() << row.network() << row.batch() << row.dataflow() << row.inner_register_bytes()
              << row.register_bytes() << row.buffer_bytes() << row.mac_uj() << row.registers_uj()
              << row.array_uj() << row.buffer_uj() << row.dram_uj() << row.total_uj() << row.gain()
              << row.utilisation();
  return csv.text();
}

void run_resources(const po::variables_map& options) {
  std::optional<OutputDirectory> out, cases;
  if (options.count("out") != 0) out.emplace(options["out"].as<std::string>());
  if (options.count("cases") != 0) cases.emplace(options["cases"].as<std::string>());
  const auto choices = choices_of(options);
  Table table(options);
  ResourceStudy study;
  mapping::interstellar::CaseFolder folder;
  sim::proto::ResourceStudy message;
  for (const auto& workload : workloads_of(options))
    for (const auto& choice : choices) {
      table.run(study, workload, choice, message);
      if (choice.dataflows.size() > 1) continue;
      for (const auto& resources : {table.baseline(), table.best()})
        folder.add(study, workload.shapes, choice.dataflows.front(), resources);
    }
  if (out) {
    out->add("result.json", to_json(message));
    out->add("resources.csv", to_csv(message));
    out->commit();
  }
  if (cases) {
    for (const auto& [name, text] : folder.files()) cases->add(name, text);
    for (const char* inputs : {"layer", "arch"})
      std::filesystem::create_directories(cases->path() / inputs);
    cases->commit();
  }
}

}  // namespace

Command resources_command() {
  return {"resources", "energy over sizes of registers and buffer, blocking optimised at each",
          &resources_options, &run_resources};
}

}  // namespace tessera::app
