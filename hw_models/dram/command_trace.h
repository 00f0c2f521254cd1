// Command traces as tables: header cycle,cmd,bankgroup,bank,row,col; -1 where a field does not
// apply.
#pragma once

#include <string>
#include <vector>

#include "hw_models/dram/command.h"
#include "hw_models/dram/device.h"
#include "sim/base/csv.h"

namespace tessera::dram {

/// Collects the commands of a channel. Channels of several ranks get a further column, rank.
class CommandTrace final : public CommandListener {
 public:
  void issued(const IssuedCommand& command) override;
  std::string csv() const;

 private:
  std::vector<IssuedCommand> commands_;
};

/// Reads what CommandTrace writes. UserError names file, line and value when a command or place
/// does not exist in this geometry.
std::vector<IssuedCommand> load_commands(const std::string& path, const Geometry& geometry);

}  // namespace tessera::dram
