#include "sim/app/validate_details.h"

#include <cstdio>
#include <iostream>

#include "sim/app/measured_needs.h"
#include "sim/app/reuse.h"
#include "sim/app/tool_figures.h"
#include "sim/base/csv.h"
#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/base/message_io.h"
#include "sim/validation.pb.h"

namespace tessera::app {

namespace {

using mapping::importers::ToolCase;

constexpr const char* kOperandNames[] = {"input", "weight", "output"};

std::string rounded(std::optional<double> value) {
  if (!value) return "";
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", *value);
  return text;
}

/// Loads, predicts and reports every case that can be simulated; others are named with the reason.
template <typename ReportCase>
void for_each_case(const DetailOptions& options, const std::vector<ValidationCase>& cases,
                   sim::proto::Validation& message, const ReportCase& report) {
  const auto& model = options.model;
  message.set_model(model);
  for (const auto& one : cases) {
    auto& into = *message.add_case_();
    into.set_name(one.name);
    into.set_predicted_cycles(one.predicted_cycles);
    try {
      if (!one.unusable.empty()) throw UserError(one.unusable);
      if (one.files.schedule.empty())
        throw UserError("needs and reuse are reported for mappings in files of their own");
      ToolCase loaded = one.load({});
      for (const auto& setting : options.settings) set_field(loaded.machine, setting);
      const auto tables = mapping::make_predictor(model)->predict_case(one.files, options.how);
      report(loaded, figures_of(model, tables, loaded.network), into);
      message.set_simulated(message.simulated() + 1);
    } catch (const UserError& error) {
      into.set_refused(error.what());
      message.set_refused(message.refused() + 1);
      std::cout << one.name << "\n  not simulated: " << error.what() << "\n" << std::flush;
    }
  }
}

void commit(const sim::proto::Validation& message, const std::string& file,
            const std::string& table, std::optional<OutputDirectory>& out) {
  if (!out) return;
  out->add("result.json", to_json(message));
  out->add(file, table);
  out->commit();
}

void add_need(const std::string& level, const std::string& resource,
              std::optional<double> predicted, std::optional<double> measured,
              sim::proto::ValidatedCase& into) {
  auto& need = *into.add_need();
  need.set_level(level);
  need.set_resource(resource);
  if (predicted) need.set_predicted(*predicted);
  if (measured) need.set_measured(*measured);
}

void add_needs(const ToolFigures& tool, const MeasuredNeeds& needs,
               sim::proto::ValidatedCase& into) {
  into.set_simulated_cycles(needs.unlimited_cycles);
  add_need("registers", "words of a PE", tool.register_words,
           static_cast<double>(needs.register_words), into);
  add_need("buffer", "words, in whole lines", tool.buffer_words,
           static_cast<double>(needs.buffer_words), into);
  for (std::size_t x = 0; x < 3; ++x)
    add_need("array", std::string(kOperandNames[x]) + " words per cycle", tool.array_rate[x],
             static_cast<double>(needs.bus[x]), into);
  const auto busier = std::max(needs.bus[0] + needs.bus[1], needs.bus[2]);
  add_need("array", "words per cycle, busier direction", tool.array_peak,
           static_cast<double>(busier), into);
  add_need("dram", "words per cycle", tool.dram_rate, static_cast<double>(needs.dram), into);
}

void print_needs(const sim::proto::ValidatedCase& one) {
  std::printf("%s, %llu cycles with nothing in the way\n  %-10s %-36s %12s %12s\n",
              one.name().c_str(), static_cast<unsigned long long>(one.simulated_cycles()), "level",
              "what it needs", "predicted", "measured");
  for (const auto& need : one.need())
    std::printf("  %-10s %-36s %12s %12.0f\n", need.level().c_str(), need.resource().c_str(),
                need.has_predicted() ? rounded(need.predicted()).c_str() : "-", need.measured());
  std::fflush(stdout);
}

std::string needs_table(const sim::proto::Validation& message) {
  CsvWriter csv({"case", "level", "resource", "predicted", "measured", "refused"});
  for (const auto& one : message.case_()) {
    if (!one.refused().empty())
      csv.row() << one.name() << ""
                << ""
                << ""
                << "" << one.refused();
    for (const auto& need : one.need())
      csv.row() << one.name() << need.level() << need.resource()
                << (need.has_predicted() ? rounded(need.predicted()) : "")
                << rounded(need.measured()) << "";
  }
  return csv.text();
}

void add_reuse(const std::vector<Reuse>& factors, sim::proto::ValidatedCase& into) {
  for (const auto& factor : factors) {
    auto& row = *into.add_reuse();
    row.set_operand(kOperandNames[factor.operand]);
    row.set_level(factor.level);
    row.set_kind(std::string(name_of(factor.kind)));
    if (factor.predicted) row.set_predicted(*factor.predicted);
    row.set_counted(factor.counted);
  }
}

void print_reuse(const sim::proto::ValidatedCase& one) {
  std::printf("%s\n  %-8s %-10s %-16s %12s %12s\n", one.name().c_str(), "operand", "level", "reuse",
              "predicted", "counted");
  for (const auto& row : one.reuse())
    std::printf("  %-8s %-10s %-16s %12s %12.3f\n", row.operand().c_str(), row.level().c_str(),
                row.kind().c_str(), row.has_predicted() ? rounded(row.predicted()).c_str() : "-",
                row.counted());
  std::fflush(stdout);
}

std::string reuse_table(const sim::proto::Validation& message) {
  CsvWriter csv({"case", "operand", "level", "kind", "predicted", "counted", "refused"});
  for (const auto& one : message.case_()) {
    if (!one.refused().empty())
      csv.row() << one.name() << ""
                << ""
                << ""
                << ""
                << "" << one.refused();
    for (const auto& row : one.reuse())
      csv.row() << one.name() << row.operand() << row.level() << row.kind()
                << (row.has_predicted() ? rounded(row.predicted()) : "") << rounded(row.counted())
                << "";
  }
  return csv.text();
}

}  // namespace

void report_requirements(const DetailOptions& options, const std::vector<ValidationCase>& cases,
                         std::optional<OutputDirectory>& out) {
  sim::proto::Validation message;
  for_each_case(options, cases, message,
                [](const ToolCase& loaded, const ToolFigures& tool, auto& into) {
                  add_needs(tool, measure_needs(loaded), into);
                  print_needs(into);
                });
  commit(message, "requirements.csv", needs_table(message), out);
}

void report_reuse(const DetailOptions& options, const std::vector<ValidationCase>& cases,
                  std::optional<OutputDirectory>& out) {
  sim::proto::Validation message;
  for_each_case(options, cases, message,
                [](const ToolCase& loaded, const ToolFigures& tool, auto& into) {
                  add_reuse(reuse_of(loaded, tool), into);
                  print_reuse(into);
                });
  commit(message, "reuse.csv", reuse_table(message), out);
}

}  // namespace tessera::app
