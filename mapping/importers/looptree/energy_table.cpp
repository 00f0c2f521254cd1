#include "mapping/importers/looptree/energy_table.h"

#include "sim/base/csv.h"
#include "sim/base/error.h"

namespace tessera::mapping::importers {

void load_energy_per_word(const std::string& path, TimeloopArchitecture& architecture) {
  const CsvTable table = CsvTable::load(path);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string& component = table.at(row, "component");
    const int index = architecture.component_index(component);
    if (index < 0)
      throw UserError(path, ":", table.line(row), ": the architecture has no '", component, "'");
    TimeloopUnit& unit = architecture.units[index];
    const double energy = table.number(row, "energy_pJ_per_word");
    const std::string& action = table.at(row, "action");
    if (action == "read")
      unit.read_energy_pj = energy;
    else if (action == "write")
      unit.write_energy_pj = energy;
    else if (action == "compute")
      unit.compute_energy_pj = energy;
    else
      throw UserError(path, ":", table.line(row), ": '", action,
                      "' is no action; allowed are read, write, compute");
  }
}

}  // namespace tessera::mapping::importers
