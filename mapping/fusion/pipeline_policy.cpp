#include "mapping/fusion/pipeline_policy.h"

#include <charconv>
#include <map>
#include <sstream>

#include "sim/base/error.h"
#include "sim/base/names.h"

namespace tessera::mapping {

namespace {

int number_of(const std::string& key, const std::string& value, int least) {
  constexpr int kMost = 1024;
  int number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < least ||
      number > kMost)
    throw UserError("pipeorgan: ", key, "=", value, ": must be a number from ", least, " to ",
                    kMost);
  return number;
}

Organisation organisation_named(const std::string& name) {
  static const std::map<std::string, Organisation> known = {
      {"blocked_1d", Organisation::kBlocked1d},
      {"blocked_2d", Organisation::kBlocked2d},
      {"checkerboard", Organisation::kCheckerboard},
      {"striped_1d", Organisation::kStriped1d}};
  const auto found = known.find(name);
  if (found != known.end()) return found->second;
  throw UserError("pipeorgan: organisation=", name,
                  ": allowed are blocked_1d, blocked_2d, checkerboard, striped_1d");
}

}  // namespace

PipelinePolicy parse_pipeline_policy(const std::string& text) {
  PipelinePolicy policy;
  std::istringstream in(text);
  for (std::string setting; std::getline(in, setting, ',');) {
    const auto equals = setting.find('=');
    const auto key = setting.substr(0, equals);
    const auto value = equals == std::string::npos ? "" : setting.substr(equals + 1);
    if (key == "depth")
      policy.depth = number_of(key, value, 2);
    else if (key == "rows")
      policy.rows = number_of(key, value, 1);
    else if (key == "organisation")
      policy.organisation = organisation_named(value);
    else
      throw UserError("pipeorgan: ", setting, ": allowed are depth=N, organisation=NAME, rows=N; ",
                      suggest(key, {"depth", "organisation", "rows"}));
  }
  return policy;
}

}  // namespace tessera::mapping
