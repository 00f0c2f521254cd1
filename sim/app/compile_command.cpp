#include "sim/app/compile_command.h"

#include <iostream>

#include "mapping/listing.h"
#include "mapping/program_io.h"
#include "mapping/schedule_io.h"
#include "sim/app/inputs.h"
#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/base/message_io.h"
#include "sim/base/output_directory.h"
#include "sim/results/prediction.h"

namespace tessera::app {

namespace po = boost::program_options;

namespace {

po::options_description options() {
  po::options_description options("Options of compile");
  options.add(input_options());
  auto add = options.add_options();
  add("output,o", po::value<std::string>(),
      "program file to write (.pb), for tessera run --program");
  add("schedule-out", po::value<std::string>(),
      "schedule file to write (.textproto), for --schedule");
  add("print", po::value<std::string>(), "print the listing of tiles by id: tile=3,4");
  add("print-schedule", po::bool_switch(), "print the schedule tree, one node a line");
  add("print-prediction", po::bool_switch(),
      "print what the scheduler's analysis expects of its schedule, as JSON");
  add("progress", po::bool_switch(),
      "report how far a search by simulation is, also when output is no terminal");
  return options;
}

void print_prediction(const Inputs& inputs) {
  const auto expected = mapping::expected_of(inputs.schedule);
  if (!expected)
    throw UserError("--print-prediction: schedule ", inputs.schedule.name,
                    " comes without an estimate; layerwise and tangram make one");
  std::cout << to_json(sim::prediction_of(*expected, inputs.accelerator.energy)) << "\n";
}

bool asks_for_nothing(const po::variables_map& values) {
  const bool prints = values["print-schedule"].as<bool>() || values["print-prediction"].as<bool>();
  return !prints &&
         values.count("print") + values.count("schedule-out") + values.count("output") == 0;
}

void run(const po::variables_map& values) {
  const auto inputs = load_inputs(values);
  const auto program = lower(inputs);
  check_program(program, inputs.accelerator, inputs.schedule.origin);
  if (asks_for_nothing(values))
    std::cout << inputs.network.name << " on " << inputs.accelerator.name << ", schedule "
              << inputs.schedule.name << ": compiles to " << program.stages.size()
              << " stages and passes the program checker; -o FILE writes the program\n";
  if (values["print-schedule"].as<bool>()) std::cout << mapping::to_text(inputs.schedule);
  if (values["print-prediction"].as<bool>()) print_prediction(inputs);
  if (values.count("print") != 0)
    std::cout << mapping::requested_listing(program, values["print"].as<std::string>());
  if (values.count("schedule-out") != 0)
    write_file_atomically(values["schedule-out"].as<std::string>(),
                          mapping::to_schedule_text(inputs.schedule));
  if (values.count("output") != 0)
    write_file_atomically(values["output"].as<std::string>(), mapping::to_program_bytes(program));
}

}  // namespace

Command compile_command() {
  return {"compile", "schedule and lower a network to one instruction stream per tile", options,
          run};
}

}  // namespace tessera::app
