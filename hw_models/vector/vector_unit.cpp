#include "hw_models/vector/vector_unit.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "sim/base/error.h"

namespace tessera::hw {

namespace {

constexpr int kReadStreams[kMostVectorInputs] = {kInputStream, kWeightStream, kPartialSumStream};

/// Which words and lines an issue of one group of lanes takes and completes. Issues run over the
/// groups of results, and inside a group over its window.
struct Issues {
  Issues(const VectorWork& work, std::int64_t lanes, std::int64_t words_per_line)
      : elements(work.elements),
        window(work.window),
        lanes(lanes),
        words_per_line(words_per_line),
        groups(ceil_div(work.elements, lanes)),
        total(groups * window),
        period(window * words_per_line / std::gcd(lanes, words_per_line)) {}

  /// Lines that an operand's stream moves on in a period of issues.
  std::int64_t lines_per_period() const { return period * lanes / words_per_line; }

  /// Line of an operand's stream with the last word of the issue.
  std::int64_t line_needed(std::int64_t issue) const {
    const std::int64_t group = issue / window;
    const std::int64_t words = std::min(lanes, elements - group * lanes);
    const std::int64_t end = group * window * lanes + (issue % window + 1) * words;
    return (end - 1) / words_per_line;
  }

  bool ends_group(std::int64_t issue) const { return issue % window == window - 1; }

  /// Result lines that are complete after the group.
  std::int64_t lines_complete(std::int64_t group) const {
    if (group + 1 == groups) return ceil_div(elements, words_per_line);
    return (group + 1) * lanes / words_per_line;
  }

  std::int64_t elements, window, lanes, words_per_line, groups, total, period;
};

}  // namespace

VectorUnit::VectorUnit(const VectorUnitDescription& unit, const BufferDescription& buffer,
                       int word_bytes)
    : unit_(unit),
      ports_(buffer),
      words_per_line_(static_cast<std::int64_t>(buffer.line_bytes) / word_bytes) {}

void VectorUnit::check(const VectorWork& work, const std::string& origin) {
  const auto in_range = [&](const char* field, std::int64_t value, std::int64_t low,
                            std::int64_t high) {
    if (value < low || value > high)
      throw UserError(origin, ": vector instruction: ", field, " = ", value, ": must be ", low,
                      " to ", high);
  };
  in_range("elements", work.elements, 1, std::int64_t{1} << 40);
  in_range("window", work.window, 1, std::int64_t{1} << 20);
  in_range("inputs", work.inputs, 0, kMostVectorInputs);
  in_range("passes", work.passes, 1, 1000);
  for (const std::int64_t line : work.input_line)
    in_range("input_line", line, 0, std::int64_t{1} << 48);
  in_range("output_line", work.output_line, 0, std::int64_t{1} << 48);
}

Cycle VectorUnit::issue_cycles(const VectorWork& work) const {
  return work.function == FunctionClass::kSimple
             ? 1
             : static_cast<Cycle>(unit_.special_function_cycles);
}

Cycle VectorUnit::result_latency(const VectorWork& work) const {
  return static_cast<Cycle>(unit_.pipeline_cycles) + issue_cycles(work) - 1;
}

Cycle VectorUnit::fold_latency() const {
  const int levels = std::bit_width(static_cast<unsigned>(unit_.lanes - 1));
  return static_cast<Cycle>(levels) * static_cast<Cycle>(unit_.pipeline_cycles);
}

/// Cycle in which the first line of every operand has been read.
Cycle VectorUnit::operands_ready(const VectorWork& work, Cycle start) const {
  Cycle ready = start;
  for (int i = 0; i < work.inputs; ++i)
    ready = std::max(ready, ports_.array_slot(kReadStreams[i], work.input_line[i], start));
  return ready;
}

/// Issue by issue through two periods of the pattern that lanes and lines make, then in one jump to
/// the last: by then the slower of unit and line streams sets the pace of every period.
VectorUnit::Pass VectorUnit::run_pass(const VectorWork& work, Cycle start) const {
  const Issues issues(work, unit_.lanes, words_per_line_);
  const auto spacing = static_cast<std::int64_t>(ports_.slot_spacing());
  const auto step = static_cast<std::int64_t>(issue_cycles(work));
  const auto latency = static_cast<std::int64_t>(result_latency(work));
  const auto ready = static_cast<std::int64_t>(operands_ready(work, start));
  const bool reads = work.inputs > 0;
  std::int64_t earliest = ready;
  std::int64_t issue = ready;
  std::int64_t first_write = 0;
  for (std::int64_t i = 0; i < issues.total; ++i) {
    if (i == 2 * issues.period && issues.total - i > 2 * issues.period) {
      const std::int64_t periods = (issues.total - i) / issues.period - 1;
      const std::int64_t lines_pace = reads ? spacing * issues.lines_per_period() : 0;
      earliest += periods * std::max(step * issues.period, lines_pace);
      i += periods * issues.period;
    }
    issue = reads ? std::max(earliest, ready + spacing * issues.line_needed(i)) : earliest;
    earliest = issue + step;
    if (!issues.ends_group(i)) continue;
    const std::int64_t group = i / issues.window;
    const std::int64_t line = group > 0 ? issues.lines_complete(group - 1) : 0;
    if (issues.lines_complete(group) > line)
      first_write = std::max(first_write, issue + latency - spacing * line);
  }
  return {static_cast<Cycle>(issue), static_cast<Cycle>(first_write)};
}

VectorTiming VectorUnit::time(const VectorWork& work, Cycle start) const {
  const Cycle begin = start % ports_.slot_period();
  Cycle next = begin;
  for (int pass = 1; pass < work.passes; ++pass) {
    const Cycle last = run_pass(work, next).last_issue;
    next =
        work.reduction ? last + result_latency(work) + fold_latency() : last + issue_cycles(work);
  }
  const Pass last = run_pass(work, next);
  const std::int64_t lines_out = ceil_div(work.elements, words_per_line_);
  const Cycle written =
      ports_.array_line(kOutputStream, work.output_line, lines_out - 1, last.first_write);

  VectorTiming timing;
  timing.cycles = written + 1 - begin;
  timing.operations = work.elements * work.window * work.passes;
  timing.busy =
      issue_cycles(work) * static_cast<Cycle>(work.passes) *
      static_cast<Cycle>(ceil_div<std::int64_t>(work.elements, unit_.lanes) * work.window);
  timing.words_read = timing.operations * work.inputs;
  timing.words_written = work.elements;
  timing.lines_read =
      work.passes * work.inputs * ceil_div(work.elements * work.window, words_per_line_);
  timing.lines_written = lines_out;
  return timing;
}

}  // namespace tessera::hw
