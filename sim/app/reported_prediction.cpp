#include "sim/app/reported_prediction.h"

#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/base/message_io.h"
#include "sim/base/output_directory.h"
#include "sim/report/report.h"
#include "sim/report/validation.pb.h"
#include "sim/result.pb.h"

namespace tessera::app {

namespace {

sim::proto::ReportedPrediction prediction_of(const sim::proto::ValidatedCase& one,
                                             const std::string& model,
                                             const sim::proto::Result& result) {
  sim::proto::ReportedPrediction prediction;
  prediction.set_model(model);
  prediction.set_predicted_cycles(static_cast<double>(one.predicted_cycles()));
  for (const auto& cause : one.cause()) {
    auto& step = *prediction.add_ladder();
    step.set_name(cause.name());
    step.set_cycles(cause.cycles());
  }
  // A prediction of several layers at once is no prediction of any of them.
  if (result.layers_size() == 1) {
    auto& layer = *prediction.add_layers();
    layer.set_name(result.layers(0).name());
    layer.set_predicted_cycles(prediction.predicted_cycles());
  }
  return prediction;
}

}  // namespace

void report_prediction(const sim::proto::ValidatedCase& one, const std::string& model,
                       const std::filesystem::path& folder) {
  if (!one.refused().empty())
    throw UserError("--report ", folder.string(), ": ", one.name(),
                    " was not simulated: ", one.refused());
  sim::proto::Result result;
  const auto file = (folder / "result.json").string();
  parse_json(read_file(file), file, result);
  if (result.cycles() != one.simulated_cycles())
    throw UserError("--report ", folder.string(), ": its run took ", result.cycles(),
                    " cycles, this case takes ", one.simulated_cycles(),
                    "; name the folder of a run with the same network, schedule and accelerator");
  const std::string prediction = to_json(prediction_of(one, model, result));
  auto run = sim::load_run(folder);
  run.validation = prediction;
  const std::string page = sim::report_page({run});
  write_file_atomically(folder / "validation.json", prediction);
  write_file_atomically(folder / "report.html", page);
}

}  // namespace tessera::app
