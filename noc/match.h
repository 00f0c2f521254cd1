// Matching of requesters and resources by the allocators of virtual channels and of the switch.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "noc/config.h"
#include "sim/base/types.h"

namespace tessera::noc {

/// Requester `input` asks for `output`. A requester may receive one output per `group` (branches of
/// a multicast packet are groups of their own; elsewhere the group is the input).
struct MatchRequest {
  std::uint32_t input = 0;
  std::uint32_t output = 0;
  std::uint32_t group = 0;
  std::uint32_t payload = 0;                ///< the caller's; requests may be reordered
  std::uint16_t* grant_pointer = nullptr;   ///< of the output: next input in turn
  std::uint16_t* accept_pointer = nullptr;  ///< of the input: next output in turn
  bool granted = false;                     ///< the output chose this input
  bool matched = false;
};

struct MatchSize {
  std::uint32_t inputs = 0;
  std::uint32_t outputs = 0;
};

/// Sets `matched`; moves the round-robin pointers of matched requests, and only of those.
/// iSLIP (McKeown 1999), one iteration: outputs grant, inputs accept. Separable input-first: inputs
/// choose, outputs choose among those. Wavefront (Tamir and Chi 1993): diagonals in turn, the first
/// one given by the cycle.
void match(AllocatorKind kind, MatchSize size, Cycle cycle, std::vector<MatchRequest>& requests);

/// Position in round-robin order: 0 for the pointer itself. A pointer may be one past the last
/// index, which is the same as 0.
inline std::uint32_t turn(std::uint32_t index, std::uint32_t pointer, std::uint32_t size) {
  return index >= pointer ? index - pointer : index + size - pointer;
}

/// First set bit at or after the pointer, going round. Past the last bit in use is the same as 0.
inline std::uint32_t first_in_turn(std::uint64_t bits, std::uint32_t pointer) {
  const std::uint64_t from = bits & (~std::uint64_t{0} << (pointer % 64));
  return static_cast<std::uint32_t>(std::countr_zero(from != 0 ? from : bits));
}

/// The pointer past a winner.
inline std::uint16_t following(std::uint32_t index) {
  return static_cast<std::uint16_t>(index + 1);
}

inline bool is_single(std::uint64_t bits) { return (bits & (bits - 1)) == 0; }

}  // namespace tessera::noc
