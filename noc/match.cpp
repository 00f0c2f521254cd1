#include "noc/match.h"

#include <algorithm>
#include <tuple>

namespace tessera::noc {

namespace {

using Requests = std::vector<MatchRequest>;

void advance_pointers(MatchRequest& request, MatchSize size) {
  request.matched = true;
  *request.grant_pointer = static_cast<std::uint16_t>((request.input + 1) % size.inputs);
  *request.accept_pointer = static_cast<std::uint16_t>((request.output + 1) % size.outputs);
}

std::uint32_t input_turn(const MatchRequest& request, MatchSize size) {
  return turn(request.input, *request.grant_pointer, size.inputs);
}

std::uint32_t output_turn(const MatchRequest& request, MatchSize size) {
  return turn(request.output, *request.accept_pointer, size.outputs);
}

void match_islip(MatchSize size, Requests& requests) {
  for (auto& request : requests) {
    const std::uint32_t own = input_turn(request, size);
    request.granted = std::none_of(requests.begin(), requests.end(), [&](const auto& other) {
      return other.output == request.output && input_turn(other, size) < own;
    });
  }
  for (auto& request : requests) {
    if (!request.granted) continue;
    const std::uint32_t own = output_turn(request, size);
    request.matched = std::none_of(requests.begin(), requests.end(), [&](const auto& other) {
      return other.granted && other.group == request.group && other.input == request.input &&
             output_turn(other, size) < own;
    });
  }
  for (auto& request : requests)
    if (request.matched) advance_pointers(request, size);
}

void match_input_first(MatchSize size, Requests& requests) {
  for (auto& request : requests) {
    const std::uint32_t own = output_turn(request, size);
    request.granted = std::none_of(requests.begin(), requests.end(), [&](const auto& other) {
      return other.input == request.input && output_turn(other, size) < own;
    });
  }
  for (auto& request : requests) {
    if (!request.granted) continue;
    const std::uint32_t own = input_turn(request, size);
    request.matched = std::none_of(requests.begin(), requests.end(), [&](const auto& other) {
      return other.granted && other.output == request.output && input_turn(other, size) < own;
    });
  }
  for (auto& request : requests)
    if (request.matched) advance_pointers(request, size);
}

void match_wavefront(MatchSize size, Cycle cycle, Requests& requests) {
  const std::uint32_t diagonals = std::max(size.inputs, size.outputs);
  const auto first = static_cast<std::uint32_t>(cycle % diagonals);
  const auto wave = [&](const MatchRequest& request) {
    return turn((request.input + request.output) % diagonals, first, diagonals);
  };
  std::sort(requests.begin(), requests.end(), [&](const auto& a, const auto& b) {
    return std::tuple(wave(a), a.input, a.output) < std::tuple(wave(b), b.input, b.output);
  });
  for (auto& request : requests)
    request.matched = std::none_of(requests.begin(), requests.end(), [&](const auto& other) {
      return other.matched && (other.input == request.input || other.output == request.output);
    });
}

}  // namespace

void match(AllocatorKind kind, MatchSize size, Cycle cycle, Requests& requests) {
  switch (kind) {
    case AllocatorKind::kIslip:
      return match_islip(size, requests);
    case AllocatorKind::kSeparableInputFirst:
      return match_input_first(size, requests);
    case AllocatorKind::kWavefront:
      return match_wavefront(size, cycle, requests);
  }
}

}  // namespace tessera::noc
