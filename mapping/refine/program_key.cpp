#include "mapping/refine/program_key.h"

#include "mapping/program_io.h"

namespace tessera::mapping {

std::string key_of(Program program) {
  program.accelerator.clear();
  program.schedule.clear();
  program.network.name.clear();
  for (auto& tensor : program.network.tensors) tensor.name.clear();
  for (auto& layer : program.network.layers) {
    layer.name.clear();
    layer.origin.clear();
  }
  for (auto& stage : program.stages) stage.name.clear();
  return to_program_bytes(program);
}

}  // namespace tessera::mapping
