#include "sim/app/model_options.h"

#include "sim/base/error.h"
#include "sim/base/names.h"

namespace tessera::app {

namespace po = boost::program_options;

po::options_description model_options() {
  const auto models = "whose prediction: " + join(mapping::predictor_names());
  po::options_description options("Model and its files");
  auto add = options.add_options();
  add("model", po::value<std::string>()->required(), models.c_str());
  add("network", po::value<std::string>()->default_value(""), "layer or problem file of the tool");
  add("schedule", po::value<std::string>()->default_value(""),
      "mapping or schedule file of the tool");
  add("accelerator", po::value<std::string>()->default_value(""),
      "architecture or hardware file of the tool");
  add("cases", po::value<std::string>(), "folder of cases, instead of one case's files");
  add("faults", po::value<std::string>()->default_value("as-shipped"),
      "as-shipped: equal to the tool's output; fixed: its known faults mended");
  return options;
}

mapping::CaseFiles case_files(const po::variables_map& options) {
  return {options["network"].as<std::string>(), options["schedule"].as<std::string>(),
          options["accelerator"].as<std::string>()};
}

mapping::PredictOptions predict_options(const po::variables_map& options) {
  const auto faults = options["faults"].as<std::string>();
  if (faults == "as-shipped") return {mapping::Faults::kAsShipped};
  if (faults == "fixed") return {mapping::Faults::kFixed};
  throw UserError("--faults ", faults, ": allowed are as-shipped, fixed");
}

}  // namespace tessera::app
