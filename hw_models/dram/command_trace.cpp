#include "hw_models/dram/command_trace.h"

#include <algorithm>
#include <optional>

#include "sim/base/error.h"

namespace tessera::dram {

namespace {

std::optional<CommandKind> kind_of(const std::string& name) {
  for (int kind = 0; kind < kCommandKinds; ++kind)
    if (name == command_name(static_cast<CommandKind>(kind))) return static_cast<CommandKind>(kind);
  return std::nullopt;
}

std::int64_t checked(const CsvTable& table, std::size_t row, const std::string& column,
                     const std::string& path, std::int64_t low, std::int64_t limit) {
  const std::int64_t value = table.integer(row, column);
  if (value < low || value >= limit)
    throw UserError(path, ":", table.line(row), ": ", column, " = ", value, "; allowed: ", low,
                    " to ", limit - 1);
  return value;
}

IssuedCommand parse(const CsvTable& table, std::size_t i, const std::string& path,
                    const Geometry& geometry) {
  const auto kind = kind_of(table.at(i, "cmd"));
  if (!kind)
    throw UserError(path, ":", table.line(i), ": cmd = ", table.at(i, "cmd"),
                    "; allowed: ACT, PRE, PREA, RD, WR, REF, REFPB");
  constexpr std::int64_t kLatest = std::int64_t{1} << 62;
  IssuedCommand command;
  command.kind = *kind;
  command.cycle = static_cast<DramCycle>(checked(table, i, "cycle", path, 0, kLatest));
  if (table.has("rank"))
    command.rank = static_cast<std::int32_t>(checked(table, i, "rank", path, 0, geometry.ranks));
  const bool whole_rank = *kind == CommandKind::kPrechargeAll || *kind == CommandKind::kRefresh;
  const std::int64_t low = whole_rank ? -1 : 0;
  command.bank_group =
      static_cast<std::int32_t>(checked(table, i, "bankgroup", path, low, geometry.bank_groups));
  command.bank =
      static_cast<std::int32_t>(checked(table, i, "bank", path, low, geometry.banks_per_group));
  command.row = checked(table, i, "row", path, -1, geometry.rows);
  command.column = checked(table, i, "col", path, -1, geometry.bursts_per_row);
  return command;
}

}  // namespace

void CommandTrace::issued(const IssuedCommand& command) { commands_.push_back(command); }

std::string CommandTrace::csv() const {
  const bool ranks = std::any_of(commands_.begin(), commands_.end(),
                                 [](const IssuedCommand& command) { return command.rank > 0; });
  std::vector<std::string> columns = {"cycle", "cmd", "bankgroup", "bank", "row", "col"};
  if (ranks) columns.push_back("rank");
  CsvWriter table(columns);
  for (const IssuedCommand& command : commands_) {
    table.row() << command.cycle << command_name(command.kind) << command.bank_group << command.bank
                << command.row << command.column;
    if (ranks) table << command.rank;
  }
  return table.text();
}

std::vector<IssuedCommand> load_commands(const std::string& path, const Geometry& geometry) {
  const CsvTable table = CsvTable::load(path);
  std::vector<IssuedCommand> commands;
  for (std::size_t i = 0; i < table.rows(); ++i)
    commands.push_back(parse(table, i, path, geometry));
  return commands;
}

}  // namespace tessera::dram
