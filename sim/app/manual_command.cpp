#include "sim/app/manual_command.h"

#include <iostream>
#include <map>

#include "hw_models/description/load.h"
#include "hw_models/dram/device.h"
#include "sim/app/inputs.h"
#include "sim/base/data_files.h"
#include "sim/base/error.h"
#include "sim/base/names.h"

namespace tessera::app {

namespace po = boost::program_options;

namespace {

po::options_description no_options() { return po::options_description("Options"); }

bool takes_value(const po::option_description& option) {
  return option.semantic()->max_tokens() > 0;
}

/// Text for troff: hyphens that can be copied, no line that begins with a request.
std::string roff(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\')
      result += "\\e";
    else if (c == '-')
      result += "\\-";
    else
      result += c;
  }
  return result.starts_with('.') || result.starts_with('\'') ? "\\&" + result : result;
}

void print_manual_options(const po::options_description& table) {
  for (const auto& option : table.options()) {
    std::cout << ".TP\n.B " << roff("--" + option->long_name());
    if (takes_value(*option)) std::cout << " \\fI" << roff(option->format_parameter()) << "\\fR";
    std::cout << "\n" << roff(option->description()) << "\n";
  }
}

void print_manual(const po::variables_map&) {
  std::cout
      << ".TH TESSERA 1 \"\" \"tessera " TESSERA_VERSION
         "\"\n"
         ".SH NAME\ntessera \\- cycle\\-level simulator of tiled neural\\-network accelerators\n"
         ".SH SYNOPSIS\n.B tessera\n.I COMMAND\n[\\fIOPTIONS\\fR]\n.SH COMMANDS\n";
  for (const auto& command : commands()) {
    std::cout << ".SS tessera " << roff(command.name);
    for (const auto& name : command.positional) std::cout << " \\fI" << roff(name) << "\\fR";
    std::cout << "\n" << roff(command.summary) << ".\n";
    print_manual_options(command.options());
  }
  std::cout << ".SH EXIT STATUS\n"
               ".TP\n.B 0\nwell\n.TP\n.B 2\nthe user's input; one line says what and where\n"
               ".TP\n.B 3\nthe machine cannot move, or a self\\-check failed\n"
               ".TP\n.B 4\na regression check found a difference\n";
}

/// Names that an option's value may have, beside files.
std::map<std::string, std::vector<std::string>> known_values() {
  std::vector<std::string> schedules;
  for (const auto& kind : schedule_kinds()) schedules.push_back(kind.name);
  return {{"accelerator", hw::accelerator_presets()},
          {"network", list_data_files("zoo")},
          {"device", dram::list_devices()},
          {"schedule", schedules}};
}

std::string option_words(const Command& command) {
  std::string words = "--help";
  const auto table = command.options();
  for (const auto& option : table.options()) words += " --" + option->long_name();
  return words;
}

void print_bash(std::ostream& out) {
  std::string names;
  for (const auto& command : commands()) names += (names.empty() ? "" : " ") + command.name;
  out << "# bash completion for tessera " TESSERA_VERSION
         ", written by `tessera completion bash`\n"
         "_tessera() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words=\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
         "    COMPREPLY=($(compgen -W '"
      << names
      << " --help --version' -- \"$current\"))\n"
         "    return\n"
         "  fi\n"
         "  case $previous in\n";
  for (const auto& [option, values] : known_values())
    out << "    --" << option << ") words='" << join(values, " ") << "' ;;\n";
  out << "  esac\n"
         "  if [ -z \"$words\" ] && [[ $current == -* ]]; then\n"
         "    case ${COMP_WORDS[1]} in\n";
  for (const auto& command : commands())
    out << "      " << command.name << ") words='" << option_words(command) << "' ;;\n";
  out << "    esac\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "    return\n"
         "  fi\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\") $(compgen -f -- \"$current\"))\n"
         "}\n"
         "complete -o filenames -F _tessera tessera\n";
}

void print_completion(const po::variables_map& values) {
  const auto shell = values.count("shell") != 0 ? values["shell"].as<std::string>() : "";
  if (shell != "bash" && shell != "zsh")
    throw UserError("tessera completion '", shell, "': allowed: bash, zsh");
  if (shell == "zsh")
    std::cout
        << "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n";
  print_bash(std::cout);
}

}  // namespace

Command man_command() {
  return {"man", "print the manual page, written from the option tables", no_options, print_manual};
}

Command completion_command() {
  return {"completion",
          "print shell completion (bash, zsh), written from the option tables",
          no_options,
          print_completion,
          {"shell"}};
}

}  // namespace tessera::app
