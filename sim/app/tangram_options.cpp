#include "sim/app/tangram_options.h"

#include "sim/base/error.h"

namespace tessera::app {

namespace po = boost::program_options;
using mapping::Pipelining;

po::options_description tangram_options() {
  po::options_description options("Schedule tangram");
  options.add_options()("tangram-forwarding", po::value<std::string>(),
                        "on: data that several tiles want is fetched once (default); off: every "
                        "tile fetches its own copy")(
      "tangram-sharing", po::value<std::string>(),
      "on: tiles may hold one copy of an operand between them and pass its pieces round (default); "
      "off: every tile holds what it needs")(
      "tangram-pipelining", po::value<std::string>(),
      "dag: segments with branches and skip connections (default); chains: only linear ones; off: "
      "layer by layer")("tangram-allo", po::value<std::string>(),
                        "on: alternate layer loop ordering, stages hand over pieces (default); "
                        "off: whole feature maps")(
      "tangram-additions", po::value<std::string>(),
      "on: sums of a segment may be added on the tiles that make one of their operands (default); "
      "off: on tiles of their own")(
      "tangram-blocking", po::value<std::string>(),
      "on: --refine also tries every layer by itself with a second copy of what streams in "
      "(default); off: as layerwise blocks it");
  return options;
}

namespace {

/// Position of an option's value among those allowed; the first when it is not given.
int choice_of(const po::variables_map& values, const std::string& name, const std::string& schedule,
              const std::vector<std::string>& allowed) {
  if (values.count(name) == 0) return 0;
  const auto given = values[name].as<std::string>();
  if (schedule != "tangram")
    throw UserError("--", name, " ", given, ": concerns --schedule tangram; the schedule is ",
                    schedule);
  for (std::size_t i = 0; i < allowed.size(); ++i)
    if (given == allowed[i]) return static_cast<int>(i);
  std::string list;
  for (const auto& one : allowed) list += (list.empty() ? "" : ", ") + one;
  throw UserError("--", name, " ", given, ": allowed: ", list);
}

}  // namespace

mapping::TangramSwitches tangram_switches(const po::variables_map& options,
                                          const std::string& schedule) {
  constexpr Pipelining kPipelinings[] = {Pipelining::kDag, Pipelining::kChains, Pipelining::kNone};
  mapping::TangramSwitches switches;
  switches.forwarding = choice_of(options, "tangram-forwarding", schedule, {"on", "off"}) == 0;
  switches.sharing = choice_of(options, "tangram-sharing", schedule, {"on", "off"}) == 0;
  switches.pipelining =
      kPipelinings[choice_of(options, "tangram-pipelining", schedule, {"dag", "chains", "off"})];
  switches.allo = choice_of(options, "tangram-allo", schedule, {"on", "off"}) == 0;
  switches.additions = choice_of(options, "tangram-additions", schedule, {"on", "off"}) == 0;
  switches.blocking = choice_of(options, "tangram-blocking", schedule, {"on", "off"}) == 0;
  if (switches.forwarding) return switches;
  if (options.count("tangram-pipelining") != 0 && switches.pipelining != Pipelining::kNone)
    throw UserError("--tangram-pipelining ", options["tangram-pipelining"].as<std::string>(),
                    ": stages of a segment always forward; with --tangram-forwarding off allowed: "
                    "off");
  if (options.count("tangram-sharing") != 0 && switches.sharing)
    throw UserError(
        "--tangram-sharing on: copies that go round are forwarded; with "
        "--tangram-forwarding off allowed: off");
  switches.sharing = false;
  switches.pipelining = Pipelining::kNone;
  return switches;
}

}  // namespace tessera::app
