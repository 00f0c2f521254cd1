#include "sim/app/command.h"

#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <iostream>
#include <new>
#include <optional>

#include "sim/app/compile_command.h"
#include "sim/app/dram_command.h"
#include "sim/app/list_command.h"
#include "sim/app/manual_command.h"
#include "sim/app/noc_command.h"
#include "sim/app/predict_command.h"
#include "sim/app/report_command.h"
#include "sim/app/resources_command.h"
#include "sim/app/run_command.h"
#include "sim/app/sweep_command.h"
#include "sim/app/trace_command.h"
#include "sim/app/validate_command.h"
#include "sim/base/error.h"
#include "sim/base/names.h"

namespace tessera::app {

namespace po = boost::program_options;

const std::vector<Command>& commands() {
  static const std::vector<Command> list = {
      run_command(),       compile_command(), predict_command(), validate_command(),
      resources_command(), noc_command(),     dram_command(),    trace_command(),
      sweep_command(),     report_command(),  list_command(),    completion_command(),
      man_command(),
  };
  return list;
}

namespace {

constexpr int kUserMistake = 2;
constexpr int kModelFault = 3;
constexpr int kDifference = 4;

void print_overview(std::ostream& out) {
  out << "Usage: tessera COMMAND [OPTIONS]\n\n"
         "A cycle-level simulator of tiled neural-network accelerators.\n\nCommands:\n";
  for (const auto& command : commands()) {
    std::string name = command.name;
    name.resize(std::max<std::size_t>(name.size(), 10), ' ');
    out << "  " << name << "  " << command.summary << "\n";
  }
  out << "\n'tessera COMMAND --help' lists a command's options.\n";
}

const Command& find_command(const std::string& name) {
  std::vector<std::string> known;
  for (const auto& command : commands()) {
    if (command.name == name) return command;
    known.push_back(command.name);
  }
  throw UserError("tessera ", name, ": no such command; ", suggest(name, known));
}

void print_help(const Command& command, const po::options_description& options) {
  std::cout << "Usage: tessera " << command.name;
  for (const auto& name : command.positional) std::cout << " " << name;
  std::cout << " [OPTIONS]\n" << command.summary << "\n\n" << options;
}

bool is_repeated(const std::string& positional) { return positional.ends_with("..."); }

std::string key_of(const std::string& positional) {
  return is_repeated(positional) ? positional.substr(0, positional.size() - 3) : positional;
}

po::positional_options_description positional_of(const Command& command) {
  po::positional_options_description positional;
  for (const auto& name : command.positional)
    positional.add(key_of(name).c_str(), is_repeated(name) ? -1 : 1);
  return positional;
}

/// The command's options and, as options too, its positional arguments.
po::options_description with_positional(const Command& command,
                                        const po::options_description& options) {
  po::options_description all = options;
  for (const auto& name : command.positional) {
    const std::string key = key_of(name);
    if (options.find_nothrow(key, false) != nullptr) continue;
    if (is_repeated(name))
      all.add_options()(key.c_str(), po::value<std::vector<std::string>>());
    else
      all.add_options()(key.c_str(), po::value<std::string>());
  }
  return all;
}

std::vector<std::string> names_of(const po::options_description& options) {
  std::vector<std::string> names;
  for (const auto& option : options.options()) names.push_back("--" + option->long_name());
  return names;
}

/// Nothing when help was asked for: what is needed may be missing then.
std::optional<po::variables_map> parsed(const Command& command, const po::options_description& all,
                                        const std::vector<std::string>& arguments) {
  const std::string place = "tessera " + command.name + ": ";
  const std::string help = "see tessera " + command.name + " --help";
  try {
    constexpr int style =
        po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
    po::variables_map values;
    po::store(po::command_line_parser(arguments)
                  .options(all)
                  .positional(positional_of(command))
                  .style(style)
                  .run(),
              values);
    if (values.count("help") != 0) return std::nullopt;
    po::notify(values);
    return values;
  } catch (const po::required_option& error) {
    const std::string given = error.get_option_name();
    const std::string name = given.substr(given.find_first_not_of('-'));
    const bool positional = std::ranges::count(command.positional, name, key_of) != 0;
    throw UserError(place, positional ? name : "--" + name,
                    " is needed: ", all.find(name, false).description());
  } catch (const po::unknown_option& error) {
    const auto near = did_you_mean(error.get_option_name(), names_of(all));
    throw UserError(place, "no option ", error.get_option_name(), "; ", near.empty() ? help : near);
  } catch (const po::error& error) {
    throw UserError(place, error.what(), "; ", help);
  }
}

void run_command(const Command& command, const std::vector<std::string>& arguments) {
  auto options = command.options();
  options.add_options()("help,h", "print this help and exit");
  const auto values = parsed(command, with_positional(command, options), arguments);
  if (!values) return print_help(command, options);
  command.run(*values);
}

int fail(int code, const std::string& text) {
  std::cerr << "tessera: " << text << "\n";
  return code;
}

}  // namespace

int run_program(int argc, char** argv) {
  // Protobuf would print its own lines about a damaged file beside ours.
  google::protobuf::SetLogHandler(nullptr);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h") {
      print_overview(std::cout);
      return 0;
    }
    if (arguments[0] == "--version") {
      std::cout << "tessera " TESSERA_VERSION "\n";
      return 0;
    }
    run_command(find_command(arguments[0]), {arguments.begin() + 1, arguments.end()});
    return 0;
  } catch (const UserError& error) {
    return fail(kUserMistake, error.what());
  } catch (const DifferenceFound& error) {
    return fail(kDifference, error.what());
  } catch (const NoProgress& error) {
    return fail(kModelFault, error.what());
  } catch (const InvariantViolation& error) {
    return fail(kModelFault, std::string("internal error, please report: ") + error.what());
  } catch (const std::bad_alloc&) {
    return fail(kModelFault, "out of memory");
  } catch (const std::exception& error) {
    return fail(kModelFault, std::string("internal error, please report: ") + error.what());
  }
}

}  // namespace tessera::app
