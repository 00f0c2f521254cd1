#include "hw_models/dram/command.h"

namespace tessera::dram {

const char* command_name(CommandKind kind) {
  static constexpr const char* kNames[] = {"ACT", "PRE", "PREA", "RD", "WR", "REF", "REFPB"};
  return kNames[static_cast<int>(kind)];
}

}  // namespace tessera::dram
