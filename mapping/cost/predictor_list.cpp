#include "mapping/cost/predictor.h"

#include "mapping/cost/interstellar/predictor.h"
#include "mapping/cost/looptree/looptree_predictor.h"
#include "mapping/cost/maestro/predictor.h"
#include "mapping/cost/tangram/predictor.h"
#include "mapping/cost/timeloop/timeloop_predictor.h"
#include "sim/base/error.h"
#include "sim/base/names.h"

namespace tessera::mapping {

namespace {

struct Entry {
  const char* name;
  std::unique_ptr<Predictor> (*make)();
};

const std::vector<Entry>& entries() {
  static const std::vector<Entry> list = {
      {"maestro", &make_maestro_predictor},   {"timeloop", &make_timeloop_predictor},
      {"looptree", &make_looptree_predictor}, {"interstellar", &make_interstellar_predictor},
      {"tangram", &make_tangram_predictor},
  };
  return list;
}

}  // namespace

std::vector<std::string> predictor_names() {
  std::vector<std::string> names;
  for (const auto& entry : entries()) names.push_back(entry.name);
  return names;
}

std::unique_ptr<Predictor> make_predictor(const std::string& name) {
  for (const auto& entry : entries())
    if (name == entry.name) return entry.make();
  throw UserError("model '", name, "' does not exist; ", suggest(name, predictor_names()));
}

}  // namespace tessera::mapping
